"""Sizes and durations: one way to write them, one way to read them.

Sizes are decimal as in Chrome DevTools and in `ls --si` (1 kB = 1000 B); the binary suffixes
KiB, MiB, GiB are understood on input. Container limits and V8 flags are binary; whoever prints
those uses `format_bytes(n, binary=True)`.
"""

from __future__ import annotations

import re
import threading

from nodemem.errors import UsageError

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SIZE = re.compile(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*([kmgtp]?)(i?)b?\s*", re.IGNORECASE)
_DURATION = re.compile(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*(ms|s|m|h|)\s*", re.IGNORECASE)
_SECONDS = {"ms": 1e-3, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}


def format_bytes(n: float, *, binary: bool = False) -> str:
    """`n` bytes in three significant digits: `0 B`, `999 B`, `1.23 kB`, `310 MB`, `-4.0 kB`."""
    step, names = (1024.0, _BINARY) if binary else (1000.0, _DECIMAL)
    value, unit = abs(float(n)), 0
    while value >= step - 0.5 and unit < len(names) - 1:
        value /= step
        unit += 1
    sign = "-" if n < 0 else ""
    if unit == 0:
        return f"{sign}{value:.0f} B"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{sign}{value:.{digits}f} {names[unit]}"


def format_count(n: float) -> str:
    """A count with thousands separators: `48,210`."""
    return f"{n:,.0f}"


def format_share(ratio: float) -> str:
    """A ratio as per cent: `78 %`, `3.4 %`, `<0.1 %`."""
    percent = ratio * 100
    if 0 < percent < 0.1:
        return "<0.1 %"
    return f"{percent:.1f} %" if 0 < abs(percent) < 9.95 else f"{percent:.0f} %"


def format_duration(seconds: float) -> str:
    """A duration in the unit that suits it: `850 µs`, `12.3 ms`, `4.20 s`, `3 min 05 s`."""
    if seconds >= 60:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s"
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e6:.0f} µs"


def parse_size(text: str, *, binary: bool = False) -> int:
    """Bytes from `700`, `64k`, `1.5 GB`, `512MiB`; with `binary` all suffixes are powers of 1024,
    as those of containers are.

    Raises:
        UsageError: the text is not a size.
    """
    match = _SIZE.fullmatch(text)
    if not match:
        like = "512m, 1.5g" if binary else "64MB, 1.5GiB"
        raise UsageError(f"'{text}' is not a size", next=f"write it like {like} or 1048576")
    number, prefix, marked = match.groups()
    base = 1024 if binary or marked else 1000
    power = " kmgtp".index(prefix.lower() or " ")
    return round(float(number) * float(base) ** power)


def parse_duration(text: str) -> float:
    """Seconds from `1s`, `500ms`, `2m`, `0.5`.

    Raises:
        UsageError: the text is not a duration, or is not above zero, or is longer than the
            system can wait.
    """
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _SECONDS[match[2].lower()] if match else 0.0
    if not 0 < seconds < threading.TIMEOUT_MAX:
        raise UsageError(f"'{text}' is not a duration", next="write it like 500ms, 1s or 2m")
    return seconds
