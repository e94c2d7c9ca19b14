"""References backwards: who refers to a node."""

from __future__ import annotations

import bisect
from typing import NamedTuple

from nodemem.heap.engine.memory import zeros
from nodemem.heap.engine.store import Store
from nodemem.kernels import load


class Sources:
    """Sources by place: `sources[at]` is the node that the edge `edges[at]` leaves."""

    def __init__(self, first_edge: memoryview, edges: memoryview) -> None:
        self._first_edge, self._edges = first_edge, edges

    def __getitem__(self, at: int) -> int:
        return bisect.bisect_right(self._first_edge, self._edges[at]) - 1


class Retainers(NamedTuple):
    """Edges by target: those that lead to node o are `edges[first[o]:first[o + 1]]` (positions in
    `Columns.edges`, ascending), their sources are at the same places of `sources`."""

    first: memoryview
    edges: memoryview
    sources: Sources


def keep_retainers(store: Store, first_edge: memoryview, edges: memoryview) -> None:
    """Put the references backwards into `store`."""
    n = len(first_edge) - 1
    first, retainers = zeros("I", n + 2), zeros("I", len(edges))
    load("retainers").reverse(n, first_edge, edges, first, retainers)
    store.put("first_retainer", first[: n + 1])
    store.put("retainers", retainers)
