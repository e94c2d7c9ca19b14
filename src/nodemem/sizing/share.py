"""How several heaps share one budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Heap:
    """`live` bytes, `allocates` bytes a second, `collects` bytes a second while it collects. Where
    one of the last two is not known for all, it is taken to be equal for all."""

    live: int
    allocates: float | None = None
    collects: float | None = None


def split(budget: int, heaps: Sequence[Heap]) -> list[int]:
    """Limits, in bytes, whose sum is `budget` (or what is live, if that is more), at which all
    heaps together collect least.

    A heap that lives on L bytes, allocates g and collects s bytes a second spends g L / (s (M - L))
    of its time on collections at a limit of M. At the least sum, each has the same price of memory:
    M = L + sqrt(L g / (c s)) with one c for all (Kirisame, Shenoy, Panchekha: Optimal Heap Limits
    for Reducing Browser Memory Use, OOPSLA 2022). So what is left of the budget is shared in
    proportion to sqrt(L g / s).
    """
    left = max(0, budget - sum(heap.live for heap in heaps))
    known = all(heap.allocates and heap.collects for heap in heaps)
    weights = [math.sqrt(heap.live * (_ratio(heap) if known else 1.0)) for heap in heaps]
    if not any(weights):
        weights = [1.0] * len(heaps)
    whole = sum(weights)
    return [
        heap.live + int(left * weight / whole) for heap, weight in zip(heaps, weights, strict=True)
    ]


def _ratio(heap: Heap) -> float:
    return (heap.allocates or 0.0) / (heap.collects or 1.0)
