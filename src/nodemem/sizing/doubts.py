"""What looks wrong about heap limits, whoever runs with them."""

from __future__ import annotations

from collections.abc import Iterator

from nodemem.gc.policy import HeapLimits, old
from nodemem.gc.policy.releases import MIB
from nodemem.results import Evidence, Finding
from nodemem.sizing.ending import Ending

STARTS_WITH = 8 * MIB
"""An old generation with which every release starts; Node.js 24 needs that much, 20 needs 4 MiB
(measured)."""
THRASH_SHARE = 0.6
"""A heap that thrashes although this share of it is free of live objects is sized wrongly."""


def doubts(limits: HeapLimits, end: Ending) -> Iterator[Finding]:
    """Findings, the most urgent first."""
    most, semi = limits.max_old_space_size, limits.max_semi_space_size
    if most < STARTS_WITH:
        yield Finding(id="limits.too_small", params={"old": most}, confidence=0.9)
    if end.first == "kernel" and end.allowed is not None:
        yield Finding(
            id="limits.kernel_first",
            params={"needs": end.needs[0], "allowed": end.allowed},
            evidence=(Evidence("heap_size_limit", limits.heap_size_limit, "bytes"),),
            confidence=0.95 if end.measured else 0.8,
        )
    elif end.first == "either" and end.allowed is not None:
        yield Finding(
            id="limits.either_first",
            params={"low": end.needs[0], "high": end.needs[1], "allowed": end.allowed},
            confidence=0.5,
        )
    edge = old.thrashes_from(most, semi)
    if most >= STARTS_WITH and edge < THRASH_SHARE * most:
        yield Finding(
            id="limits.thrash",
            params={"edge": edge, "old": most, "semi": semi},
            confidence=0.8,
        )
    rule = next(one.rule for one in limits.reasons if one.number == "max_semi_space_size")
    if semi <= MIB and rule == "semi.smallest":
        yield Finding(id="limits.small_semi", params={"semi": semi}, confidence=0.7)
