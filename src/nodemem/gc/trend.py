"""Whether a quantity rises, from readings in their order, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_MOST = 256
_WARM_UP = 4  # the first of so many equal parts is not looked at
_LEAST = 4


@dataclass
class Trend:
    """At most 256 readings `(seconds, bytes)`, evenly chosen of all; `first`, `last` and `greatest`
    of all of them."""

    points: list[tuple[float, int]] = field(default_factory=list)
    count: int = 0
    last: int | None = None
    greatest: int | None = None
    _every: int = 1

    def add(self, time: float, value: int) -> None:
        if self.count % self._every == 0:
            self.points.append((time, value))
            if len(self.points) == _MOST:
                self.points = self.points[::2]
                self._every *= 2
        self.count += 1
        self.last = value
        self.greatest = value if self.greatest is None else max(self.greatest, value)

    @property
    def first(self) -> int | None:
        return self.points[0][1] if self.points else None

    def _settled(self) -> list[tuple[float, int]]:
        return self.points[len(self.points) // _WARM_UP :]

    def slope(self) -> float | None:
        """Bytes a second after the first quarter: the median of the slopes between all pairs
        (Theil and Sen), so that single readings do not decide; None with fewer than 4."""
        settled = self._settled()
        if len(settled) < _LEAST:
            return None
        slopes = sorted(
            (b[1] - a[1]) / (b[0] - a[0])
            for i, a in enumerate(settled)
            for b in settled[i + 1 :]
            if b[0] > a[0]
        )
        return slopes[len(slopes) // 2] if slopes else None

    def rising(self) -> float | None:
        """The share of pairs of settled readings of which the later one is greater; 1 where every
        reading exceeds all before it, 0.5 where there is no trend (Mann and Kendall)."""
        settled = self._settled()
        if len(settled) < _LEAST:
            return None
        pairs = [(a[1], b[1]) for i, a in enumerate(settled) for b in settled[i + 1 :]]
        return sum((b > a) + 0.5 * (b == a) for a, b in pairs) / len(pairs)

    def growth(self) -> int | None:
        """Bytes from the first settled reading to the last."""
        settled = self._settled()
        return settled[-1][1] - settled[0][1] if len(settled) >= _LEAST else None

    def late(self) -> float | None:
        """Bytes of that growth in the later half of the settled time, between readings in a
        straight line."""
        settled = self._settled()
        if len(settled) < _LEAST:
            return None
        middle = (settled[0][0] + settled[-1][0]) / 2
        after = next(i for i, point in enumerate(settled) if point[0] >= middle)
        (t0, v0), (t1, v1) = settled[max(0, after - 1)], settled[after]
        part = (middle - t0) / (t1 - t0) if t1 > t0 else 0.0
        return settled[-1][1] - (v0 + part * (v1 - v0))

    def to_data(self) -> dict[str, Any]:
        """The JSON form; `slope` in bytes a second."""
        return {
            "count": self.count,
            "first": self.first,
            "last": self.last,
            "greatest": self.greatest,
            "slope": None if (slope := self.slope()) is None else round(slope),
        }
