"""One worker thread of an attached process, to be used like the main thread."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from nodemem.errors import NodememError, TargetError, TargetLost, TargetNotFound
from nodemem.target.channel import Channel
from nodemem.target.probe_answer import read_answer
from nodemem.target.session import Session
from nodemem.target.worker_events import MOST, Attached, Detached, Received, attached_to_all

_THREAD = re.compile(r"\[worker (\d{1,9})\]")
_FIND = 2.0  # seconds in which a worker must say which thread it is
_FIND_ALL = 10.0
_ANSWERS = 10.0  # seconds for the main thread
_LONGEST_TITLE = 200


class _Thread(msgspec.Struct):
    thread: int | None = None


@contextlib.contextmanager
def visit_all(session: Session) -> Iterator[Callable[[], list[WorkerThread]]]:
    """Sessions with all workers, also with those that begin during the block. What it yields gives
    those that there are now; a worker that has ended has `ended` set.

    `workers.call_each` must not be used meanwhile: it ends the sessions with all workers.

    Raises:
        TargetError: the main thread does not answer.
    """
    found: dict[str, WorkerThread] = {}
    with _sessions(session, found):
        try:
            yield lambda: list(found.values())
        finally:
            for one in list(found.values()):
                one.leave()


@contextlib.contextmanager
def visit(session: Session, number: int) -> Iterator[WorkerThread]:
    """A session with the worker whose `threadId` is `number`, until the end of the block.

    `workers.call_each` must not be used meanwhile: it ends the sessions with all workers.

    Raises:
        TargetNotFound: there is no such worker; those that there are, are named.
        TargetError: the main thread does not answer.
    """
    found: dict[str, WorkerThread] = {}
    with _sessions(session, found):
        try:
            threads = _threads(list(found.values()), number)
            if number not in threads:
                known = ", ".join(str(one) for one in sorted(filter(None, threads)))
                raise TargetNotFound(
                    f"{session.name} has no worker thread {number}",
                    why=f"its worker threads are {known}" if known else "it has none",
                    next="nodemem usage shows the worker threads",
                )
            for one in list(found.values()):
                if one is not threads[number]:
                    one.leave()
            yield threads[number]
        finally:
            for one in list(found.values()):  # those that began meanwhile were attached to too
                one.leave()


def _sessions(
    session: Session, found: dict[str, WorkerThread]
) -> contextlib.AbstractContextManager[None]:
    """Keep in `found` the sessions with workers, by their keys, as long as the block lasts."""

    def attached(event: Attached) -> None:
        if len(found) < MOST:
            title = event.worker_info.title[:_LONGEST_TITLE]
            found[event.session_id] = WorkerThread(session, event.session_id, title)

    def received(event: Received) -> None:
        if (worker := found.get(event.session_id)) is not None:
            worker.receive(event.message)

    def detached(event: Detached) -> None:
        if (worker := found.get(event.session_id)) is not None:
            worker.gone()

    return attached_to_all(
        session, attached=attached, received=received, detached=detached, timeout=_ANSWERS
    )


def _threads(workers: list[WorkerThread], wanted: int) -> dict[int | None, WorkerThread]:
    """Workers by `threadId`: as many as had to be asked to find `wanted`, the likeliest first."""
    workers.sort(key=lambda worker: worker.number != wanted)
    until = time.monotonic() + _FIND_ALL
    threads: dict[int | None, WorkerThread] = {}
    for worker in workers:
        threads[worker.thread()] = worker
        if wanted in threads or time.monotonic() > until:
            break
    return threads


class WorkerThread(Channel):
    """The isolate of one worker. Its messages pass through the main thread."""

    def __init__(self, session: Session, key: str, title: str) -> None:
        super().__init__()
        self._session = session
        self._key = key
        self._title = title
        self._undo: list[str] = []
        self._left = False

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return f"{self._title or 'a worker'} of {self._session.name}"

    @property
    def pid(self) -> int | None:
        """The process's, on this host."""
        return self._session.pid

    @property
    def version(self) -> str:
        """Node.js release, e.g. `v22.20.0`."""
        return self._session.version

    @property
    def loads(self) -> bool:
        """See `Session.loads`."""
        return self._session.loads

    @property
    def number(self) -> int | None:
        """The `threadId` that its title names."""
        named = _THREAD.match(self._title)
        return None if named is None else int(named[1])

    def thread(self) -> int | None:
        """Its `threadId`; None if it ended, or does not say."""
        with contextlib.suppress(TargetError):
            answer: _Thread = self.ask("memory_usage", _Thread, timeout=_FIND)
            if answer.thread is not None:
                return answer.thread
        return self.number

    def call(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        timeout: float | None = 10.0,
        check: Callable[[], None] | None = None,
        doing: str = "we were attached",
    ) -> Any:
        """Call one inspector method in the worker; see `Channel.call`.

        Raises:
            TargetError, TargetTimeout, TargetLost: the last says what ended, worker or process.
        """

        def watch() -> None:
            if self._session.connection.ended:
                self._end()
            elif check is not None:
                check()

        try:
            return super().call(method, params, timeout=timeout, check=watch)
        except TargetLost as error:
            if self._session.connection.ended:
                raise self._session.lost(doing) from error
            raise TargetLost(
                f"{self.name} ended while {doing}",
                why="the worker came to its end; the process still runs",
                next="nodemem usage shows the worker threads that run now",
            ) from error

    def ask(self, name: str, shape: type[Any], *, timeout: float = 10.0) -> Any:
        """Run the probe `name` in the worker and read its answer as `shape`.

        Raises:
            TargetError: the probe failed there.
        """
        answer = self.call("Runtime.evaluate", self._session.probe_call(name), timeout=timeout)
        return read_answer(answer, shape, self.name)

    def forget_console(self) -> None:
        """Free what console.log() of the worker left, unless another tool is attached."""
        if not self._session.other_clients():
            self.call("Runtime.discardConsoleEntries")

    def while_it_sends(self) -> AbstractContextManager[None]:
        """As `Session.while_it_sends`: all that a worker sends comes through the main thread."""
        return self._session.while_it_sends()

    def undo_with(self, method: str) -> None:
        """Call `method` when leaving: what was started must be stopped."""
        self._undo.append(method)

    def done_with(self, method: str) -> None:
        """Take back `undo_with`: it was called already."""
        self._undo.remove(method)

    def receive(self, message: str) -> None:
        """A message that the worker sent; called in the reading thread."""
        with contextlib.suppress(msgspec.DecodeError):
            self._receive(message)

    def gone(self) -> None:
        """The worker has ended; called in the reading thread."""
        self._end()

    def leave(self) -> None:
        """End the session with the worker; see `worker_events.attached_to_all`."""
        if self._left:
            return
        self._left = True
        for method in reversed(self._undo):
            self.post(method)
        if not self._session.other_clients():
            self.post("Runtime.discardConsoleEntries")
        self._session.connection.post("NodeWorker.detach", {"sessionId": self._key})

    def _transmit(self, message: bytes) -> None:
        self._session.connection.post(
            "NodeWorker.sendMessageToWorker",
            {"sessionId": self._key, "message": message.decode()},
        )

    def _lost(self) -> NodememError:
        return TargetLost(f"{self.name} ended")
