"""What samples of memory over time say: does the heap's floor keep rising?

`heapUsed` includes garbage, so it goes up and down; what stays in use shows only right after a
collection. The floor of a window, its lowest sample, is the nearest that samples come to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nodemem.records import MemorySample

_WINDOWS = 6
_FEWEST_SAMPLES = 2 * _WINDOWS


class Trend(NamedTuple):
    """A line through the floors of equal windows of time.

    `slope` is bytes a second, `r2` how well the line fits (0..1), `late` the part of the whole
    rise that came in the later half (0.5 for an even rise, about 0 for one that has ended).
    """

    slope: float
    r2: float
    late: float


def floor_trend(samples: Sequence[MemorySample]) -> Trend | None:
    """The trend of `heapUsed`; None when there are too few samples to tell."""
    if len(samples) < _FEWEST_SAMPLES:
        return None
    begin, end = samples[0].time, samples[-1].time
    if end <= begin:
        return None
    floors: list[tuple[float, float]] = []
    for window in range(_WINDOWS):
        low = begin + (end - begin) * window / _WINDOWS
        high = begin + (end - begin) * (window + 1) / _WINDOWS
        inside = [s for s in samples if low <= s.time <= high]
        if inside:
            lowest = min(inside, key=lambda sample: sample.heap_used)
            floors.append((lowest.time, float(lowest.heap_used)))
    if len(floors) < 3:
        return None
    return _line(floors)


def _line(points: list[tuple[float, float]]) -> Trend:
    """Least squares."""
    n = len(points)
    mean_t = sum(t for t, _ in points) / n
    mean_y = sum(y for _, y in points) / n
    var_t = sum((t - mean_t) ** 2 for t, _ in points)
    var_y = sum((y - mean_y) ** 2 for _, y in points)
    both = sum((t - mean_t) * (y - mean_y) for t, y in points)
    slope = both / var_t if var_t else 0.0
    r2 = both * both / (var_t * var_y) if var_t and var_y else 0.0
    first, middle, last = points[0][1], points[n // 2][1], points[-1][1]
    late = (last - middle) / (last - first) if last > first else 0.0
    return Trend(slope, r2, late)
