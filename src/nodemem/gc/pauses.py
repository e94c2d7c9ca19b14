"""How long pauses were: exact quantiles of any number of them, in bounded memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_UNITS = 1_000_000  # of a second: sources tell microseconds at best
QUANTILES = (("p50", 0.50), ("p95", 0.95), ("p99", 0.99))


@dataclass
class Pauses:
    """Counts by length in whole microseconds, so that memory grows with the number of different
    lengths only. Seconds in, milliseconds out.
    """

    count: int = 0
    unknown: int = 0
    _counts: dict[int, int] = field(default_factory=dict)

    def add(self, pauses: Iterable[float | None]) -> None:
        """Count events; None where it is not known how long one was."""
        for seconds, n in Counter(pauses).items():
            self.count += n
            if seconds is None:
                self.unknown += n
                continue
            length = round(seconds * _UNITS)
            self._counts[length] = self._counts.get(length, 0) + n

    def merge(self, other: Pauses) -> None:
        """Count all events of another one, too."""
        self.count += other.count
        self.unknown += other.unknown
        for length, n in other._counts.items():
            self._counts[length] = self._counts.get(length, 0) + n

    @property
    def total(self) -> float:
        """Seconds in all."""
        return sum(length * n for length, n in self._counts.items()) / _UNITS

    def over(self, seconds: float) -> int:
        """How many took so long or longer."""
        least = round(seconds * _UNITS)
        return sum(n for length, n in self._counts.items() if length >= least)

    def quantile(self, q: float) -> float | None:
        """The shortest pause that at least the share `q` of pauses did not exceed (nearest rank),
        in milliseconds; None if there are none."""
        known = self.count - self.unknown
        rank, passed = max(1, math.ceil(q * known)), 0
        for length in sorted(self._counts):
            passed += self._counts[length]
            if passed >= rank:
                return length * 1000 / _UNITS
        return None

    def to_data(self) -> dict[str, Any]:
        """`total`, `p50`, `p95`, `p99`, `max` in milliseconds; None where nothing is known."""
        longest = max(self._counts, default=None)
        return {
            "total": round(self.total * 1000, 6) if self._counts or not self.unknown else None,
            **{name: self.quantile(q) for name, q in QUANTILES},
            "max": None if longest is None else longest * 1000 / _UNITS,
        }
