"""The old generation: how far it may grow until the next major collection.

V8 MemoryController (heap-controller.cc), whose constants are the same in Node.js 18 to 26: source.
Held against what real programs print (bench/gc/policy.py): from the speeds that V8 prints, the new
limit follows to 0.01 % in all 184 major collections of 18 to 24 that were looked at, and in 39 of
40 of 26 (the other: 0.8 %); the factor to the decimal that is printed, but for 3 of 224, which were
close to the limit in 24 and 26. In all but 4 the factor was the least or the largest one. Without
the speeds the largest factor gives a limit that was never exceeded.
"""

from __future__ import annotations

from typing import Literal

from nodemem.gc.policy.releases import GIB, KIB, MIB, Release, rules

MUTATOR_UTILIZATION = 0.97
"""Share of the time that the program shall have: kTargetMutatorUtilization."""
FACTOR_MIN, FACTOR_CONSERVATIVE, FACTOR_HIGH = 1.1, 1.3, 4.0
FACTOR_SMALL = (1.3, 2.0)
"""Largest factor of an old generation of at most 256 MiB, and of one just below 2 GiB."""
STEP, STEP_CONSERVATIVE = 8 * MIB, 2 * MIB
"""It may grow by this much at least: MinimumAllocationLimitGrowingStep."""
MARKING_FROM = 8 * MIB
"""No marking while the old generation is smaller: IncrementalMarking::kV8ActivationThreshold."""
PAGE, USABLE = 256 * KIB, 257_696
"""Bytes of a page of new space, and of it for objects."""
INITIAL_LIMIT = 512 * MIB
"""kMaxInitialOldGenerationSize; see `initial_limit`."""

Mode = Literal["default", "conservative", "slow", "minimal"]


def max_factor(old: int) -> float:
    """The largest growing factor of a heap whose old generation may have `old` bytes: it jumps from
    2 to 4 at 2 GiB (MaxGrowingFactor)."""
    least, most = 256 * MIB, 2 * GIB
    if old >= most:
        return FACTOR_HIGH
    low, high = FACTOR_SMALL
    return low + (high - low) * (max(old, least) - least) / (most - least)


def growing_factor(
    old: int, gc_speed: float | None, mutator_speed: float, mode: Mode = "default"
) -> float:
    """Limit over live bytes. `gc_speed` is how fast major collections were (bytes a ms, None before
    the first), `mutator_speed` how fast the old generation is allocated, promotion included."""
    most = max_factor(old)
    factor = most
    if gc_speed and mutator_speed > 0:
        a = gc_speed / mutator_speed * (1 - MUTATOR_UTILIZATION)
        b = a - MUTATOR_UTILIZATION
        factor = max(a / b if a < b * most else most, FACTOR_MIN)
    if mode == "minimal":
        return FACTOR_MIN
    return factor if mode == "default" else min(factor, FACTOR_CONSERVATIVE)


def counted_capacity(capacity: int, node: str | int | Release) -> int:
    """What V8 adds to the limit for a new space of `capacity` bytes: until Node.js 20 only what of
    its pages objects can have (measured: 251.7 of 256 KiB), from 22 on all of it."""
    if rules(node).major >= 22:
        return capacity
    return capacity // PAGE * USABLE


def allocation_limit(
    live: int, factor: float, new_space: int, old: int, mode: Mode = "default"
) -> int:
    """Bytes of old objects at which the next major collection is due, after one that left `live`.
    `new_space` is the capacity of a semi-space, `old` the old generation's largest size
    (BoundAllocationLimit): never more than half of what is left."""
    step = STEP_CONSERVATIVE if mode == "conservative" else STEP
    limit = max(int(live * factor), live + step) + new_space
    return min(limit, (live + old) // 2)


def initial_limit(old: int) -> int:
    """The limit until the first major collection, which each minor one lowers by the average
    survival (ShrinkOldGenerationAllocationLimitIfNotConfigured)."""
    return min(INITIAL_LIMIT, old // 2)


def marking_at(limit: int, new_space: int) -> int:
    """Bytes of old objects at which marking begins: room for all of new space is left
    (Heap::IncrementalMarkingLimitReached)."""
    return max(MARKING_FROM, limit - new_space)


def mode(used: int, old: int) -> Mode:
    """`conservative` once more than 7/8 of `old` are in use (ShouldOptimizeForMemoryUsage)."""
    return "conservative" if used > old - old // 8 else "default"


def thrashes_from(old: int, semi: int) -> int:
    """Live bytes from which each major collection is followed by the next at once: half of what is
    left is less than new space, so marking begins where the last one ended (from `allocation_limit`
    and `marking_at`; measured: Node.js 24 with 64 MiB of 200 MiB live, 28 instead of 7)."""
    return max(0, old - 2 * semi)
