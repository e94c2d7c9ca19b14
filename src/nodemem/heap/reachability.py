"""What is still held when objects or references are taken away: breadth-first searches over the
references by which objects keep each other (those that dominators count, see graph.py)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from nodemem.heap.arrays import Array, Arrays
from nodemem.heap.engine.columns import (
    ELEMENT_EDGE,
    SHORTCUT_EDGE,
    TABLE_EDGE,
    TARGET,
    TYPE_SHIFT,
    WEAK_EDGE,
)
from nodemem.heap.engine.graph import SYSTEM_DISTANCE
from nodemem.heap.engine.memory import zeros
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.kernels import load

_TAKEN = -2
_NOTHING = memoryview(bytearray()).cast("Q")


class Reachability:
    """Searches over one snapshot. Nodes are ordinals, references positions in `Columns.edges`."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._arrays = Arrays(snapshot)
        self._kernel = load("reach")
        self._apart: dict[bool, tuple[Array, Array]] = {}

    def lost(
        self, nodes: Iterable[int] = (), edges: Iterable[int] = (), *, page_rule: bool = True
    ) -> Array:
        """The nodes that nothing keeps any more without `nodes` and `edges`, `nodes` among them.

        For one node these are the nodes it dominates, so that their shallow sizes add up to its
        retained size. As for dominators, what the program (the page) owns is not kept by what only
        V8 or Node.js hold; with `page_rule=False` it is, so that less is lost.
        """
        if page_rule not in self._apart:
            self._apart[page_rule] = self._unreached(page_rule=page_rule)
        heads, circles = self._apart[page_rule]
        distances = self._fresh(np.asarray(list(nodes), np.int64))
        array = np.asarray(distances)
        array[circles] = np.where(array[circles] == _TAKEN, _TAKEN, 0)
        self._search(distances, [0, *heads.tolist()], 0, self._pages(page_rule), self._cut(edges))
        lost: Array = np.flatnonzero(array < 0)
        return lost

    def distances_without(self, nodes: Iterable[int]) -> memoryview:
        """Hops from the user roots when `nodes` are not there, SYSTEM_DISTANCE and more for what
        only the root reaches, negative for what nothing does. Items i32."""
        distances = self._fresh(np.asarray(list(nodes), np.int64))
        for starts, hops in ((self._snapshot.graph.user_roots, 1), ([0], SYSTEM_DISTANCE)):
            self._search(distances, starts, hops, _NOTHING, _NOTHING)
        return distances

    @cached_property
    def _page_owned(self) -> memoryview:
        """A bitmap: what can be reached from the root's shortcuts."""
        snapshot, columns = self._snapshot, self._snapshot.columns
        starts = [
            edge & TARGET
            for edge in columns.edges[: columns.first_edge[1]]
            if edge >> TYPE_SHIFT == SHORTCUT_EDGE
            or (edge >> TYPE_SHIFT == ELEMENT_EDGE and edge & TARGET == snapshot.graph.dom_trees)
        ]
        distances = self._fresh(np.empty(0, np.int64))
        self._search(distances, starts, 0, _NOTHING, _NOTHING, essential=False)
        bits = zeros("Q", snapshot.node_count // 64 + 1)
        packed = np.packbits(np.asarray(distances) >= 0, bitorder="little")
        bits.cast("B")[: len(packed)] = packed.data
        return bits

    def _fresh(self, taken: Array) -> memoryview:
        distances = zeros("i", self._snapshot.node_count)
        array = np.asarray(distances)
        array[:] = self._kernel.UNREACHED
        array[taken] = _TAKEN
        return distances

    def _search(
        self,
        distances: memoryview,
        starts: Iterable[int],
        hops: int,
        page_owned: memoryview,
        cut: memoryview,
        *,
        essential: bool = True,
    ) -> None:
        columns = self._snapshot.columns
        queue = zeros("I", len(distances) + 1)
        filled = 0
        for node in starts:
            if distances[node] == self._kernel.UNREACHED:
                distances[node] = hops
                queue[filled] = node
                filled += 1
        self._kernel.search(
            columns.first_edge, columns.edges, essential, page_owned, cut, filled, queue, distances
        )

    def _unreached(self, *, page_rule: bool) -> tuple[Array, Array]:
        """Of what is not reached from the root: what no reference that keeps its target leads to
        (it counts as held from the root), and what is not reached from there either, which hangs
        together in circles."""
        pages = self._pages(page_rule)
        distances = self._fresh(np.empty(0, np.int64))
        self._search(distances, [0], 0, pages, _NOTHING)
        out = np.flatnonzero(np.asarray(distances) < 0)
        edges = self._arrays.edges_of(out)
        kinds = self._arrays.kinds(edges.positions)
        essential = ~np.isin(kinds, [WEAK_EDGE, SHORTCUT_EDGE, TABLE_EDGE])
        essential &= edges.sources != edges.targets
        if len(pages):
            owned = np.unpackbits(np.asarray(pages.cast("B")), bitorder="little").view(bool)
            essential &= ~(owned[edges.targets] & ~owned[edges.sources])
        led_to = np.zeros(len(distances), bool)
        led_to[edges.targets[essential]] = True
        heads = out[~led_to[out]]
        self._search(distances, heads.tolist(), 0, pages, _NOTHING)
        return heads, np.flatnonzero(np.asarray(distances) < 0)

    def _pages(self, page_rule: bool) -> memoryview:
        return self._page_owned if page_rule else _NOTHING

    def _cut(self, edges: Iterable[int]) -> memoryview:
        positions = list(edges)
        if not positions:
            return _NOTHING
        bits = zeros("Q", len(self._snapshot.columns.edges) // 64 + 1)
        for at in positions:
            bits[at >> 6] |= 1 << (at & 63)
        return bits
