"""One isolate whose collections are watched: its probe, and what has been joined of its news."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Sequence

from nodemem.errors import NodememError
from nodemem.gc.joined import Joined
from nodemem.gc.paired import Paired
from nodemem.records import GcEvent, GcWatch
from nodemem.target.gc_probe import GcProbe, News
from nodemem.target.isolate import Isolate

_RECENT = 100


class Watched:
    """Ask it, hand it the trace events of its thread if there are any, then take what is known.

    `origin` is the microsecond, on the clock of trace events, from which times count: that of the
    making if None. With `entries`, times are those of perf_hooks; else those of trace events.

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
        self.tid = first.tid
        self.interrupted: float | None = None
        """When the last one of what interrupts it began."""
        self.cpu = 0.0
        """Seconds of processor time that the process used between the last two answers."""
        self._cpu = first.cpu / 1000
        self._begun = (began - self.origin) / 1e6
        self._pid, self._thread = isolate.pid, first.thread
        self._lost, self._handed, self._sized = 0, 0, 0
        self._spent = 0.0
        self._interruptions: list[float] = []
        self._takes: list[float] = []
        self._told = 0
        self._joined: Joined | None = None
        self._paired = Paired(thread=first.thread, pid=isolate.pid)
        if entries:
            clock = (self.origin - first.timeline) / 1000
            self._joined = Joined(clock, thread=first.thread, pid=isolate.pid)
        self._news: list[News] = []
        self._traced: list[GcEvent] = []
        self._gap: float | None = None
        self.now = self._begun
        self._note(first)

    def ask(self, *, goes_on: bool) -> None:
        """Ask for news; sizes are told from now on only if it `goes_on` so.

        Raises:
            TargetError: it has ended, or gives no answer.
        """
        self._note(self.probe.take(goes_on=goes_on))

    def traced(self, events: Sequence[GcEvent], gap: float | None) -> None:
        """Take in trace events of its thread. At `gap` none were recorded for a moment."""
        self._traced += events
        self._gap = gap

    def take(self) -> list[GcEvent | GcWatch]:
        """Collections that are complete."""
        found: list[GcEvent | GcWatch] = []
        for news in self._news:
            if self._joined is not None:
                found += self._joined.add(news.spaces, news.sizes, news.entries)
                continue
            events, self._traced = self._traced, []
            found += self._paired.add(news.spaces, news.sizes, events, gap=self._gap)
        self._news = []
        found = [one for one in found if one.time is None or one.time >= 0.0]
        self._handed += len(found)
        return found

    def finish(self) -> list[GcEvent | GcWatch]:
        """What is left, and how it was watched. What began after the last time that was asked does
        not belong to it any more."""
        now = self.now
        if self._joined is not None:
            with contextlib.suppress(NodememError):
                self._note(self.probe.take())
        found = self.take()
        self._handed -= len(found)
        found += self._rest()
        found = [one for one in found if 0.0 <= (one.time or 0.0) <= now]
        times = [one.time for one in found if one.time is not None]
        return [
            *found,
            GcWatch(
                time=now,
                begun=min([self._begun, *times]),
                events=self._handed + len(found),
                lost=self._lost,
                cost=self.cost,
                thread=self._thread,
                pid=self._pid,
            ),
        ]

    @property
    def waiting(self) -> bool:
        """Whether performance entries are still to come."""
        return self._joined is not None and self._joined.waiting

    @property
    def cost(self) -> float:
        """Seconds that watching has taken in the isolate."""
        if self._joined is not None:
            # Entries begin before the profiler's work, and end before its second half.
            return 2 * self._joined.overhead + self._spent
        looking = self._paired.overhead * self._paired.pairs
        return looking + self._spent + _typical(self._interruptions) * len(self._interruptions)

    @property
    def looking(self) -> float:
        """Seconds that telling sizes took since it was asked before."""
        return (self._paired.overhead + _typical(self._takes)) * self._told

    @property
    def used(self) -> list[tuple[int, int]]:
        """The heap in use before and after the collections that it told last."""
        return [(one.before.used, one.after.used) for news in self._news for one in news.sizes]

    def _rest(self) -> list[GcEvent]:
        if self._joined is not None:
            return list(self._joined.rest())
        events, self._traced = self._traced, []
        return [*self._paired.add((), (), events), *self._paired.rest()]

    def _note(self, news: News) -> None:
        self._lost += news.lost
        spent, self._spent = self._spent, news.spent / 1000
        # It says how long asking took before: for as many sizes as came then.
        if self._told:
            self._takes.append((self._spent - spent) / self._told)
        self._told = len(news.sizes)
        self._interruptions += [took / 1000 for _, took in news.interruptions]
        for began, _ in news.interruptions:
            self.interrupted = (began * 1000 + news.timeline - self.origin) / 1e6
        self.cpu, self._cpu = news.cpu / 1000 - self._cpu, news.cpu / 1000
        self.now = (news.now * 1000 + news.timeline - self.origin) / 1e6
        self._news.append(news)


def _typical(times: Sequence[float]) -> float:
    """The median of the last ones: a thread that had to wait in between, or a message that did not
    come at once, makes some of them too long."""
    return statistics.median(times[-_RECENT:]) if times else 0.0
