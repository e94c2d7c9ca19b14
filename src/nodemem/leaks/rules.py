"""When growth is a leak. Every threshold of the diagnosis is here, with its reason.

A holder that keeps new objects is not yet a leak: caches fill, pools warm up. It is one when what
it keeps is never let go again and came with the load.
"""

from __future__ import annotations

from typing import Literal

from nodemem.heap.findings.growth import GrowthPoint

Judgement = Literal["leak", "bounded", "minor"]

FEWEST_ADDED = 30
"""New objects of one class at one holder. Fewer are start-up and warm-up: a pool of sockets, the
parts of a framework that load late."""

LEAST_PER_REQUEST = 0.05
"""New objects a request, where the number of requests is known. What grows with the load is made
by it; a pool that filled during 1000 requests has a handful."""

MOST_REMOVED = 0.3
"""Part of the added that may stand against removed ones. An LRU cache at its limit removes one
for each it adds."""

MOST_OF_EARLIER_REMOVED = 0.5
"""Part of the objects held before that may be gone. A cache that met its limit between the
snapshots, or whose entries expire, has let go of the ones it had; a leak has all of them still."""

FEWEST_EARLIER = 10
"""Fewer objects held before say nothing about what becomes of them."""

LEAST_PER_REQUEST_OF_NODE = 0.5
"""... at a holder that only Node.js knows (its modules, its sockets). What it keeps for one of two
requests, and what makes up half of the growth, is a leak whoever holds it."""

FEWEST_OF_NODE = 100
"""... and the least number where the number of requests is not known."""

LEAST_SHARE_OF_NODE = 0.5
"""... and the least part of the heap's growth."""

LEAST_OWN_BYTES = 100_000
"""Bytes by which a collection must grow itself when nothing new hangs off it (numbers, or objects
that others keep as well)."""

LEAST_OWN_SHARE = 0.1
"""... and the part of the heap's growth that this must be."""

STEADY_SHARE = 0.02
"""Growth of the whole heap below this part of it is no growth."""


def judge(point: GrowthPoint, *, requests: int | None, heap_growth: int) -> Judgement:
    """Whether one growth point is a leak, bounded, or too small to say."""
    if not point.user and not _is_most(point, requests, heap_growth):
        return "minor"
    if point.added == 0:
        grown = point.own_bytes
        enough = grown >= LEAST_OWN_BYTES and grown >= LEAST_OWN_SHARE * max(1, heap_growth)
        return "leak" if enough else "minor"
    if point.added < FEWEST_ADDED:
        return "minor"
    if point.removed > MOST_REMOVED * point.added:
        return "bounded"
    if point.earlier >= FEWEST_EARLIER and point.removed > MOST_OF_EARLIER_REMOVED * point.earlier:
        return "bounded"
    if requests is not None and point.added < LEAST_PER_REQUEST * requests:
        return "minor"
    return "leak"


def _is_most(point: GrowthPoint, requests: int | None, heap_growth: int) -> bool:
    """Whether a holder of Node.js' own keeps so much that the program must be the reason."""
    least = FEWEST_OF_NODE if requests is None else LEAST_PER_REQUEST_OF_NODE * requests
    return (
        point.added >= max(least, FEWEST_ADDED)
        and heap_growth > 0
        and point.added_bytes >= LEAST_SHARE_OF_NODE * heap_growth
    )


def confidence(
    point: GrowthPoint, *, requests: int | None, heap_growth: int, rising: bool | None
) -> float:
    """0..1, from independent signs: nothing was let go, the number is that of the requests, it
    explains much of the heap's growth, the floor of heapUsed rises (`rising`; None is unknown)."""
    value = 0.5
    if point.removed == 0 and point.added:
        value += 0.1
    if requests and point.added >= 0.5 * requests:
        value += 0.15
    share = (point.added_bytes + point.own_bytes) / heap_growth if heap_growth > 0 else 0.0
    value += 0.15 * min(1.0, share)
    if rising is not None:
        value += 0.1 if rising else -0.2
    return round(min(0.99, max(0.05, value)), 2)
