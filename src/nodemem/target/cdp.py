"""A blocking client of the inspector: calls that wait for their answer, and events.

One thread of ours reads. It hands events to their handlers itself, so a slow handler slows the
reading and nothing piles up in our memory.

Node.js's WebSocket server is minimal: it drops the connection on a ping, on compression, on
fragments and on binary frames. Hence the settings in `__init__`, each of which is needed.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import connect

from nodemem.errors import NodememError, TargetError, TargetLost, TargetTimeout

Handler = Callable[[bytes], None]
"""Takes the JSON text of an event's parameters; runs in the reading thread."""

_QUEUED_MESSAGES = 4  # of up to about 1 MiB each
_POLL = 0.5
_encoder = msgspec.json.Encoder()


class _Refusal(msgspec.Struct):
    message: str = ""
    code: int = 0


class _Message(msgspec.Struct):
    """An answer (`id`) or an event (`method`); the payload stays text until someone wants it."""

    id: int | None = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")
    result: msgspec.Raw = msgspec.Raw(b"{}")
    error: _Refusal | None = None


class _Waiting:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.answer: _Message | None = None
        self.failure: BaseException | None = None

    def fail(self, failure: BaseException) -> None:
        self.failure = failure
        self.done.set()


class Connection:
    """A session with one inspector target.

    Raises:
        TargetLost: nothing answers at `url`, or it is no inspector.
    """

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        self.url = url
        self._open = contextlib.ExitStack()
        try:
            self._socket = self._open.enter_context(
                connect(
                    url,
                    open_timeout=timeout,
                    close_timeout=2.0,
                    ping_interval=None,
                    compression=None,
                    max_size=None,
                    max_queue=_QUEUED_MESSAGES,
                    proxy=None,
                    user_agent_header=None,
                )
            )
        except (OSError, InvalidHandshake, InvalidURI, ConnectionClosed, EOFError) as error:
            raise TargetLost(
                f"no inspector answers at {url}",
                why=str(error) or type(error).__name__,
                next="nodemem ps shows which Node.js processes have an open inspector",
            ) from error
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: dict[int, _Waiting] = {}
        self._handlers: dict[str, Handler] = {}
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, name="nodemem-inspector", daemon=True)
        self._reader.start()

    def call(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        timeout: float | None = 10.0,
        check: Callable[[], None] | None = None,
    ) -> Any:
        """Ask and wait for the answer: the `result` of the method, decoded.

        `check` is called about twice a second while waiting; it may raise to give up.

        Raises:
            TargetError: the inspector refuses, with its reason.
            TargetLost: the connection ended.
            TargetTimeout: no answer within `timeout` seconds (None: wait as long as it takes).
        """
        waiting = _Waiting()
        number = self._send(method, params, waiting)
        try:
            left = timeout
            while not waiting.done.wait(_POLL if left is None else min(_POLL, left)):
                if check is not None:
                    check()
                if left is not None:
                    left -= _POLL
                    if left <= 0:
                        raise TargetTimeout(
                            f"the target did not answer {method} within {timeout:g} s",
                            why="its event loop is blocked, or the machine is very busy",
                            next="try again when it is idle; nodemem ps shows whether it runs",
                        )
        finally:
            self._waiting.pop(number, None)
        if waiting.failure is not None:
            raise waiting.failure
        answer = waiting.answer
        assert answer is not None
        if answer.error is not None:
            raise TargetError(f"the target refused {method}", why=answer.error.message)
        return msgspec.json.decode(answer.result)

    def post(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Ask without waiting for an answer; nothing happens if the connection has ended."""
        with contextlib.suppress(TargetLost):
            self._send(method, params, None)

    @contextlib.contextmanager
    def on(self, event: str, handler: Handler) -> Iterator[None]:
        """Hand every `event` that arrives during the block to `handler`.

        An exception in the handler ends the calls that wait, with that exception, and the
        handler is not called again.
        """
        self._handlers[event] = handler
        try:
            yield
        finally:
            self._handlers.pop(event, None)

    def listen(self, event: str, handler: Handler) -> None:
        """Hand every `event` to `handler` until the connection ends."""
        self._handlers[event] = handler

    @property
    def ended(self) -> bool:
        """Whether the connection is gone."""
        return self._ended.is_set()

    def wait_until_ended(self, timeout: float | None) -> bool:
        """Wait for the other side to end the connection; whether it has."""
        return self._ended.wait(timeout)

    def close(self) -> None:
        """End the connection from our side. May be called from any thread, more than once."""
        self._socket.close()
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=5.0)

    def _send(self, method: str, params: dict[str, Any] | None, waiting: _Waiting | None) -> int:
        number = next(self._ids)
        message = _encoder.encode({"id": number, "method": method, "params": params or {}})
        with self._lock:  # the check and the entry must not straddle the end of the connection
            if self._ended.is_set():
                raise self._lost()
            if waiting is not None:
                self._waiting[number] = waiting
        try:
            self._socket.send(message, text=True)
        except (ConnectionClosed, OSError) as error:
            self._waiting.pop(number, None)
            raise self._lost() from error
        return number

    def _read(self) -> None:
        decoder = msgspec.json.Decoder(_Message)
        try:
            while True:
                self._dispatch(decoder.decode(self._socket.recv(decode=False)))
        except (ConnectionClosed, OSError, EOFError):
            pass
        except msgspec.DecodeError:  # what speaks there is no inspector
            self._socket.close()
        finally:
            with self._lock:
                self._ended.set()
                self._fail_waiting(self._lost())

    def _dispatch(self, message: _Message) -> None:
        if message.id is not None:
            if (waiting := self._waiting.get(message.id)) is not None:
                waiting.answer = message
                waiting.done.set()
            return
        handler = self._handlers.get(message.method or "")
        if handler is None:
            return
        try:
            handler(bytes(message.params))
        except msgspec.MsgspecError as error:
            self._fail_waiting(TargetError(f"{message.method} made no sense", why=str(error)))
        except BaseException as error:  # noqa: BLE001 - it belongs to the thread that waits
            self._handlers.pop(message.method or "", None)
            self._fail_waiting(error)

    def _fail_waiting(self, failure: BaseException) -> None:
        for waiting in list(self._waiting.values()):
            waiting.fail(failure)

    def _lost(self) -> NodememError:
        return TargetLost(f"the connection to {self.url} ended")
