"""One isolate whose collections are watched: its probe, and what has come of it."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Sequence

from nodemem.errors import NodememError
from nodemem.gc.words import FORCED, PERFORMANCE
from nodemem.records import GcEvent, GcWatch
from nodemem.target.gc_probe import Entry, GcProbe, News
from nodemem.target.isolate import Isolate

_RECENT = 100


class Watched:
    """Ask it, hand it the trace events of its thread if there are any, then take what is known.

    `origin` is the microsecond, on the clock of trace events, from which times count: that of the
    making if None. With `entries`, collections are those that perf_hooks tells; else those of trace
    events.

    Raises:
        TargetError: the isolate cannot be watched, or has ended.
    """

    def __init__(
        self, isolate: Isolate, origin: float | None, *, entries: bool, timeout: float
    ) -> None:
        self.probe = GcProbe(isolate, entries=entries, timeout=timeout)
        try:
            first = self.probe.take()
        except BaseException:
            self.probe.end()
            raise
        began = first.now * 1000 + first.timeline
        self.origin = began if origin is None else origin
        self.tid, self.thread = first.tid, first.thread
        self.recording = 0.0
        """Seconds that recording trace events took in its thread."""
        self._entries = entries
        self._begun = (began - self.origin) / 1e6
        self._pid = isolate.pid
        self._lost, self._handed = 0, 0
        self._spent = 0.0
        self._interruptions: list[float] = []
        self._found: list[GcEvent] = []
        self.now = self._begun
        self._note(first)

    def ask(self) -> None:
        """Ask for news.

        Raises:
            TargetError: it has ended, or gives no answer.
        """
        self._note(self.probe.take())

    def traced(self, events: Sequence[GcEvent]) -> None:
        """Take in collections of its thread."""
        self._found += events

    def take(self) -> list[GcEvent | GcWatch]:
        """Collections that have come."""
        found, self._found = self._found, []
        new = [one for one in found if one.time is None or one.time >= 0.0]
        self._handed += len(new)
        return [*new]

    def finish(self) -> list[GcEvent | GcWatch]:
        """What is left, and how it was watched. What began after the last time that was asked does
        not belong to it any more."""
        now = self.now
        if self._entries:
            with contextlib.suppress(NodememError):
                self._note(self.probe.take())
        found = [one for one in self._found if 0.0 <= (one.time or 0.0) <= now]
        self._found = []
        times = [one.time for one in found if one.time is not None]
        return [
            *found,
            GcWatch(
                time=now,
                begun=min([self._begun, *times]),
                events=self._handed + len(found),
                lost=self._lost,
                cost=self.cost,
                thread=self.thread,
                pid=self._pid,
            ),
        ]

    @property
    def cost(self) -> float:
        """Seconds that watching has taken in the isolate, about."""
        # The median: a message that did not come at once makes some of them too long.
        recent = self._interruptions[-_RECENT:]
        handing = statistics.median(recent) * len(self._interruptions) if recent else 0.0
        return self._spent + self.recording + handing

    def _note(self, news: News) -> None:
        self._lost += news.lost
        self._spent = news.spent / 1000
        self._interruptions += [took / 1000 for _, took in news.interruptions]
        self.now = (news.now * 1000 + news.timeline - self.origin) / 1e6
        for entry in news.entries:
            self._found += self._event(entry, news.timeline)

    def _event(self, entry: Entry, timeline: float) -> list[GcEvent]:
        collector = PERFORMANCE.get(entry.kind)
        if collector is None:
            return []
        return [
            GcEvent(
                collector.kind,
                collector=collector.name,
                time=(entry.start * 1000 + timeline - self.origin) / 1e6,
                pause=entry.duration / 1000,
                forced=bool(entry.flags & FORCED),
                thread=self.thread,
                pid=self._pid,
            )
        ]
