"""The worker threads of an attached process: each has an isolate, hence a heap, of its own."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import msgspec

from nodemem.errors import TargetError, TargetTimeout
from nodemem.target.session import Session

MOST = 1000  # worker threads that are asked
_TIMEOUT = 1.0
_ASK = 1
_FORGET = '{"id":2,"method":"Runtime.discardConsoleEntries"}'


class Worker(msgspec.Struct, frozen=True, rename="camel"):
    """A worker thread. `title` is `[worker N] name`, N being its threadId; the inspector's own
    number for it is another one."""

    title: str = ""
    url: str = ""


class _Attached(msgspec.Struct, rename="camel"):
    session_id: str
    worker_info: Worker


class _Received(msgspec.Struct, rename="camel"):
    session_id: str
    message: str


class _Detached(msgspec.Struct, rename="camel"):
    session_id: str


class _Answer(msgspec.Struct):
    id: int | None = None
    result: dict[str, Any] | None = None


def call_each(
    session: Session, method: str, params: dict[str, Any] | None = None
) -> list[tuple[Worker, dict[str, Any] | None]]:
    """Call one method in every worker at once; None for a worker that did not answer.

    The sessions with the workers live for this call only: one that stays would keep watching a
    worker that the program ends.

    Raises:
        TargetError: the main thread does not answer.
    """
    connection = session.connection
    visit = _Visit()
    message = msgspec.json.encode({"id": _ASK, "method": method, "params": params or {}}).decode()
    with (
        connection.on("NodeWorker.attachedToWorker", visit.attached),
        connection.on("NodeWorker.receivedMessageFromWorker", visit.received),
        connection.on("NodeWorker.detachedFromWorker", visit.detached),
    ):
        # Workers that run now are announced before this call is answered.
        session.call("NodeWorker.enable", {"waitForDebuggerOnStart": False}, timeout=_TIMEOUT)
        try:
            for worker in list(visit.workers):
                try:
                    session.call(
                        "NodeWorker.sendMessageToWorker",
                        {"sessionId": worker, "message": message},
                        timeout=_TIMEOUT,
                    )
                except TargetTimeout:
                    break  # the main thread will be no quicker for the others
                except TargetError:
                    pass  # it has just ended
            return visit.results(_TIMEOUT)
        finally:
            # Disabling alone leaves the sessions in the workers, which then keep for ever what
            # they pass to console.log(); and what they logged meanwhile must be freed as well,
            # but for what they log in the moment between these two messages.
            # Only asked for where it matters: all sockets of the host are gone through for it.
            alone = bool(visit.workers) and not session.other_clients()
            for worker in list(visit.workers):
                if alone:
                    forget = {"sessionId": worker, "message": _FORGET}
                    connection.post("NodeWorker.sendMessageToWorker", forget)
                connection.post("NodeWorker.detach", {"sessionId": worker})
            with contextlib.suppress(TargetError):
                session.call("NodeWorker.disable", timeout=_TIMEOUT)


class _Visit:
    """What came back; filled by the reading thread."""

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}
        self.answers: dict[str, dict[str, Any] | None] = {}
        self.ended: set[str] = set()
        self._news = threading.Condition()

    def results(self, timeout: float) -> list[tuple[Worker, dict[str, Any] | None]]:
        """The answers, as soon as all are there; workers that have ended meanwhile are left out."""
        with self._news:
            self._news.wait_for(
                lambda: self.workers.keys() <= self.answers.keys() | self.ended, timeout
            )
            return [
                (worker, self.answers.get(key))
                for key, worker in self.workers.items()
                if key not in self.ended
            ]

    def attached(self, params: bytes) -> None:
        event = msgspec.json.decode(params, type=_Attached)
        with self._news:
            if len(self.workers) < MOST:
                self.workers[event.session_id] = event.worker_info

    def received(self, params: bytes) -> None:
        event = msgspec.json.decode(params, type=_Received)
        answer = msgspec.json.decode(event.message, type=_Answer)
        if answer.id == _ASK:
            with self._news:
                self.answers[event.session_id] = answer.result
                self._news.notify_all()

    def detached(self, params: bytes) -> None:
        event = msgspec.json.decode(params, type=_Detached)
        with self._news:
            if event.session_id in self.workers:
                self.ended.add(event.session_id)
            self._news.notify_all()
