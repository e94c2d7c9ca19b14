"""The collections of a live process, those of its worker threads among them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from nodemem.capture.gc_isolate import Watched
from nodemem.capture.gc_trace import EVENT, Threads, trace
from nodemem.errors import TargetError, TargetLost, TargetTimeout
from nodemem.records import GcEvent, GcWatch
from nodemem.target.session import Session
from nodemem.target.tracing import Trace
from nodemem.target.worker_thread import WorkerThread, visit_all

_Workers = Callable[[], list[WorkerThread]]
EVERY = 1.0  # seconds between two questions
_MAIN, _WORKER = 5.0, 2.0  # seconds that an isolate has for an answer
_LOOK = 0.25  # seconds until it is seen that watching shall stop
_REST = 10.0  # seconds before one that gave none is asked again
_OFTEN = 0.1  # seconds between two questions, at least
_FEW = 5000  # trace events between two, about
_LATE = 0.1  # seconds until performance entries have come on the event loop


def watch(
    session: Session,
    seconds: float | None,
    *,
    every: float = EVERY,
    workers: bool = True,
    stop: threading.Event | None = None,
) -> Iterator[list[GcEvent | GcWatch]]:
    """Watch for `seconds` (None: until the caller stops), or until `stop` is set, and hand out what
    has happened about every `every` seconds, in the order of time; at the end a `GcWatch` for each
    isolate.

    Times count from the beginning. Without `workers` the main thread alone is watched; with them
    nothing else may visit workers meanwhile, as `usage.read_memory` does. Whatever way it ends,
    nothing stays behind in the process.

    Raises:
        TargetError: the process ended, or does not answer.
    """
    visit: contextlib.AbstractContextManager[_Workers]
    visit = visit_all(session) if workers else contextlib.nullcontext(_no_workers)
    with contextlib.ExitStack() as stack:
        recorded = trace(session, stack)
        those = stack.enter_context(visit)
        watching = stack.enter_context(contextlib.closing(_Watching(session, recorded)))
        watching.begin(those(), strangers=workers)
        yield from watching.run(seconds, every, those, stop or threading.Event())


def _no_workers() -> list[WorkerThread]:
    return []


class _Watching:
    """The probes of one process."""

    def __init__(self, session: Session, trace: Trace | None) -> None:
        self._session = session
        self._trace = trace
        self._threads: Threads | None = None
        self._watched: dict[int, Watched] = {}
        self._not_before: dict[int, float] = {}
        self._recorded = 0
        self._soonest = _OFTEN
        self._since = time.monotonic()
        self._origin = 0.0

    def begin(self, workers: Sequence[WorkerThread], *, strangers: bool) -> None:
        main = Watched(self._session, None, entries=self._trace is None, timeout=_MAIN)
        self._watched[0] = main
        self._origin = main.origin
        if self._trace is not None:
            self._threads = Threads(main.origin, pid=self._session.pid, strangers=strangers)
        self._join(workers)

    def run(
        self,
        seconds: float | None,
        every: float,
        workers: _Workers,
        stop: threading.Event,
    ) -> Iterator[list[GcEvent | GcWatch]]:
        until = None if seconds is None else time.monotonic() + seconds
        try:
            while not stop.is_set() and (until is None or time.monotonic() < until):
                due = time.monotonic() + min(every, self._soonest)
                if until is not None:
                    due = min(due, until)
                while not stop.is_set() and (left := due - time.monotonic()) > 0:
                    if self._session.connection.wait_until_ended(min(left, _LOOK)):
                        break
                self._join(workers())
                try:
                    news = self._news()
                except TargetLost:
                    yield self._left()
                    raise
                yield news
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
                self._watched[key] = Watched(
                    worker, self._origin, entries=self._trace is None, timeout=_WORKER
                )
            except TargetError:  # it has just ended, or stands still in a system call
                self._not_before[key] = time.monotonic() + _REST

    def _news(self) -> list[GcEvent | GcWatch]:
        found: list[GcEvent | GcWatch] = []
        if self._trace is not None:
            self._trace.cut(self._watched[0].probe.mark)
        asked = [key for key in self._watched if not self._rests(key)]
        ended = self._ask(asked)
        if self._trace is not None:
            self._trace.arrived()
            self._pace(self._trace.count - self._recorded)
            self._recorded = self._trace.count
        self._place()
        for key in asked:
            found += self._watched[key].take()
        for key in ended:
            found += self._watched.pop(key).finish()
        return _ordered(found)

    def _pace(self, events: int) -> None:
        """Take in how many events there were since the last time: where they are many, they are
        asked for more often, so that what Node.js keeps of them stays small."""
        now = time.monotonic()
        lasted, self._since = now - self._since, now
        self._soonest = max(_OFTEN, lasted * _FEW / max(events, 1))

    def _ask(self, keys: Sequence[int]) -> list[int]:
        """Ask isolates for their news; those that have ended."""
        ended = []
        for key in keys:
            try:
                self._watched[key].ask()
            except TargetTimeout:
                self._not_before[key] = time.monotonic() + _REST
            except TargetLost:
                if key == 0:
                    raise
                ended.append(key)
        return ended

    def _place(self) -> None:
        """Give trace events to the isolates that they are of."""
        if self._trace is not None and self._threads is not None:
            self._threads.add(self._trace.taken())
            for one in self._watched.values():
                # Where it cannot tell its number, it is known of the main thread at least.
                tid = one.tid if one.tid or one.thread else self._trace.main
                one.traced(self._threads.of(tid, one.thread))
                one.recording = EVENT * self._trace.recorded[tid or 0]

    def _rests(self, key: int) -> bool:
        """Whether an isolate that did not answer is left alone for now: others must not wait."""
        return time.monotonic() < self._not_before.get(key, 0.0)

    def _end(self) -> list[GcEvent | GcWatch]:
        """What came last."""
        if self._trace is None:
            found = self._news()
            time.sleep(_LATE)
        else:
            self._not_before.clear()
            found = []
            with contextlib.suppress(TargetTimeout):
                self._ask(list(self._watched))
            self._trace.end()
        return _ordered([*found, *self._left()])

    def _left(self) -> list[GcEvent | GcWatch]:
        """What has come of all isolates and was not handed out yet."""
        found: list[GcEvent | GcWatch] = []
        self._place()
        end = self._watched[0].now
        for one in self._watched.values():
            found += one.finish()
        if self._threads is not None:
            found += self._threads.strangers(end)
        return _ordered(found)


def _ordered(found: list[GcEvent | GcWatch]) -> list[GcEvent | GcWatch]:
    """By time; those without one stay at the end, notes of watching behind all."""
    return sorted(
        found,
        key=lambda one: (
            isinstance(one, GcWatch),
            float("inf") if one.time is None else one.time,
        ),
    )
