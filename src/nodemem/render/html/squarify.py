"""Rectangles whose areas are given, as near to squares as they come.

Source: Bruls, Huizing, van Wijk, "Squarified Treemaps" (2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rect:
    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height


def squarify(sizes: Sequence[float], space: Rect) -> list[Rect]:
    """One rectangle for each of `sizes`, in their order, that together fill `space`.

    Areas are in proportion to sizes, which must not be negative; best results come from sizes in
    falling order. Without any size above zero all rectangles are empty.
    """
    total = sum(sizes)
    if total <= 0 or space.area <= 0:
        return [Rect(space.x, space.y, 0.0, 0.0) for _ in sizes]
    areas = [size / total * space.area for size in sizes]
    placed: list[Rect] = []
    free = space
    while len(placed) < len(areas):
        side = min(free.width, free.height)
        strip = _strip(areas, len(placed), side)
        rects, free = _place(areas[len(placed) : len(placed) + strip], free)
        placed += rects
    return placed


def _strip(areas: Sequence[float], begin: int, side: float) -> int:
    """How many areas from `begin` make the best strip: add while the worst ratio improves."""
    total, smallest, largest = 0.0, float("inf"), 0.0
    worst = float("inf")
    count = 0
    for area in areas[begin:]:
        total += area
        smallest, largest = min(smallest, area), max(largest, area)
        ratio = _worst_ratio(total, smallest, largest, side)
        if count and ratio > worst:
            break
        worst = ratio
        count += 1
    return count


def _worst_ratio(total: float, smallest: float, largest: float, side: float) -> float:
    if smallest <= 0 or side <= 0:
        return float("inf")
    square = total * total
    return max(side * side * largest / square, square / (side * side * smallest))


def _place(areas: Sequence[float], free: Rect) -> tuple[list[Rect], Rect]:
    """A strip of `areas` along the shorter side of `free`, and what is left of it."""
    total = sum(areas)
    rects = []
    if free.width >= free.height:
        depth = min(total / free.height, free.width) if free.height > 0 else 0.0
        y = free.y
        for area in areas:
            length = area / depth if depth > 0 else 0.0
            rects.append(Rect(free.x, y, depth, length))
            y += length
        return rects, Rect(free.x + depth, free.y, free.width - depth, free.height)
    depth = min(total / free.width, free.height) if free.width > 0 else 0.0
    x = free.x
    for area in areas:
        length = area / depth if depth > 0 else 0.0
        rects.append(Rect(x, free.y, length, depth))
        x += length
    return rects, Rect(free.x, free.y + depth, free.width, free.height - depth)
