"""Branches drawn before the rows of a table that is a tree."""

from __future__ import annotations

from collections.abc import Sequence

_LINES = ("│  ", "   ", "├─ ", "└─ ")
_ASCII = ("|  ", "   ", "|- ", "`- ")
MAX_LEVELS = 12


def branches(depths: Sequence[int], *, unicode: bool = True) -> list[str]:
    """For each row its branch, from `depths` in the order of a walk, the top at 0.

    Rows deeper than `MAX_LEVELS` all stand at that level, with their depth in brackets: chains of
    thousands must not push the names out of the page.
    """
    pipe, gap, tee, corner = _LINES if unicode else _ASCII
    drawn = [""] * len(depths)
    # From the last row up: `below` are the levels that have another branch further down.
    below: set[int] = set()
    for row in range(len(depths) - 1, -1, -1):
        depth = min(depths[row], MAX_LEVELS)
        below = {level for level in below if level <= depth}
        if depth > 0:
            stem = "".join(pipe if level in below else gap for level in range(1, depth))
            drawn[row] = stem + (tee if depth in below else corner)
            below.add(depth)
        if depths[row] > MAX_LEVELS:
            drawn[row] += f"({depths[row]}) "
    return drawn
