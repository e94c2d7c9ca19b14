"""Two accounts of the same collections, in the same order: v8.GCProfiler's and perf_hooks'."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from nodemem.gc.profiler import Sized, columns_of
from nodemem.gc.words import FORCED, PERFORMANCE, PROFILER
from nodemem.records import GcEvent

_AHEAD = 4  # one account may miss so many that the other tells
_NEAR, _NEAR_SHARE = 0.3, 0.2  # milliseconds, and of the duration


class Entry(Protocol):
    """A performance entry; milliseconds."""

    @property
    def start(self) -> float: ...
    @property
    def duration(self) -> float: ...
    @property
    def kind(self) -> int: ...
    @property
    def flags(self) -> int: ...


class Joined:
    """Joins what is `add`ed, piece by piece; what has no counterpart yet waits for the next piece.

    `origin` is the millisecond of the entries' clock at which the events' clock begins. `overhead`
    is the time in seconds by which performance entries exceeded the cost that the profiler tells:
    the profiler's own work before each collection, which its cost leaves out.
    """

    def __init__(self, origin: float, *, thread: int | None, pid: int | None) -> None:
        self.origin = origin
        self.overhead = 0.0
        self._thread, self._pid = thread, pid
        self._sizes: deque[tuple[Sized, Sequence[str]]] = deque()
        self._entries: deque[Entry] = deque()
        self._last: Sized | None = None
        self._used_after: int | None = None

    def add(
        self, names: Sequence[str], sizes: Sequence[Sized], entries: Sequence[Entry]
    ) -> Iterator[GcEvent]:
        """Events that are complete now. A collection that two profilers saw, of which one began
        before the other ended, is told by both and counts once."""
        if sizes and self._last is not None and _same(sizes[0], self._last):
            sizes = sizes[1:]
        if sizes:
            self._last = sizes[-1]
        self._sizes.extend((one, names) for one in sizes)
        self._entries.extend(entries)
        while self._sizes and self._entries:
            yield from self._next()

    def rest(self) -> Iterator[GcEvent]:
        """What has found no counterpart: sizes without a time, or a time without sizes."""
        while self._sizes:
            yield from self._event(self._sizes.popleft(), None)
        while self._entries:
            yield from self._event(None, self._entries.popleft())

    @property
    def waiting(self) -> bool:
        """Whether one account is ahead of the other."""
        return bool(self._sizes or self._entries)

    def _next(self) -> Iterator[GcEvent]:
        """The next collection, and those before it that only one account tells."""
        i, j = (0, 0) if self._near(0, 0) else self._best()
        for _ in range(i):
            yield from self._event(self._sizes.popleft(), None)
        for _ in range(j):
            yield from self._event(None, self._entries.popleft())
        if self._sizes and self._entries and self._same_kind(0, 0):
            yield from self._event(self._sizes.popleft(), self._entries.popleft())

    def _best(self) -> tuple[int, int]:
        """How many of each to pass over, so that what follows goes together best. A pair that is
        not near may be one all the same: a thread that had to wait in between took longer."""
        places = [(i, j) for i in range(_AHEAD) for j in range(_AHEAD) if i == 0 or j == 0]
        possible = [place for place in places if self._same_kind(*place)]
        if not possible:
            return min(len(self._sizes), 1), min(len(self._entries), 1)
        return max(possible, key=lambda place: (self._score(*place) - sum(place), -sum(place)))

    def _score(self, i: int, j: int) -> int:
        return sum(self._near(i + k, j + k) for k in range(_AHEAD))

    def _same_kind(self, i: int, j: int) -> bool:
        if i >= len(self._sizes) or j >= len(self._entries):
            return False
        return _kind(self._sizes[i][0]) == _kind_of(self._entries[j])

    def _near(self, i: int, j: int) -> bool:
        if not self._same_kind(i, j):
            return False
        cost = self._sizes[i][0].cost / 1000
        return abs(self._entries[j].duration - cost) < _NEAR + _NEAR_SHARE * cost

    def _event(
        self, sized: tuple[Sized, Sequence[str]] | None, entry: Entry | None
    ) -> Iterator[GcEvent]:
        columns = self._columns(sized, entry)
        if columns is None:
            return
        before, after = columns.get("used_before"), columns.get("used_after")
        if before is not None and self._used_after is not None and columns["kind"] in _SIZED:
            columns["allocated"] = max(0, before - self._used_after)
        if columns["kind"] in _SIZED:
            self._used_after = after
        yield GcEvent(**columns, thread=self._thread, pid=self._pid)

    def _columns(
        self, sized: tuple[Sized, Sequence[str]] | None, entry: Entry | None
    ) -> dict[str, Any] | None:
        columns = None if sized is None else columns_of(*sized)
        if entry is not None:
            collector = PERFORMANCE.get(entry.kind)
            if columns is None:
                if collector is None or sized is not None:
                    return None
                columns = {"kind": collector.kind, "collector": collector.name}
                columns["pause"] = entry.duration / 1000
            else:
                self.overhead += max(0.0, entry.duration / 1000 - columns["pause"])
            columns["time"] = (entry.start - self.origin) / 1000
            columns["forced"] = bool(entry.flags & FORCED)
        return columns


_SIZED = ("minor", "major")


def _kind(sized: Sized) -> object:
    collector = PROFILER.get(sized.type)
    return None if collector is None else collector.kind


def _kind_of(entry: Entry) -> object:
    collector = PERFORMANCE.get(entry.kind)
    return None if collector is None else collector.kind


def _same(one: Sized, other: Sized) -> bool:
    return (one.type, one.before, one.after) == (other.type, other.before, other.after)
