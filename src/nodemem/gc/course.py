"""One quantity over time, in at most so many points however long it goes on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import le

from nodemem.results import Series, Unit

_POINTS = 128
_WIDTH = 0.01  # seconds that a point stands for at first


class Course:
    """Values by stretches of equal length, which double when there are too many of them. `join`
    makes one of the values that fall into the same stretch, in whatever order: `max` or `sum`."""

    def __init__(self, join: Callable[[Iterable[float]], float]) -> None:
        self._join = join
        self._width = _WIDTH
        self._values: dict[int, float] = {}
        self._first: float | None = None

    def add(self, times: Sequence[float], values: Sequence[float]) -> None:
        """A value at each time."""
        self._reach(times, times)
        times, values = _ordered(times, values)
        for place, i, j in self._runs(times):
            self._put(place, self._join(values[i:j]))

    def add_spans(self, begins: Sequence[float], ends: Sequence[float]) -> None:
        """Time spans, the seconds of each shared out among the stretches that it touches."""
        self._reach(begins, ends)
        begins, ends = _ordered(begins, ends)
        for place, i, j in self._runs(begins):
            edge = self._edge(place)
            spans = list(zip(begins[i:j], ends[i:j], strict=True))
            self._put(place, self._join([min(end, edge) - begin for begin, end in spans]))
            for _, end in spans:
                if end > edge:
                    self._put_behind(place, end)

    def _reach(self, begins: Sequence[float], ends: Sequence[float]) -> None:
        """Stretches so long that there are enough of them."""
        if self._first is None and begins:
            self._first = begins[0]
        while max(ends, default=0.0) - (self._first or 0.0) >= _POINTS * self._width:
            self._double()

    def _runs(self, times: Sequence[float]) -> Iterator[tuple[int, int, int]]:
        """`(stretch, i, j)`: which of `times`, from the i-th to before the j-th, are in which."""
        i = 0
        while i < len(times):
            place = max(0, int((times[i] - (self._first or 0.0)) / self._width))
            j = bisect_left(times, self._edge(place), i + 1)
            yield place, i, j
            i = j

    def _edge(self, place: int) -> float:
        """Where a stretch ends."""
        return (self._first or 0.0) + (place + 1) * self._width

    def _put(self, place: int, value: float) -> None:
        old = self._values.get(place)
        self._values[place] = value if old is None else self._join((old, value))

    def _put_behind(self, place: int, end: float) -> None:
        """What a span until `end` has of the stretches behind `place`."""
        while place < _POINTS and (begin := self._edge(place)) < end:
            place += 1
            self._put(place, min(end, self._edge(place)) - begin)

    def _double(self) -> None:
        old, self._values = self._values, {}
        self._width *= 2
        for place, value in old.items():
            there = self._values.get(place // 2)
            self._values[place // 2] = value if there is None else self._join((there, value))

    def series(self, name: str, unit: Unit, *, scale: float = 1.0) -> Series:
        """The points; `scale` is multiplied in."""
        places = sorted(self._values)
        first = self._first or 0.0
        return Series(
            name,
            unit,
            [round(first + (place + 0.5) * self._width, 6) for place in places],
            [self._values[place] * scale for place in places],
        )

    def shares(self, name: str) -> Series:
        """Seconds per stretch as shares of it; stretches without any are 0."""
        last = max(self._values, default=-1)
        first = self._first or 0.0
        return Series(
            name,
            "share",
            [round(first + (place + 0.5) * self._width, 6) for place in range(last + 1)],
            [min(1.0, self._values.get(place, 0.0) / self._width) for place in range(last + 1)],
        )

    def parts(self, begin: float, end: float, count: int) -> list[float]:
        """Seconds per stretch as shares of `count` equal parts of a time; a stretch belongs to
        those parts that it lies in."""
        width = (end - begin) / count
        found = [0.0] * count
        for place, value in self._values.items():
            at = (self._first or 0.0) + place * self._width - begin
            for part in range(count):
                both = min(at + self._width, (part + 1) * width) - max(at, part * width)
                found[part] += value * max(0.0, both) / self._width
        return [min(1.0, value / width) for value in found]


def _ordered(
    times: Sequence[float], others: Sequence[float]
) -> tuple[Sequence[float], Sequence[float]]:
    """Both in the order of `times`, as they nearly always are."""
    if all(map(le, times, times[1:])):
        return times, others
    ordered = sorted(zip(times, others, strict=True))
    return [time for time, _ in ordered], [other for _, other in ordered]
