"""Collections that were asked for, and what came of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from nodemem.capture.gc_isolate import Watched
from nodemem.capture.gc_trace import Threads, trace
from nodemem.errors import TargetError, TargetNotFound
from nodemem.records import GcEvent, MemorySample
from nodemem.target import usage
from nodemem.target.isolate import Isolate
from nodemem.target.session import Session
from nodemem.target.tracing import Trace
from nodemem.target.worker_thread import visit_all

Which = Literal["minor", "major"]
_SETTLE = 1.0  # seconds in which V8 gives pages back, on threads of its own
_LONGEST = 60.0
_ANSWERS = 20.0


@dataclass(frozen=True)
class CollectedOnce:
    """Samples of an isolate right before and right after, and one a second later, when V8 has given
    back what it does. `thread` is the `threadId` of a worker, 0 for the main thread. `events` are
    the collections that ran for it: a major one may take several.
    """

    which: Which
    thread: int
    before: MemorySample
    after: MemorySample
    later: MemorySample
    events: Sequence[GcEvent] = ()

    @property
    def freed(self) -> int:
        """Bytes by which the heap in use became smaller, by the collections themselves where they
        were seen: asking for the samples allocates a little, too."""
        sizes = [(one.used_before, one.used_after) for one in self.events]
        if sizes and None not in sizes[0] and None not in sizes[-1]:
            return (sizes[0][0] or 0) - (sizes[-1][1] or 0)
        return self.before.heap_used - self.after.heap_used

    @property
    def pause(self) -> float | None:
        """Seconds in which the thread stood still; None where that was not seen."""
        return sum(one.pause or 0.0 for one in self.events) if self.events else None


@dataclass(frozen=True)
class CollectedAll:
    """The main thread's isolate, then those of workers by number; `failed` says of which threads
    there is nothing, and why."""

    isolates: Sequence[CollectedOnce]
    failed: Sequence[str] = ()


def collect(session: Session, which: Which, *, worker: int | None = None) -> CollectedAll:
    """Run one collection in the main thread and in each worker, one after another, or only in the
    `worker` of that number, 0 being the main thread. Each stands still for its own.

    Raises:
        TargetNotFound: there is no such worker.
        TargetError: the process ended, or its event loop is busy for more than a minute.
    """
    with contextlib.ExitStack() as stack:
        recorded = trace(session, stack)
        began = time.monotonic()
        done, failed = _each(session, which, worker, began)
        if recorded is not None:
            recorded.end()
    first = done[0].clock
    threads = Threads(first.origin if first else 0.0, pid=session.pid, strangers=False)
    threads.add(recorded.taken() if recorded is not None else ())
    return CollectedAll([one.told(threads, recorded) for one in done], failed)


@dataclass
class _Done:
    """A collection that ran in an isolate; `clock` is None where that could not be read."""

    isolate: Isolate
    once: CollectedOnce
    clock: Watched | None

    def told(self, threads: Threads, recorded: Trace | None) -> CollectedOnce:
        """With the collections that ran for it: V8 names those that somebody asked for."""
        if self.clock is None or recorded is None:
            return self.once
        thread = self.clock.thread
        tid = self.clock.tid if self.clock.tid or thread else recorded.main
        events = [
            one for one in threads.of(tid, thread) if one.forced and one.kind == self.once.which
        ]
        return replace(self.once, events=events)


def _each(
    session: Session, which: Which, worker: int | None, began: float
) -> tuple[list[_Done], list[str]]:
    done: list[_Done] = []
    failed: list[str] = []
    if worker in (None, 0):
        done.append(_one(session, which, began))
    with visit_all(session) if worker != 0 else contextlib.nullcontext(list) as workers:
        threads = sorted(((one.thread() or 0), one) for one in workers() if not one.ended)
        for number, thread in threads:
            if worker not in (None, number):
                continue
            try:
                done.append(_one(thread, which, began))
            except TargetError as error:
                if session.connection.ended or worker is not None:
                    raise
                failed.append(str(error))
        if not done:
            known = ", ".join(str(number) for number, _ in threads)
            raise TargetNotFound(
                f"{session.name} has no worker thread {worker}",
                why=f"its worker threads are {known}" if known else "it has none",
                next="nodemem usage shows the worker threads",
            )
        session.wait(_SETTLE)
        for one in done:
            with contextlib.suppress(TargetError):  # it has ended since: what it was stays told
                later = usage.read_isolate(one.isolate, time=time.monotonic() - began)
                one.once = replace(one.once, later=later)
    return done, failed


def _one(isolate: Isolate, which: Which, began: float) -> _Done:
    clock = _clock(isolate)
    try:
        before = usage.read_isolate(isolate, time=time.monotonic() - began)
        if which == "major":
            isolate.call("HeapProfiler.collectGarbage", timeout=_LONGEST)
        else:
            isolate.ask("collect_minor", dict, timeout=_LONGEST)
        after = usage.read_isolate(isolate, time=time.monotonic() - began)
    finally:
        if clock is not None:
            clock.probe.end()
    thread = 0 if clock is None else clock.thread
    return _Done(isolate, CollectedOnce(which, thread, before, after, after), clock)


def _clock(isolate: Isolate) -> Watched | None:
    with contextlib.suppress(TargetError):  # the collection is what was asked for
        return Watched(isolate, None, entries=False, timeout=_ANSWERS)
    return None
