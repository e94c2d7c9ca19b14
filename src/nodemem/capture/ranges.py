"""What forecasts are made of."""

from __future__ import annotations

from dataclasses import dataclass

from nodemem.capture.cost_model import Cost

BASES = ("census", "earlier snapshot", "heap statistics")
"""What a forecast may rest on, the best first."""


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both estimates."""

    low: float
    high: float

    def times(self, low: float, high: float | None = None) -> Range:
        """Both ends, each with its own factor."""
        return Range(self.low * low, self.high * (low if high is None else high))


@dataclass(frozen=True)
class Ranges:
    """Cost of one snapshot: `pause` in seconds, the others in bytes. `expected` is what the model
    itself says, before anything was learnt from the past; None where there is no such figure."""

    pause: Range
    extra_rss: Range
    file_size: Range
    basis: str
    expected: Cost | None = None
