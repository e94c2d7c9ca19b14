"""Immediate dominators of a snapshot, with little memory: what is not needed for a while waits in
the store."""

from __future__ import annotations

from nodemem.heap.engine.columns import Columns
from nodemem.heap.engine.memory import copied, zeros
from nodemem.heap.engine.store import Store, StoreFull, column
from nodemem.kernels import load


class Dominance:
    """The search for the immediate dominator of each node over essential edges, in three steps.

    Other work can be done beside the first and the last; the one between them needs the most
    memory. `dom_trees` is the node `(Document DOM trees)`, -1 without.
    """

    def __init__(self, columns: Columns, dom_trees: int, store: Store) -> None:
        self._columns, self._dom_trees, self._store = columns, dom_trees, store
        self._kernel = load("dominators")
        self._nodes = len(columns.types)

    def number(self) -> None:
        """Depth-first numbers, and how many edges lead back to each."""
        n, columns = self._nodes, self._columns
        room, bits = n + 4, n // 64 + 1
        number, node_of, parent = zeros("I", room), zeros("I", room), zeros("I", room)
        visited, page_owned, beside = zeros("Q", bits), zeros("Q", bits), zeros("Q", bits)
        self._reached = load("numbering").number_nodes(
            n, columns.first_edge, columns.edges, self._dom_trees,
            number, node_of, parent, visited, page_owned, beside, zeros("I", n), zeros("I", n),
        )  # fmt: skip
        del visited, beside
        self._node_of = _parked(self._store, "node_of", node_of[1 : n + 1])
        self._parent = _parked(self._store, "parent", parent[1 : n + 1])
        del node_of
        self._ends, self._semi = zeros("I", room), parent
        self._number, self._page_owned = number, page_owned
        self._count = self._incoming(zeros("I", 0), fill=False)

    def reverse(self) -> None:
        """The edges that lead back, by their targets."""
        self._sources = zeros("I", self._count)
        self._incoming(self._sources, fill=True)
        del self._page_owned
        self._store.release_pages()

    def _incoming(self, sources: memoryview, *, fill: bool) -> int:
        columns = self._columns
        count: int = self._kernel.incoming(
            self._nodes, self._reached, columns.first_edge, columns.edges,
            self._number, self._page_owned, self._ends, self._semi, sources, fill,
        )  # fmt: skip
        return count

    def solve(self) -> memoryview:
        """Immediate dominators by ordinal; the root's is itself."""
        n, reached = self._nodes, self._reached
        dominator = zeros("I", n + 4)
        dominator[1 : n + 1] = self._parent
        del self._parent
        self._store.release_pages()
        stack = zeros("I", reached + 2)
        self._kernel.semi_nca(
            reached, dominator, self._ends, self._semi, self._sources, self._number, stack
        )
        del self._sources, self._ends, self._number, stack
        self._kernel.by_ordinal(n, self._node_of, dominator, self._semi)
        del self._node_of
        self._store.drop("node_of")
        self._store.drop("parent")
        dominators = self._semi[:n]
        del self._semi
        return dominators


def _parked(store: Store, name: str, scratch: memoryview) -> memoryview:
    """A copy, out of memory if there is such a place."""
    if store.may_write():
        store.begin(name, "I", len(scratch))
        try:
            store.write(name, 0, scratch)
        except StoreFull:
            return copied(scratch)
        return column(store, name)
    return copied(scratch)
