"""Very small pictures made of characters."""

from __future__ import annotations

from collections.abc import Sequence

from nodemem.render.terminal import detect

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-=+*#"


def sparkline(
    values: Sequence[float | None], *, width: int = 40, unicode: bool | None = None
) -> str:
    """`values` over time, one character each, lowest to highest; a space where one is unknown.

    More values than `width` are joined in equal runs, each shown by its greatest: a peak is what
    one looks for. Whether there is more than ASCII to draw with is found out from stdout if it is
    not said.
    """
    marks = _BLOCKS if (detect().unicode if unicode is None else unicode) else _ASCII
    shown = _joined(values, width)
    known = [value for value in shown if value is not None]
    if not known:
        return " " * len(shown)
    low, high = min(known), max(known)
    if high == low:
        return "".join(" " if value is None else marks[0] for value in shown)
    span, top = high - low, len(marks) - 1
    return "".join(" " if v is None else marks[round((v - low) / span * top)] for v in shown)


def _joined(values: Sequence[float | None], width: int) -> list[float | None]:
    n = len(values)
    if n <= width:
        return list(values)
    runs = (values[i * n // width : (i + 1) * n // width] for i in range(width))
    return [max((v for v in run if v is not None), default=None) for run in runs]
