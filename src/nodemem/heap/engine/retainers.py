"""References backwards: who refers to a node."""

from __future__ import annotations

import bisect
from typing import NamedTuple

from nodemem.heap.engine.memory import zeros
from nodemem.heap.engine.store import Store, StoreFull
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


_PARTS = 3


def keep_retainers(store: Store, first_edge: memoryview, edges: memoryview) -> None:
    """Put the references backwards into `store`; where that is not memory, in parts, which take
    less of it."""
    n = len(first_edge) - 1
    places = _counted(n, edges)
    if store.may_write():
        try:
            _place_parts(store, n, edges, places, len(edges) // _PARTS)
        except StoreFull:
            places = _counted(n, edges)
            _place(store, n, edges, places)
    else:
        _place(store, n, edges, places)
    store.put("first_retainer", places[: n + 1])


def _counted(n: int, edges: memoryview) -> memoryview:
    places = zeros("I", n + 2)
    if load("reversal").count(n, edges, places) < 0:
        raise IndexError("an edge leads to no node")
    return places


def _place(store: Store, n: int, edges: memoryview, places: memoryview) -> None:
    retainers = zeros("I", len(edges))
    load("reversal").place(0, n, edges, places, retainers)
    store.put("retainers", retainers)


def _place_parts(store: Store, n: int, edges: memoryview, places: memoryview, size: int) -> None:
    store.begin("retainers", "I", len(edges))
    kernel, buffer, low = load("reversal"), zeros("I", size), 0
    while low < n:
        # places[t + 1] is where the edges to node t begin; all of a node are in one part.
        begin = places[low + 1]
        high = max(low + 1, bisect.bisect_right(places, begin + size, low + 2) - 2)
        count = places[high + 1] - begin
        if count > len(buffer):
            buffer = zeros("I", count)
        kernel.place(low, high, edges, places, buffer[:count])
        store.write("retainers", begin, buffer[:count])
        low = high
