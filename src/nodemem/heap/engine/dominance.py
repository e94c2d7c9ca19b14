"""Immediate dominators of a snapshot, with little memory: what is not needed for a while waits in
the store."""

from __future__ import annotations

from collections.abc import Callable

from nodemem.heap.engine.columns import Columns
from nodemem.heap.engine.memory import copied, zeros
from nodemem.heap.engine.store import Store, StoreFull, column
from nodemem.kernels import load


def immediate_dominators(
    columns: Columns, dom_trees: int, store: Store, before_peak: Callable[[], None]
) -> memoryview:
    """The immediate dominator of each node over essential edges, by ordinal; the root's is itself.

    `dom_trees` is the node `(Document DOM trees)`, -1 without. `before_peak` is called when the
    half that takes much memory begins. Where the store has the edges in a file they are not at hand
    afterwards.
    """
    n = len(columns.types)
    room, bits = n + 4, n // 64 + 1
    number, node_of, parent = zeros("I", room), zeros("I", room), zeros("I", room)
    visited, page_owned, beside = zeros("Q", bits), zeros("Q", bits), zeros("Q", bits)
    reached = load("numbering").number_nodes(
        n, columns.first_edge, columns.edges, dom_trees,
        number, node_of, parent, visited, page_owned, beside, zeros("I", n), zeros("I", n),
    )  # fmt: skip
    del visited, beside
    node_of = _parked(store, "node_of", node_of[1 : n + 1])
    ends, semi = zeros("I", room), copied(parent)
    parent = _parked(store, "parent", parent[1 : n + 1])
    kernel = load("dominators")
    graph = (n, reached, columns.first_edge, columns.edges, number, page_owned, ends, semi)
    count = kernel.incoming(*graph, zeros("I", 0), False)
    before_peak()
    sources = zeros("I", count)
    kernel.incoming(*graph, sources, True)
    del graph, page_owned
    columns.edges = store.let_go("edges", columns.edges)
    dominator = zeros("I", room)
    dominator[1 : n + 1] = parent
    del parent
    store.release_pages()
    stack = zeros("I", reached + 2)
    kernel.semi_nca(reached, dominator, ends, semi, sources, number, stack)
    del sources, stack
    kernel.by_ordinal(n, node_of, dominator, semi)
    del node_of
    store.drop("node_of")
    store.drop("parent")
    return semi[:n]


def _parked(store: Store, name: str, scratch: memoryview) -> memoryview:
    """The same column out of memory, if there is such a place."""
    if not store.may_write():
        return scratch
    store.begin(name, "I", len(scratch))
    try:
        store.write(name, 0, scratch)
    except StoreFull:
        return scratch
    return column(store, name)
