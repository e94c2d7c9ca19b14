"""What follows from the columns of a snapshot: shallow sizes, dominators, retained sizes,
distances, references backwards. Each is worked out when first asked for; where an index is kept,
all together. The loops are in nodemem.kernels."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import NamedTuple, TypeVar

from nodemem.heap.engine.columns import SYNTHETIC, TARGET, Columns
from nodemem.heap.engine.dominance import Dominance
from nodemem.heap.engine.memory import copied, zeros
from nodemem.heap.engine.retainers import Retainers, Sources, keep_retainers
from nodemem.heap.engine.store import Store, column
from nodemem.heap.engine.strings import StringTable
from nodemem.heap.engine.threads import Aside
from nodemem.kernels import load
from nodemem.results.progress import SILENT, Progress

SYSTEM_DISTANCE = 100_000_000
"""From here on a distance was counted from the root: the node is not reachable from user roots."""


UNREACHED = -5
"""The distance of nodes that cannot be reached at all."""


_FEW = 8
T = TypeVar("T")


class DominatorTree(NamedTuple):
    """`dominators[o]` is the immediate dominator of node o, the root's is itself. `preorder` are
    the ordinals in preorder of the tree; the node at place p heads the `subtree[p]` nodes from p
    on."""

    dominators: memoryview
    preorder: memoryview
    subtree: memoryview


class Graph:
    """All columns are by ordinal. Sizes are bytes, u32 items, or u64 where a size needs it."""

    def __init__(
        self, columns: Columns, strings: StringTable, store: Store, progress: Progress = SILENT
    ) -> None:
        self.columns, self.strings = columns, strings
        self.node_count = len(columns.types)
        self._store, self._progress = store, progress
        self._ids_asked = 0

    def _kept(self, name: str, work: Callable[[], memoryview]) -> memoryview:
        """The column `name`; worked out, and kept with the others, unless it is there."""
        found = self._store.get(name)
        if found is None and self._store.streams:
            self.work_out(lambda: None)
            found = self._store.get(name)
        return self._store.put(name, work()) if found is None else found

    def work_out(self, meanwhile: Callable[[], T]) -> T:
        """All that follows from the columns, and what `meanwhile` gives, which needs none of it.

        Shallow sizes and distances are worked out beside the first half of dominators, `meanwhile`
        beside the second; the step between them, which needs the most memory, is alone.
        """
        store = self._store
        # Before there are threads: what another process has put in by now is taken over.
        store.may_write()
        if store.get("retained") is not None:
            return meanwhile()
        aside = Aside(self._beside)
        try:
            search = self._dominance()
            search.number()
        finally:
            aside.wait()
        aside.join()
        search.reverse()
        later = Aside(meanwhile)
        try:
            store.put("dominators", search.solve())
            store.release_pages()
            store.put("retained", self._retained(column(store, "shallow")))
        finally:
            later.wait()
        result = later.join()
        store.release_pages()
        store.commit()
        return result

    def _beside(self) -> None:
        for name, work in (("shallow", self._shallow_sizes), ("distances", self._distances)):
            if self._store.get(name) is None:
                self._store.put(name, work())
                self._store.release_pages()

    def _root_targets(self) -> list[int]:
        end = self.columns.first_edge[1]
        return [edge & TARGET for edge in self.columns.edges[:end]]

    @cached_property
    def dom_trees(self) -> int:
        """The ordinal of `(Document DOM trees)` below the root, -1 without (always in Node)."""
        name = self.strings.known["(Document DOM trees)"]
        types, names = self.columns.types, self.columns.names
        for target in self._root_targets():
            if types[target] == SYNTHETIC and names[target] == name:
                return target
        return -1

    @cached_property
    def user_roots(self) -> list[int]:
        """What the root refers to and is not synthetic: in Node the global objects."""
        types = self.columns.types
        found = (o for o in self._root_targets() if types[o] != SYNTHETIC or o == self.dom_trees)
        return list(dict.fromkeys(found))

    @cached_property
    def shallow_sizes(self) -> memoryview:
        """Self sizes, with those of internal helpers added to the one object that owns them."""
        return self._kept("shallow", self._shallow_sizes)

    def _shallow_sizes(self) -> memoryview:
        columns, n = self.columns, self.node_count
        kernel = load("owners")
        sizes = copied(columns.sizes)
        if not self.user_roots:
            return sizes
        self._progress.phase("shallow sizes", n, "nodes")
        movable, owner = zeros("Q", n // 64 + 1), zeros("I", n)
        external = self.strings.known["system / ExternalStringData"]
        count = kernel.candidates(n, columns.types, columns.names, external, movable)
        stack = zeros("I", 2 * count + 1)
        kernel.assign(n, columns.first_edge, columns.edges, movable, owner, stack)
        while True:
            words = sizes.cast("B").cast("I")
            if kernel.merge(n, columns.types, owner, words, sizes.itemsize // 4) >= 0:
                return sizes
            sizes = zeros("Q", n)
            sizes.cast("B").cast("I")[::2] = columns.sizes

    @cached_property
    def wrapped_sizes(self) -> memoryview:
        """Shallow sizes as DevTools holds them: modulo 2**32."""
        sizes = self.shallow_sizes
        if sizes.itemsize == 4:
            return sizes
        wrapped = zeros("I", self.node_count)
        wrapped[:] = sizes.cast("B").cast("I")[::2]
        return wrapped

    @cached_property
    def dominators(self) -> memoryview:
        """The immediate dominator of each node over essential edges; the root's is itself."""
        return self._kept("dominators", self._dominators)

    def _dominators(self) -> memoryview:
        search = self._dominance()
        search.number()
        search.reverse()
        return search.solve()

    def _dominance(self) -> Dominance:
        self._progress.phase("dominators", self.node_count, "nodes")
        return Dominance(self.columns, self.dom_trees, self._store)

    @cached_property
    def tree(self) -> DominatorTree:
        """The dominator tree; children are in the order of their ordinals."""
        n, dominators = self.node_count, self.dominators
        preorder, subtree = zeros("I", n), zeros("I", n)
        load("tree").order(n, dominators, preorder, subtree, zeros("I", n), zeros("I", n))
        return DominatorTree(dominators, preorder, subtree)

    def _retained(self, sizes: memoryview) -> memoryview:
        tree, n, width = self.tree, self.node_count, sizes.itemsize // 4
        given = (n, tree.dominators, tree.preorder, sizes.cast("B").cast("I"), width)
        kernel = load("tree")
        out = zeros("I", width * n)
        if kernel.retained(*given, out, width) < 0:
            width, out = 2, zeros("I", 2 * n)
            kernel.retained(*given, out, width)
        return out if width == 1 else out.cast("B").cast("Q")

    @cached_property
    def retained_sizes(self) -> memoryview:
        """Bytes that would be freed with each node: shallow sizes summed over its dominator
        subtree."""
        return self._kept("retained", lambda: self._retained(self.shallow_sizes))

    @cached_property
    def wrapped_retained_sizes(self) -> memoryview:
        """Sums of sizes modulo 2**32, as in DevTools."""
        exact = self.retained_sizes
        if self.shallow_sizes.itemsize == 4:
            return exact
        return self._retained(self.wrapped_sizes)

    @cached_property
    def distances(self) -> memoryview:
        """Hops from the user roots, i32 items; SYSTEM_DISTANCE and more: reachable from the root
        only; UNREACHED: not reachable at all."""
        return self._kept("distances", self._distances)

    def _distances(self) -> memoryview:
        columns, n, strings = self.columns, self.node_count, self.strings
        kernel = load("distances")
        self._progress.phase("distances", n, "nodes")
        bits = n // 64 + 1
        special, out = zeros("Q", bits), zeros("i", n)
        known, pairs = strings.known, strings.pairs
        kernel.special_nodes(
            n, columns.types, columns.names,
            known["system / NativeContext"], known["(map descriptors)"], special,
        )  # fmt: skip
        kernel.search(
            n, columns.first_edge, columns.edges, columns.edge_names, columns.types,
            self.dom_trees, special, known["sloppy_function_map"], strings.descriptors,
            column(self._store, "pair_edges"), column(self._store, "pair_edge_places"),
            column(self._store, "pair_edge_entries"),
            zeros("Q", pairs.entry_count // 64 + 1), zeros("Q", bits),
            zeros("I", n + columns.first_edge[1]), out,
        )  # fmt: skip
        return out

    @cached_property
    def tree_places(self) -> memoryview:
        """The place of each node in `tree.preorder`."""
        places = zeros("I", self.node_count)
        load("retainers").invert(self.node_count, self.tree.preorder, places)
        return places

    def outermost(self, nodes: Iterable[int]) -> list[int]:
        """Those of `nodes` that no other of them dominates, in preorder. What nodes keep together
        is the sum over these: what hangs on one inside another is counted there already."""
        places, subtree = self.tree_places, self.tree.subtree
        found, end = [], -1
        for place, node in sorted((places[node], node) for node in set(nodes)):
            if place >= end:
                found.append(node)
                end = place + subtree[place]
        return found

    def retained_together(self, nodes: Iterable[int]) -> int:
        """Bytes in the dominator subtrees of `nodes`, each counted once."""
        sizes = self.retained_sizes
        return sum(sizes[node] for node in self.outermost(nodes))

    @cached_property
    def retainers(self) -> Retainers:
        """References backwards, the weak ones too. Many questions need none, and they are a fifth
        of an index, so they come into it with the first one that does."""
        store, columns = self._store, self.columns
        if store.get("retainers") is None:
            keep_retainers(store, columns.first_edge, columns.edges)
            store.commit()
        edges = column(store, "retainers")
        sources = Sources(columns.first_edge, edges)
        return Retainers(column(store, "first_retainer"), edges, sources)

    def find_id(self, node_id: int) -> int | None:
        """The node with the id `node_id`; None when there is none."""
        if not 0 <= node_id <= 0xFFFFFFFF:
            return None
        self._ids_asked += 1
        if self._ids_asked <= _FEW:  # a look at all of them takes less than to put them in order
            node = int(load("retainers").find(self.node_count, self.columns.ids, node_id))
            return None if node < 0 else node
        order, ids = self.id_order, self.columns.ids
        place = bisect.bisect_left(order, node_id, key=ids.__getitem__)
        found = place < len(order) and ids[order[place]] == node_id
        return int(order[place]) if found else None

    @cached_property
    def id_order(self) -> memoryview:
        """Ordinals in ascending order of their node ids."""
        n = self.node_count
        out = zeros("I", n)
        load("retainers").by_id(n, self.columns.ids, zeros("I", 65537), zeros("I", n), out)
        return out
