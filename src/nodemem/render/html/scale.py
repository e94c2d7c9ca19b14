"""Axes: round steps, and numbers written so that neighbours look alike."""

from __future__ import annotations

import math
import sys

from nodemem.results import Unit

_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))
_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


def ticks(highest: float, count: int = 5) -> list[float]:
    """Round values 0, step, 2 step, ... of which the last is at or above `highest`.

    A highest value that leaves no room for steps between it and zero gives the axis [0, 1].
    """
    if not sys.float_info.min * 10 < highest < math.inf:
        return [0.0, 1.0]
    rough = highest / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    return [i * step for i in range(math.ceil(highest / step * 0.9999) + 1)]


def time_ticks(begin: float, end: float, count: int = 7) -> list[float]:
    """Round seconds between `begin` and `end`."""
    span = end - begin
    if not 0 < span < math.inf:
        return [begin]
    if span < count:
        step = next(s for s in (0.1, 0.2, 0.5, 1.0) if s >= span / count)
    else:
        step = float(next((s for s in _TIME_STEPS if s >= span / count), span))
    first = math.ceil(begin / step)
    return [i * step for i in range(first, math.floor(end / step + 1e-9) + 1)]


def axis_label(value: float, highest: float, unit: Unit) -> str:
    """`value` on an axis that ends at `highest`: all in the unit of the greatest."""
    if unit == "bytes":
        size, name = next((s for s in _SIZES if highest >= s[0]), _SIZES[-1])
        return f"{value / size:g} {name}" if value else "0"
    if unit == "share":
        return f"{value * 100:g} %"
    return f"{value:,g}" if value < 1e6 else f"{value:,.0f}"


def clock(seconds: float) -> str:
    """A moment on a time axis: `0 s`, `12 s`, `2:30`, `1:05:00`."""
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
