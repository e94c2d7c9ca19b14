"""The collections of a live process, those of its worker threads among them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nodemem.errors import NodememError, TargetError, TargetLost, TargetTimeout
from nodemem.gc.causes import NAMES, with_causes
from nodemem.gc.joined import Joined
from nodemem.records import GcEvent, GcWatch
from nodemem.target.gc_probe import GcProbe, News
from nodemem.target.isolate import Isolate
from nodemem.target.session import Session
from nodemem.target.tracing import traced
from nodemem.target.worker_thread import WorkerThread, visit_all

_Workers = Callable[[], list[WorkerThread]]
EVERY = 1.0  # seconds between two questions
_WORKER = 2.0  # seconds that a worker has for an answer
_REST = 10.0  # seconds before one that gave none is asked again
_LATE = (0.05, 0.2, 0.5)  # seconds to wait for performance entries that come on the event loop


def watch(
    session: Session,
    seconds: float | None,
    *,
    every: float = EVERY,
    causes: bool = False,
    workers: bool = True,
) -> Iterator[list[GcEvent | GcWatch]]:
    """Watch for `seconds` (None: until the caller stops), and hand out what has happened about
    every `every` seconds, in the order of time; at the end a `GcWatch` for each isolate.

    Times count from the beginning. With `causes`, V8's trace events are collected too, and nothing
    is handed out before the end. Without `workers` the main thread alone is watched; with them
    nothing else may visit workers meanwhile, as `usage.read_memory` does. Whatever way it ends,
    nothing stays behind in the process.

    Raises:
        TargetError: the process ended, or does not answer.
    """
    watching = _Watching(session)
    kept: list[GcEvent | GcWatch] = []
    # Before all else: what happens meanwhile should have its cause, too.
    tracing: contextlib.AbstractContextManager[list[Any]]
    tracing = traced(session, ["v8"], set(NAMES)) if causes else contextlib.nullcontext([])
    visit: contextlib.AbstractContextManager[_Workers]
    visit = visit_all(session) if workers else contextlib.nullcontext(_no_workers)
    with tracing as traces, visit as those, contextlib.closing(watching):
        watching.begin(those())
        for some in watching.run(seconds, every, those):
            if causes:
                kept += some
            else:
                yield some
    if causes:
        yield with_causes(kept, traces, origin=watching.origin)


def _no_workers() -> list[WorkerThread]:
    return []


class _Watching:
    """The probes of one process."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._watched: dict[int, _Watched] = {}
        self._not_before: dict[int, float] = {}
        self.origin = 0.0
        """The microsecond, on the clock of trace events, from which times count."""

    def begin(self, workers: Sequence[WorkerThread]) -> None:
        main = _Watched(self._session, None)
        self._watched[0] = main
        self.origin = main.origin
        self._join(workers)

    def run(
        self,
        seconds: float | None,
        every: float,
        workers: _Workers,
    ) -> Iterator[list[GcEvent | GcWatch]]:
        until = None if seconds is None else time.monotonic() + seconds
        try:
            while until is None or time.monotonic() < until:
                left = every if until is None else min(every, until - time.monotonic())
                self._session.wait(left)
                self._join(workers())
                yield self._news()
        except KeyboardInterrupt:
            pass  # the ordinary way to end watching
        yield self._end()

    def close(self) -> None:
        """End all probes."""
        for one in self._watched.values():
            one.probe.end()
        self._watched.clear()

    def _join(self, workers: Sequence[WorkerThread]) -> None:
        """Watch workers that have begun meanwhile."""
        for worker in workers:
            key = id(worker)
            if key in self._watched or worker.ended or self._rests(key):
                continue
            try:
                self._watched[key] = _Watched(worker, self.origin, timeout=_WORKER)
            except TargetError:  # it has just ended, or stands still in a system call
                self._not_before[key] = time.monotonic() + _REST

    def _news(self) -> list[GcEvent | GcWatch]:
        found: list[GcEvent | GcWatch] = []
        for key, one in list(self._watched.items()):
            if self._rests(key):
                continue
            try:
                found += one.take()
            except TargetTimeout:
                self._not_before[key] = time.monotonic() + _REST
            except TargetLost:
                if key == 0:
                    raise
                found += one.finish()
                del self._watched[key]
        return _ordered(found)

    def _rests(self, key: int) -> bool:
        """Whether an isolate that did not answer is left alone for now: others must not wait."""
        return time.monotonic() < self._not_before.get(key, 0.0)

    def _end(self) -> list[GcEvent | GcWatch]:
        """What came last. Entries come on the event loop, a little later than sizes."""
        found = self._news()
        for pause in _LATE:
            if not any(one.joined.waiting for one in self._watched.values()):
                break
            time.sleep(pause)
            found += self._news()
        for one in self._watched.values():
            found += one.finish()
        return _ordered(found)


class _Watched:
    """One isolate: its probe, and what has been joined of its news."""

    def __init__(self, isolate: Isolate, origin: float | None, *, timeout: float = 20.0) -> None:
        self.probe = GcProbe(isolate, timeout=timeout)
        try:
            first = self.probe.take()
        except BaseException:
            self.probe.end()
            raise
        began = first.now * 1000 + first.timeline
        self.origin = began if origin is None else origin
        self._begun = (began - self.origin) / 1e6
        self._pid, self._thread = isolate.pid, first.thread
        self._lost = 0
        self._handed = 0
        self._spent = 0.0
        self._now = self._begun
        self.joined = Joined(
            (self.origin - first.timeline) / 1000, thread=first.thread, pid=isolate.pid
        )
        self._first: list[GcEvent | GcWatch] = self._events(first)

    def take(self) -> list[GcEvent | GcWatch]:
        first, self._first = self._first, []
        found = first + self._events(self.probe.take())
        self._handed += len(found)
        return found

    def finish(self) -> list[GcEvent | GcWatch]:
        """What is left, and how it was watched. What began after the last time that was asked does
        not belong to it any more."""
        now = self._now
        with contextlib.suppress(NodememError):
            news = self.probe.take()
            self._lost += news.lost
            self._spent = news.spent / 1000
            self._first += self.joined.add(news.spaces, [], news.entries)
        rest = [one for one in (*self._first, *self.joined.rest()) if (one.time or 0.0) <= now]
        return [
            *rest,
            GcWatch(
                time=now,
                begun=self._begun,
                events=self._handed + len(rest),
                lost=self._lost,
                cost=2 * self.joined.overhead + self._spent,
                thread=self._thread,
                pid=self._pid,
            ),
        ]

    def _events(self, news: News) -> list[GcEvent | GcWatch]:
        self._lost += news.lost
        self._spent = news.spent / 1000
        self._now = (news.now * 1000 + news.timeline - self.origin) / 1e6
        return list(self.joined.add(news.spaces, news.sizes, news.entries))


def _ordered(found: list[GcEvent | GcWatch]) -> list[GcEvent | GcWatch]:
    """By time; those without one stay at the end, notes of watching behind all."""
    return sorted(
        found,
        key=lambda one: (
            isinstance(one, GcWatch),
            float("inf") if one.time is None else one.time,
        ),
    )
