"""The worker threads of an attached process: each has an isolate, hence a heap, of its own."""

from __future__ import annotations

import threading
from typing import Any

import msgspec

from nodemem.errors import TargetError, TargetTimeout
from nodemem.target.session import Session
from nodemem.target.worker_events import (
    MOST,
    Attached,
    Detached,
    Received,
    Worker,
    attached_to_all,
)

_TIMEOUT = 1.0
_ASK = 1
_FORGET = '{"id":2,"method":"Runtime.discardConsoleEntries"}'


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
    with attached_to_all(
        session,
        attached=visit.attached,
        received=visit.received,
        detached=visit.detached,
        timeout=_TIMEOUT,
    ):
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
            # What they logged meanwhile must be freed, but for what they log in the moment between
            # these two messages.
            # Only asked for where it matters: all sockets of the host are gone through for it.
            alone = bool(visit.workers) and not session.other_clients()
            for worker in list(visit.workers):
                if alone:
                    forget = {"sessionId": worker, "message": _FORGET}
                    connection.post("NodeWorker.sendMessageToWorker", forget)
                connection.post("NodeWorker.detach", {"sessionId": worker})


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

    def attached(self, event: Attached) -> None:
        with self._news:
            if len(self.workers) < MOST:
                self.workers[event.session_id] = event.worker_info

    def received(self, event: Received) -> None:
        answer = msgspec.json.decode(event.message, type=_Answer)
        if answer.id == _ASK:
            with self._news:
                self.answers[event.session_id] = answer.result
                self._news.notify_all()

    def detached(self, event: Detached) -> None:
        with self._news:
            if event.session_id in self.workers:
                self.ended.add(event.session_id)
            self._news.notify_all()
