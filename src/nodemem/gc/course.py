"""One quantity over time, in at most so many points however long it goes on."""

from __future__ import annotations

from collections.abc import Callable

from nodemem.results import Series, Unit

_POINTS = 128
_WIDTH = 0.01  # seconds that a point stands for at first


class Course:
    """Values by stretches of equal length, which double when there are too many of them. `join`
    makes one of two values that fall into the same stretch."""

    def __init__(self, join: Callable[[float, float], float]) -> None:
        self._join = join
        self._width = _WIDTH
        self._values: dict[int, float] = {}
        self._first: float | None = None

    def add(self, time: float, value: float) -> None:
        if self._first is None:
            self._first = time
        place = max(0, int((time - self._first) / self._width))
        while place >= _POINTS:
            self._double()
            place //= 2
        old = self._values.get(place)
        self._values[place] = value if old is None else self._join(old, value)

    def add_span(self, begin: float, end: float) -> None:
        """A time span, its seconds shared out among the stretches that it touches."""
        if self._first is None:
            self._first = begin
        while end - self._first >= _POINTS * self._width:
            self._double()
        while begin < end:
            place = max(0, int((begin - self._first) / self._width))
            edge = self._first + (place + 1) * self._width
            if edge <= begin:  # the smallest step there is
                edge = end
            self.add(begin, min(edge, end) - begin)
            begin = edge

    def _double(self) -> None:
        old, self._values = self._values, {}
        self._width *= 2
        for place, value in old.items():
            there = self._values.get(place // 2)
            self._values[place // 2] = value if there is None else self._join(there, value)

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
