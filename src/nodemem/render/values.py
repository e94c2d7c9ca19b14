"""One value of a result, in words: the unit decides how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nodemem import units
from nodemem.render.texts import Texts
from nodemem.render.visible import visible

_UNITS: dict[str, Callable[[float], str]] = {
    "bytes": units.format_bytes,
    "count": units.format_count,
    "hops": units.format_count,
    "share": units.format_share,
    "s": units.format_duration,
    "ms": lambda ms: units.format_duration(ms / 1000),
}


def say(value: Any, unit: str | None, texts: Texts, *, unknown: str | None = None) -> str:
    """`value` in `unit` (see `results.Unit`); None as `unknown`, by default in words.

    A rate is a unit over another, `bytes/s`. The text never holds a control character.
    """
    if value is None:
        return texts("unknown") if unknown is None else unknown
    if isinstance(value, bool):
        return texts("yes" if value else "no")
    if isinstance(value, int | float):
        return _quantity(value, unit or "")
    if isinstance(value, list | tuple):
        return ", ".join(say(item, unit, texts, unknown=unknown) for item in value)
    return visible(str(value))


def _quantity(value: float, unit: str) -> str:
    base, slash, per = unit.partition("/")
    if base in _UNITS:
        return _UNITS[base](value) + slash + visible(per)
    number = str(value) if isinstance(value, int) else f"{value:.4g}"
    return f"{number} {visible(unit)}" if unit else number


def is_number(value: Any) -> bool:
    """Whether `value` is a quantity (a bool is none)."""
    return isinstance(value, int | float) and not isinstance(value, bool)
