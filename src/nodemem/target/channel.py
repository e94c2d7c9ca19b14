"""Calls that wait for their answer, and events, over any way to send and receive messages."""

from __future__ import annotations

import abc
import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from nodemem.errors import NodememError, TargetError, TargetLost, TargetTimeout

Handler = Callable[[bytes], None]
"""Takes the JSON text of an event's parameters; runs in the reading thread."""

_POLL = 0.5
_LONGEST_REASON = 300  # characters
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


class Channel(abc.ABC):
    """A conversation with one isolate. A subclass gives `_transmit` and `_lost`, hands what
    arrives to `_receive`, and says `_end` when nothing more can come."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(_Message)
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: dict[int, _Waiting] = {}
        self._handlers: dict[str, Handler] = {}
        self._ended = threading.Event()

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
            TargetError: the inspector refuses, with its reason, or answers nonsense.
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
            reason = answer.error.message[:_LONGEST_REASON]
            raise TargetError(f"the target refused {method}", why=reason)
        try:
            return msgspec.json.decode(answer.result, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError) as error:
            raise TargetError(f"the answer to {method} made no sense", why=str(error)) from error

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

    @abc.abstractmethod
    def _transmit(self, message: bytes) -> None:
        """Send one message.

        Raises:
            TargetLost: the way is closed.
        """

    @abc.abstractmethod
    def _lost(self) -> NodememError:
        """The error of calls that will never be answered."""

    def _receive(self, text: bytes | str) -> None:
        """Take one message.

        Raises:
            msgspec.DecodeError: it is none.
        """
        try:
            message = self._decoder.decode(text)
        except RecursionError as error:
            raise msgspec.DecodeError("it is nested too deeply") from error
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
        except (msgspec.MsgspecError, RecursionError) as error:
            self._fail_waiting(TargetError(f"{message.method} made no sense", why=str(error)))
        except BaseException as error:  # noqa: BLE001 - it belongs to the thread that waits
            self._handlers.pop(message.method or "", None)
            self._fail_waiting(error)

    def _end(self) -> None:
        with self._lock:
            self._ended.set()
            self._fail_waiting(self._lost())

    def _send(self, method: str, params: dict[str, Any] | None, waiting: _Waiting | None) -> int:
        number = next(self._ids)
        message = _encoder.encode({"id": number, "method": method, "params": params or {}})
        with self._lock:  # the check and the entry must not straddle the end of the connection
            if self._ended.is_set():
                raise self._lost()
            if waiting is not None:
                self._waiting[number] = waiting
        try:
            self._transmit(message)
        except TargetLost:
            self._waiting.pop(number, None)
            raise
        return number

    def _fail_waiting(self, failure: BaseException) -> None:
        for waiting in list(self._waiting.values()):
            waiting.fail(failure)
