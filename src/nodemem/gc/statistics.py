"""What a stream of collections amounts to, in bounded memory."""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nodemem.gc.course import Course
from nodemem.gc.mmu import Mmu
from nodemem.gc.old_space import OldSpace
from nodemem.gc.pauses import Pauses
from nodemem.gc.trend import Trend
from nodemem.records import GcEvent, GcKind, GcWatch
from nodemem.results import Series

KINDS: tuple[GcKind, ...] = ("minor", "major", "incremental", "weak-callbacks")
WINDOWS = (0.01, 0.1, 1.0)
LONGEST = 5
RECENT = 4  # major collections that are kept: as many decide whether V8 gives up
_MOST_CAUSES = 100
_PARTS = 10  # of the observed time
_COLLECTIONS = ("minor", "major")

Who = tuple[int | None, str | None, int | None]


@dataclass
class Amount:
    """A sum over those events that tell; None if none of them does."""

    total: int = 0
    told: int = 0

    def add(self, values: Iterable[int | None]) -> None:
        told = [value for value in values if value is not None]
        self.total += sum(told)
        self.told += len(told)

    def merge(self, other: Amount) -> None:
        self.total += other.total
        self.told += other.told

    @property
    def value(self) -> int | None:
        return self.total if self.told else None


@dataclass
class Trigger:
    """How often a cause began a collection, and how long those paused in all (seconds)."""

    count: int = 0
    pause: float = 0.0


class Statistics:
    """Figures of one isolate. Times in seconds; add events in their order.

    `begun` and `end` are the time that was observed: from the beginning of the first event to the
    end of the last one, or as a `GcWatch` says.
    """

    def __init__(self, who: Who = (None, None, None)) -> None:
        self.pid, self.isolate, self.thread = who
        self.pauses: dict[GcKind, Pauses] = {kind: Pauses() for kind in KINDS}
        self.cpu: dict[GcKind, Amount] = {kind: Amount() for kind in KINDS}
        self.allocated, self.promoted, self.survived = Amount(), Amount(), Amount()
        self.first_allocated: int | None = None
        self.survival: list[float] = [0.0, 0.0]  # sum, count
        self.triggers: dict[tuple[GcKind, str], Trigger] = {}
        self.longest: list[tuple[float, int, GcEvent]] = []
        self.recent: deque[GcEvent] = deque(maxlen=RECENT)
        self.old_space = OldSpace()
        self.reducing = 0
        self.steps_time = 0.0
        self.callbacks = Pauses()
        self.live = Trend()
        self.external = Trend()
        self.heap = Course(max)
        self.paused = Course(sum)
        self.mmu = [Mmu(window) for window in WINDOWS]
        self.begun: float | None = None
        self.end: float | None = None
        self.last: GcEvent | None = None
        self._major_end: float | None = None
        self.lost = 0
        self.cost: float | None = None
        self._number = 0

    def add(self, events: Sequence[GcEvent]) -> None:
        """Count events: many at once, column by column, is several times as fast as each."""
        of_kind: dict[GcKind, list[GcEvent]] = {kind: [] for kind in KINDS}
        for event in events:
            of_kind[event.kind].append(event)
        for kind, some in of_kind.items():
            self.pauses[kind].add([event.pause for event in some])
            times = [event.cpu for event in some]
            self.cpu[kind].add(None if time is None else round(time * 1e9) for time in times)
        self._keep_longest(events)
        minor, major = of_kind["minor"], of_kind["major"]
        self._collections([e for e in events if e.kind in _COLLECTIONS] if major else minor)
        self._minor(minor)
        self._major(major)
        self._in_time([event for event in events if event.time is not None])

    def watched(self, watch: GcWatch) -> None:
        """Take in over which time, and at which cost, events were watched for."""
        self.begun = watch.begun if self.begun is None else min(self.begun, watch.begun)
        self.end = watch.time if self.end is None else max(self.end, watch.time)
        self.lost += watch.lost
        if watch.cost is not None:
            self.cost = (self.cost or 0.0) + watch.cost

    def merge(self, other: Statistics) -> None:
        """Take in the sums of another isolate."""
        for kind in KINDS:
            self.pauses[kind].merge(other.pauses[kind])
            self.cpu[kind].merge(other.cpu[kind])
        for name in ("allocated", "promoted", "survived"):
            getattr(self, name).merge(getattr(other, name))
        self.first_allocated = (self.first_allocated or 0) + (other.first_allocated or 0)
        self.survival = [a + b for a, b in zip(self.survival, other.survival, strict=True)]
        for key, trigger in other.triggers.items():
            mine = self.triggers.setdefault(key, Trigger())
            mine.count += trigger.count
            mine.pause += trigger.pause
        self.longest = heapq.nlargest(LONGEST, [*self.longest, *other.longest], key=lambda x: x[:2])
        self.reducing += other.reducing
        self.steps_time += other.steps_time
        self.callbacks.merge(other.callbacks)
        if other.begun is not None and other.end is not None:
            self.begun = other.begun if self.begun is None else min(self.begun, other.begun)
            self.end = other.end if self.end is None else max(self.end, other.end)
        self.lost += other.lost
        if other.cost is not None:
            self.cost = (self.cost or 0.0) + other.cost

    @property
    def count(self) -> int:
        """How many minor and major collections there were."""
        return self.pauses["minor"].count + self.pauses["major"].count

    @property
    def mean_survival(self) -> float | None:
        """The share of new space that was alive in minor collections, on average."""
        return self.survival[0] / self.survival[1] if self.survival[1] else None

    @property
    def seconds(self) -> float | None:
        """How long was observed; None where the source tells no times."""
        return None if self.begun is None or self.end is None else self.end - self.begun

    @property
    def paused_total(self) -> float:
        """Seconds in which JavaScript stood still."""
        return sum(pauses.total for pauses in self.pauses.values())

    def rate(self, amount: Amount) -> float | None:
        """Bytes a second. What was allocated before the first event is not in it: when that began
        is not known."""
        seconds, total = self.seconds, amount.value
        if total is None or not seconds:
            return None
        if amount is self.allocated:
            total -= self.first_allocated or 0
        return total / seconds

    @property
    def share(self) -> float | None:
        """The share of the observed time in which JavaScript stood still."""
        return min(1.0, self.paused_total / self.seconds) if self.seconds else None

    @property
    def standing(self) -> float | None:
        """`share`, with the steps of marking, which stop JavaScript too."""
        if not self.seconds:
            return None
        return min(1.0, (self.paused_total + self.steps_time) / self.seconds)

    @property
    def processor(self) -> float | None:
        """The share of time in which collections kept the program's thread on the processor; None
        where the source does not tell of most of them."""
        told = [amount for amount in self.cpu.values() if amount.told]
        if not self.seconds or sum(amount.told for amount in told) < self.count / 2:
            return None
        return min(1.0, sum(amount.total for amount in told) / 1e9 / self.seconds)

    def lasting(self) -> float | None:
        """The share of time that pauses took in the tenth of the observed time which is in the
        middle of all ten by that: what is high only while a program starts is not in it."""
        if self.begun is None or self.end is None or self.end <= self.begun:
            return None
        return sorted(self.paused.parts(self.begun, self.end, _PARTS))[_PARTS // 2 - 1]

    def utilizations(self) -> dict[str, float | None]:
        """Minimum mutator utilisation by length of window in milliseconds; a share."""
        begun, end = self.begun or 0.0, self.end or 0.0
        return {f"{one.window * 1000:g}": _rounded(one.utilization(begun, end)) for one in self.mmu}

    def series(self) -> list[Series]:
        """The heap at the beginning of collections, and the share of time they took."""
        found = [self.heap.series("gc_heap", "bytes"), self.paused.shares("gc_share")]
        return [one for one in found if one.values]

    def to_data(self) -> dict[str, Any]:
        """The JSON form: milliseconds, bytes, shares and bytes a second."""
        return {
            "pid": self.pid,
            "isolate": self.isolate,
            "thread": self.thread,
            "seconds": _rounded(self.seconds),
            **{kind.replace("-", "_"): self._kind(kind) for kind in KINDS},
            "allocated_bytes": self.allocated.value,
            "promoted_bytes": self.promoted.value,
            "survived_bytes": self.survived.value,
            "allocation_rate": _rounded(self.rate(self.allocated), 0),
            "promotion_rate": _rounded(self.rate(self.promoted), 0),
            "survival": _rounded(self.mean_survival),
            "gc_share": _rounded(self.share),
            "incremental_steps_ms": round(self.steps_time * 1000, 3),
            "callbacks_ms": self.callbacks.to_data(),
            "mmu": self.utilizations(),
            "live": self.live.to_data(),
            "triggers": [
                {
                    "kind": kind,
                    "cause": cause,
                    "count": one.count,
                    "pause_ms": round(one.pause * 1000, 6),
                }
                for (kind, cause), one in self.ordered_triggers()
            ],
            "longest": [event.to_data() for event in self.longest_events()],
            "reducing": self.reducing,
            "lost": self.lost,
            "cost_ms": None if self.cost is None else round(self.cost * 1000, 3),
        }

    def ordered_triggers(self) -> list[tuple[tuple[GcKind, str], Trigger]]:
        """The most frequent first."""
        return sorted(self.triggers.items(), key=lambda item: (-item[1].count, item[0]))

    def longest_events(self) -> list[GcEvent]:
        """The events with the longest pauses, the longest first."""
        return [event for _, _, event in sorted(self.longest, key=lambda one: one[:2])[::-1]]

    def _kind(self, kind: GcKind) -> dict[str, Any]:
        pauses, cpu = self.pauses[kind], self.cpu[kind].value
        return {
            "count": pauses.count,
            "pause_ms": pauses.to_data(),
            "cpu_ms": None if cpu is None else cpu / 1e6,
        }

    def _keep_longest(self, events: Sequence[GcEvent]) -> None:
        least = self.longest[0][0] if len(self.longest) == LONGEST else -1.0
        for number, event in enumerate(events, self._number):
            if event.pause is not None and event.pause > least:
                heapq.heappush(self.longest, (event.pause, -number, event))
                if len(self.longest) > LONGEST:
                    heapq.heappop(self.longest)
                    least = self.longest[0][0]
        self._number += len(events)

    def _collections(self, events: Sequence[GcEvent]) -> None:
        """Minor and major ones, in their order."""
        if not events:
            return
        if self.last is None:
            self.first_allocated = events[0].allocated
        self.last = events[-1]
        self.old_space.add(events)
        self.allocated.add([event.allocated for event in events])
        self.promoted.add([event.promoted for event in events])
        self.survived.add([event.survived for event in events])
        by_cause: dict[tuple[GcKind, str | None], list[float]] = defaultdict(list)
        for event in events:
            by_cause[event.kind, event.cause].append(event.pause or 0.0)
        for (kind, cause), pauses in by_cause.items():
            if cause is not None and (
                (kind, cause) in self.triggers or len(self.triggers) < _MOST_CAUSES
            ):
                trigger = self.triggers.setdefault((kind, cause), Trigger())
                trigger.count += len(pauses)
                trigger.pause = sum(pauses, trigger.pause)
        self.reducing += sum(1 for e in events if e.reduce and e.cause != "last resort")
        self.steps_time = sum([e.steps_time for e in events if e.steps_time], self.steps_time)
        self.callbacks.add([event.callbacks for event in events if event.callbacks])

    def _minor(self, events: Sequence[GcEvent]) -> None:
        shares = [event.survival for event in events if event.survival is not None]
        self.survival = [sum(shares, self.survival[0]), self.survival[1] + len(shares)]

    def _major(self, events: Sequence[GcEvent]) -> None:
        for event in events:
            self.recent.append(self._with_utilization(event))
            if event.time is not None:
                self._major_end = event.time + (event.pause or 0.0)
            if event.used_after is not None and event.time is not None:
                self.live.add(event.time, event.used_after)
            if event.external_after is not None and event.time is not None:
                self.external.add(event.time, event.external_after)

    def _with_utilization(self, event: GcEvent) -> GcEvent:
        """What V8 prints as `current mu`, worked out where the source does not tell it."""
        if event.utilization is not None or event.time is None or self._major_end is None:
            return event
        whole = event.time + (event.pause or 0.0) - self._major_end
        stood = (event.pause or 0.0) + (event.steps_time or 0.0)
        if event.pause is None or whole <= 0:
            return event
        return event.replaced(utilization=max(0.0, 1 - stood / whole))

    def _in_time(self, events: Sequence[GcEvent]) -> None:
        """Those of which the time is known."""
        if not events:
            return
        begins = [event.time or 0.0 for event in events]
        ends = [begin + (event.pause or 0.0) for begin, event in zip(begins, events, strict=True)]
        self.begun = min(begins) if self.begun is None else min(self.begun, *begins)
        self.end = max(ends) if self.end is None else max(self.end, *ends)
        used = [(e.time or 0.0, e.used_before) for e in events if e.used_before is not None]
        self.heap.add([time for time, _ in used], [size for _, size in used])
        spans = [span for span in zip(begins, ends, strict=True) if span[0] < span[1]]
        self.paused.add_spans([begin for begin, _ in spans], [end for _, end in spans])
        for one in self.mmu:
            one.add(spans)


def _rounded(value: float | None, digits: int = 6) -> float | None:
    return None if value is None else round(value, digits)
