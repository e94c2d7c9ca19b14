"""A collection that was asked for, and what came of it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Literal

from nodemem.errors import TargetError
from nodemem.gc.joined import Joined
from nodemem.records import GcEvent, MemorySample
from nodemem.target import usage
from nodemem.target.gc_probe import GcProbe
from nodemem.target.session import Session

Which = Literal["minor", "major"]
_SETTLE = 1.0  # seconds in which V8 gives pages back, on threads of its own


@dataclass(frozen=True)
class CollectedOnce:
    """Samples of the main thread's isolate right before and right after, and one a second later,
    when V8 has given back what it does. `events` are the collections that ran for it: a major one
    may take several.
    """

    which: Which
    before: MemorySample
    after: MemorySample
    later: MemorySample
    events: list[GcEvent]

    @property
    def freed(self) -> int:
        """Bytes by which the heap in use became smaller, by the collections themselves where they
        were seen: asking for the samples allocates a little, too."""
        sizes = [(one.used_before, one.used_after) for one in self.events]
        if sizes and None not in sizes[0] and None not in sizes[-1]:
            return (sizes[0][0] or 0) - (sizes[-1][1] or 0)
        return self.before.heap_used - self.after.heap_used


def collect(session: Session, which: Which) -> CollectedOnce:
    """Run one collection in the main thread. The program stands still meanwhile.

    Raises:
        TargetError: the process ended, or its event loop is busy for more than a minute.
    """
    probe = _probe(session)
    try:
        before = usage.read_isolate(session, time=0.0)
        if probe is not None:
            origin = probe.take()
        begun = time.monotonic()
        if which == "major":
            session.call("HeapProfiler.collectGarbage", timeout=60.0)
        else:
            session.ask("collect_minor", dict, timeout=60.0)
        after = usage.read_isolate(session, time=time.monotonic() - begun)
        events: list[GcEvent] = []
        if probe is not None:
            joined = Joined(origin.now, thread=0, pid=session.pid)
            news = probe.take()
            events = [*joined.add(news.spaces, news.sizes, []), *joined.rest()]
    finally:
        if probe is not None:
            probe.end()
    session.wait(_SETTLE)
    later = usage.read_isolate(session, time=time.monotonic() - begun)
    return CollectedOnce(which, before, after, later, events)


def _probe(session: Session) -> GcProbe | None:
    with contextlib.suppress(TargetError):  # the collection is what was asked for
        return GcProbe(session, entries=False)
    return None
