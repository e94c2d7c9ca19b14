"""What a stream of collections amounts to, in bounded memory."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nodemem.gc.course import Course
from nodemem.gc.mmu import Mmu
from nodemem.gc.pauses import Pauses
from nodemem.gc.trend import Trend
from nodemem.records import GcEvent, GcKind, GcWatch
from nodemem.results import Series

KINDS: tuple[GcKind, ...] = ("minor", "major", "incremental", "weak-callbacks")
WINDOWS = (0.01, 0.1, 1.0)
LONGEST = 5
RECENT = 4  # major collections that are kept: as many decide whether V8 gives up
_MOST_CAUSES = 100
_EXTERNAL = ("external memory pressure", "external finalize")
_MUCH_OUTSIDE = 64 << 20  # bytes: from so much more on V8 begins to mark
_TIMES_THE_HEAP = 4
_MOST_ISOLATES = 1000

Who = tuple[int | None, str | None, int | None]


@dataclass
class Amount:
    """A sum over those events that tell; None if none of them does."""

    total: int = 0
    told: int = 0

    def add(self, value: int | None) -> None:
        if value is not None:
            self.total += value
            self.told += 1

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
        self.died_old, self.promoted_by_minor = Amount(), Amount()
        self.external_driven = 0
        self.reducing = 0
        self.forced = 0
        self.steps_time = 0.0
        self.callbacks = Pauses()
        self.live = Trend()
        self.external = Trend()
        self.heap = Course(max)
        self.paused = Course(lambda one, other: one + other)
        self.mmu = [Mmu(window) for window in WINDOWS]
        self.begun: float | None = None
        self.end: float | None = None
        self.last: GcEvent | None = None
        self.lost = 0
        self.cost: float | None = None
        self._number = 0

    def add(self, event: GcEvent) -> None:
        """Count one event."""
        self._number += 1
        self.pauses[event.kind].add(event.pause)
        if event.cpu is not None:
            self.cpu[event.kind].add(round(event.cpu * 1e9))
        if event.kind in ("minor", "major"):
            self._collection(event)
        if event.pause is not None:
            if len(self.longest) < LONGEST:
                heapq.heappush(self.longest, (event.pause, -self._number, event))
            elif event.pause > self.longest[0][0]:
                heapq.heapreplace(self.longest, (event.pause, -self._number, event))
        self._in_time(event)

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
        for name in ("allocated", "promoted", "survived", "died_old", "promoted_by_minor"):
            getattr(self, name).merge(getattr(other, name))
        self.first_allocated = (self.first_allocated or 0) + (other.first_allocated or 0)
        self.survival = [a + b for a, b in zip(self.survival, other.survival, strict=True)]
        for key, trigger in other.triggers.items():
            mine = self.triggers.setdefault(key, Trigger())
            mine.count += trigger.count
            mine.pause += trigger.pause
        self.longest = heapq.nlargest(LONGEST, [*self.longest, *other.longest], key=lambda x: x[:2])
        self.external_driven += other.external_driven
        self.reducing += other.reducing
        self.forced += other.forced
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

    def _collection(self, event: GcEvent) -> None:
        if self.last is None:
            self.first_allocated = event.allocated
        self.allocated.add(event.allocated)
        self.promoted.add(event.promoted)
        self.survived.add(event.survived)
        if event.kind == "minor":
            self.promoted_by_minor.add(event.promoted)
            if event.survival is not None:
                self.survival[0] += event.survival
                self.survival[1] += 1
        if event.cause is not None:
            key = (event.kind, event.cause)
            if key in self.triggers or len(self.triggers) < _MOST_CAUSES:
                trigger = self.triggers.setdefault(key, Trigger())
                trigger.count += 1
                trigger.pause += event.pause or 0.0
        self.external_driven += _for_external(event)
        self.reducing += bool(event.reduce) and event.cause != "last resort"
        self.forced += bool(event.forced)
        self.steps_time += event.steps_time or 0.0
        if event.callbacks:
            self.callbacks.add(event.callbacks)
        if event.kind == "major":
            self.recent.append(event)
            self.died_old.add(_died_old(event))
            if event.used_after is not None and event.time is not None:
                self.live.add(event.time, event.used_after)
            if event.external_after is not None and event.time is not None:
                self.external.add(event.time, event.external_after)
        self.last = event

    def _in_time(self, event: GcEvent) -> None:
        begin = event.time
        if begin is None:
            return
        end = begin + (event.pause or 0.0)
        self.begun = begin if self.begun is None else min(self.begun, begin)
        self.end = end if self.end is None else max(self.end, end)
        if event.used_before is not None:
            self.heap.add(begin, event.used_before)
        if event.pause:
            self.paused.add_span(begin, end)
            for one in self.mmu:
                one.add(begin, end)


def _for_external(event: GcEvent) -> bool:
    """Whether memory outside the heap is the reason: V8 says so, or there is far more of it than of
    heap in a major collection. For that V8 names the end of marking, not what began it."""
    if event.cause in _EXTERNAL:
        return True
    outside, inside = event.external_before, event.used_before
    if event.kind != "major" or outside is None or inside is None:
        return False
    return outside > max(_MUCH_OUTSIDE, _TIMES_THE_HEAP * inside)


def _died_old(event: GcEvent) -> int | None:
    """Bytes at least that a major collection freed in old space; None if that cannot be told from
    what it freed in new space. Young objects that survive move to old space meanwhile."""
    for space in event.spaces:
        if space.name == "old_space" and None not in (space.used_before, space.used_after):
            return max(0, (space.used_before or 0) - (space.used_after or 0))
    if not event.promoted or not event.survival:
        return None
    young = event.promoted / event.survival - event.promoted
    return max(0, round((event.used_before or 0) - (event.used_after or 0) - young))


def _rounded(value: float | None, digits: int = 6) -> float | None:
    return None if value is None else round(value, digits)


@dataclass
class Collected:
    """All that a source holds: `isolates`, each by itself."""

    isolates: dict[Who, Statistics] = field(default_factory=dict)

    def add(self, event: GcEvent) -> None:
        """Count one event in its isolate."""
        self._of((event.pid, event.isolate, event.thread)).add(event)

    def watched(self, watch: GcWatch) -> None:
        """See `Statistics.watched`."""
        self._of((watch.pid, None, watch.thread)).watched(watch)

    def _of(self, who: Who) -> Statistics:
        found = self.isolates.get(who)
        if found is None:
            if len(self.isolates) >= _MOST_ISOLATES:
                who = (None, "others", None)
            found = self.isolates.setdefault(who, Statistics(who))
        return found

    def sorted(self) -> list[Statistics]:
        """The isolates, that with most collections first."""
        return sorted(
            self.isolates.values(), key=lambda one: (-one.count, str(one.isolate), one.thread or 0)
        )

    def all(self) -> Statistics:
        """The figures of all together; those of the only one where there is one. What belongs to
        time (windows, courses, what is alive) is not added up: isolates do not wait for each other.
        """
        isolates = self.sorted()
        if len(isolates) == 1:
            return isolates[0]
        whole = Statistics()
        for one in isolates:
            whole.merge(one)
        return whole


def collect(events: Iterable[GcEvent | GcWatch]) -> Collected:
    """Read a stream of events through."""
    collected = Collected()
    for event in events:
        if isinstance(event, GcWatch):
            collected.watched(event)
        else:
            collected.add(event)
    return collected
