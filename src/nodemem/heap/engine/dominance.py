"""Immediate dominators of a snapshot, with little memory: columns are read a part at a time."""

from __future__ import annotations

import bisect
from functools import partial

from nodemem.heap.engine.columns import Columns
from nodemem.heap.engine.memory import copied, zeros
from nodemem.heap.engine.store import Store
from nodemem.heap.engine.threads import side_by_side, threads_for
from nodemem.kernels import load

_PART = 1 << 21
"""Nodes between which memory that holds columns is let go of."""


class Dominance:
    """The search for the immediate dominator of each node over essential edges, in three steps.

    Other work can be done beside the first and the last; the one between them needs the most
    memory, and both processors. `dom_trees` is the node `(Document DOM trees)`, -1 without.
    """

    def __init__(self, columns: Columns, dom_trees: int, store: Store) -> None:
        self._columns, self._dom_trees, self._store = columns, dom_trees, store
        self._kernel = load("dominators")
        self._nodes = len(columns.types)

    def number(self) -> None:
        """Depth-first numbers."""
        n, columns = self._nodes, self._columns
        room, bits = n + 4, n // 64 + 1
        self._number, self._parent = zeros("I", room), zeros("I", room)
        self._page_owned = zeros("Q", bits)
        self._reached = load("numbering").number_nodes(
            n, columns.first_edge, columns.edges, self._dom_trees,
            self._number, self._parent, zeros("Q", bits), self._page_owned, zeros("Q", bits),
            zeros("I", n), zeros("I", n),
        )  # fmt: skip
        self._store.release_pages()

    def reverse(self) -> None:
        """The edges that lead back, by their targets: counted, then put in their places."""
        n, columns = self._nodes, self._columns
        self._semi, self._ends = copied(self._parent), zeros("I", n + 4)
        for begin in range(0, n, _PART):
            self._kernel.count_incoming(
                begin, min(begin + _PART, n), columns.first_edge, columns.edges,
                self._number, self._page_owned, self._ends, self._semi,
            )  # fmt: skip
            self._store.release_pages()
        top = self._reached + 1
        count = self._kernel.add_up(self._reached, self._ends)
        self._sources = zeros("I", count)
        parts = threads_for(count)
        # As many edges for each; most of them lead to few low numbers.
        shares = (count * part // parts for part in range(1, parts))
        borders = [0, *(bisect.bisect_left(self._ends, share, 0, top) for share in shares), top]
        side_by_side(*map(partial, [self._place] * parts, borders, borders[1:]))
        del self._page_owned

    def _place(self, low: int, high: int) -> None:
        """The edges to the numbers low .. high - 1, whose lists nobody else writes."""
        n, columns = self._nodes, self._columns
        for begin in range(0, n, _PART):
            self._kernel.place_incoming(
                begin, min(begin + _PART, n), columns.first_edge, columns.edges,
                self._number, self._page_owned, low, high, self._ends, self._sources,
            )  # fmt: skip
            self._store.release_pages()

    def solve(self) -> memoryview:
        """Immediate dominators by ordinal; the root's is itself."""
        n, reached = self._nodes, self._reached
        dominator, dominators, scratch = self._parent, self._semi, zeros("I", n + 4)
        self._kernel.semi_nca(
            reached, dominator, self._ends, dominators, self._sources, scratch,
            zeros("I", reached + 2),
        )  # fmt: skip
        del self._sources, self._ends
        self._kernel.by_ordinal(n, self._number, dominator, scratch, dominators)
        del self._number, self._parent, self._semi
        return dominators[:n]
