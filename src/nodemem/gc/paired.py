"""Two accounts of the same collections of one isolate: V8's trace events and v8.GCProfiler's. Both
tell the heap in use before and after to the byte, which is how they find each other."""

from __future__ import annotations

import statistics
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence

from nodemem.gc.profiler import Sized, columns_of
from nodemem.gc.words import PROFILER
from nodemem.records import GcEvent, GcKind

_EVENTS_WAIT = 2  # times that more is added, until it is clear that no sizes will come
_RECENT = 500
_SIZES_WAIT = 10  # trace events come through the main thread, which may be busy
_FORCED = ("testing", "low memory notification", "runtime", "heap profiler")

_Key = tuple[GcKind, int | None, int | None]


class Paired:
    """Joins what is `add`ed, piece by piece."""

    def __init__(self, *, thread: int | None, pid: int | None) -> None:
        self.pairs = 0
        self._more: deque[float] = deque(maxlen=_RECENT)
        self._thread, self._pid = thread, pid
        self._events: deque[tuple[GcEvent, int]] = deque()
        self._sizes: deque[tuple[Sized, Sequence[str], int, float | None]] = deque()
        self._last: Sized | None = None
        self._times = 0

    def add(
        self,
        names: Sequence[str],
        sizes: Sequence[Sized],
        events: Iterable[GcEvent],
        *,
        gap: float | None = None,
    ) -> Iterator[GcEvent]:
        """Events that are complete now. `names` are those of the spaces in `sizes`. A collection
        that two profilers saw, of which one began before the other ended, counts once.

        At `gap`, some time since sizes were added before, no trace events were recorded for a
        moment: a collection of which there are only sizes ran then."""
        self._times += 1
        if sizes and self._last is not None and _same(sizes[0], self._last):
            sizes = sizes[1:]
        if sizes:
            self._last = sizes[-1]
        self._sizes.extend((one, names, self._times, gap) for one in sizes)
        self._events.extend((one, self._times) for one in events)
        yield from self._known()
        while self._events and self._times - self._events[0][1] >= _EVENTS_WAIT:
            yield self._event(self._events.popleft()[0])
        while self._sizes and self._times - self._sizes[0][2] >= _SIZES_WAIT:
            yield from self._only_sizes()

    @property
    def overhead(self) -> float:
        """Seconds by which a pause exceeds what the profiler tells: its own work before and after
        a collection. The median, for a thread that has to wait in between does not work."""
        return statistics.median(self._more) if self._more else 0.0

    def rest(self) -> Iterator[GcEvent]:
        """What has found no counterpart: sizes without a time, or a time without sizes."""
        yield from self._between(len(self._sizes), len(self._events))

    def _known(self) -> Iterator[GcEvent]:
        """All up to the last collection that is surely in both accounts."""
        places: dict[_Key, list[int]] = defaultdict(list)
        for at, (event, _) in enumerate(self._events):
            places[event.kind, event.used_before, event.used_after].append(at)
        pairs: list[tuple[int, int]] = []
        least = 0
        for at, (sized, *_) in enumerate(self._sizes):
            found = next((place for place in places.get(_key(sized), ()) if place >= least), None)
            if found is not None:
                pairs.append((at, found))
                least = found + 1
        done = (0, 0)
        for of_sizes, of_events in pairs:
            yield from self._between(of_sizes - done[0], of_events - done[1])
            yield from self._pair()
            done = (of_sizes + 1, of_events + 1)

    def _between(self, sizes: int, events: int) -> Iterator[GcEvent]:
        """So many of each, that lie between two pairs: kind by kind they go together in order."""
        told = {self._kind(at) for at in range(sizes)}
        for _ in range(events):
            event = self._events[0][0]
            at = next((i for i in range(sizes) if self._kind(i) == event.kind), None)
            if event.kind not in told or at is None:
                yield self._event(self._events.popleft()[0])
                continue
            for _ in range(at):
                yield from self._only_sizes()
            yield from self._pair()
            sizes -= at + 1
        for _ in range(sizes):
            yield from self._only_sizes()

    def _kind(self, at: int) -> GcKind | None:
        collector = PROFILER.get(self._sizes[at][0].type)
        return None if collector is None else collector.kind

    def _pair(self) -> Iterator[GcEvent]:
        sized, names, *_ = self._sizes.popleft()
        event = self._event(self._events.popleft()[0])
        columns = columns_of(sized, names) or {}
        self.pairs += 1
        self._more.append(max(0.0, (event.pause or 0.0) - sized.cost / 1e6))
        columns.pop("pause", None)
        yield event.replaced(**columns)

    def _event(self, event: GcEvent) -> GcEvent:
        return event.replaced(
            isolate=None,
            thread=self._thread,
            pid=self._pid,
            forced=event.cause in _FORCED if event.cause else None,
        )

    def _only_sizes(self) -> Iterator[GcEvent]:
        sized, names, _, gap = self._sizes.popleft()
        columns = columns_of(sized, names)
        if columns is not None:
            # Node.js 26 never traces how marking begins.
            time = gap if columns["kind"] in ("minor", "major") else None
            yield GcEvent(**columns, time=time, thread=self._thread, pid=self._pid)


def _key(sized: Sized) -> _Key:
    collector = PROFILER.get(sized.type)
    return (
        "weak-callbacks" if collector is None else collector.kind,
        sized.before.used,
        sized.after.used,
    )


def _same(one: Sized, other: Sized) -> bool:
    return (one.type, one.before, one.after) == (other.type, other.before, other.after)
