"""What follows from the columns of a snapshot: shallow sizes, dominators, retained sizes,
distances. Each is worked out when first asked for; the loops are in nodemem.kernels."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from nodemem.heap.engine.columns import SYNTHETIC, TARGET, Columns
from nodemem.heap.engine.detached import spread_detachedness
from nodemem.heap.engine.memory import copied, zeros
from nodemem.heap.engine.strings import StringTable
from nodemem.kernels import load
from nodemem.results.progress import SILENT, Progress

SYSTEM_DISTANCE = 100_000_000
"""From here on a distance was counted from the root: the node is not reachable from user roots."""


UNREACHED = -5
"""The distance of nodes that cannot be reached at all."""


class DominatorTree(NamedTuple):
    """`dominators[o]` is the immediate dominator of node o, the root's is itself. `preorder` are
    the ordinals in preorder of the tree; the node at place p heads the `subtree[p]` nodes from p
    on."""

    dominators: memoryview
    preorder: memoryview
    subtree: memoryview


class Retainers(NamedTuple):
    """Edges by target: those that lead to node o are `edges[first[o]:first[o + 1]]` (positions in
    `Columns.edges`), their sources are at the same places of `sources`."""

    first: memoryview
    edges: memoryview
    sources: memoryview


class Graph:
    """All columns are by ordinal. Sizes are bytes, u32 items, or u64 where a size needs it."""

    def __init__(self, columns: Columns, strings: StringTable, progress: Progress = SILENT) -> None:
        spread_detachedness(columns, strings)
        self.columns, self.strings = columns, strings
        self.node_count = len(columns.types)
        self._progress = progress
        self._pair_edges = self._mark_weakmap_edges()

    def _mark_weakmap_edges(self) -> memoryview:
        columns, pairs = self.columns, self.strings.pairs
        marked = zeros("Q", len(columns.edges) // 64 + 1 if len(pairs.strings) else 1)
        if len(pairs.strings):
            is_pair = zeros("Q", self.strings.count // 64 + 1)
            for index in pairs.strings:
                is_pair[index >> 6] |= 1 << (index & 63)
            load("weakmaps").mark(
                self.node_count, columns.first_edge, columns.edges, columns.edge_names,
                columns.ids, pairs.strings, pairs.tables, is_pair, marked,
            )  # fmt: skip
        return marked

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
    def tree(self) -> DominatorTree:
        """Immediate dominators over essential edges (see kernels/dominators.py)."""
        columns, n = self.columns, self.node_count
        kernel = load("dominators")
        self._progress.phase("dominators", n, "nodes")
        room = n + 4
        number, ends, semi = zeros("I", room), zeros("I", room), zeros("I", room)
        node_of, parent = zeros("I", room), zeros("I", room)
        bits = n // 64 + 1
        visited, page_owned, beside = zeros("Q", bits), zeros("Q", bits), zeros("Q", bits)
        # The stacks of the walk are in memory that is needed only after it.
        reached = kernel.number_nodes(
            n, columns.first_edge, columns.edges, self.dom_trees,
            number, node_of, parent, visited, page_owned, beside, ends, semi,
        )  # fmt: skip
        graph = (n, reached, columns.first_edge, columns.edges, number, parent, page_owned)
        kept = kernel.incoming(*graph, ends, semi, zeros("I", 0), False)
        sources = zeros("I", kept)
        kernel.incoming(*graph, ends, semi, sources, True)
        kernel.semi_nca(reached, parent, ends, semi, sources, number, zeros("I", reached + 2))
        del sources
        kernel.tree(n, node_of, parent, number, ends, semi)
        return DominatorTree(dominators=semi[:n], preorder=number[:n], subtree=ends[:n])

    def _retained(self, sizes: memoryview) -> memoryview:
        tree, n, width = self.tree, self.node_count, sizes.itemsize // 4
        given = (n, tree.dominators, tree.preorder, sizes.cast("B").cast("I"), width)
        kernel = load("dominators")
        out = zeros("I", width * n)
        if kernel.retained(*given, out, width) < 0:
            width, out = 2, zeros("I", 2 * n)
            kernel.retained(*given, out, width)
        return out if width == 1 else out.cast("B").cast("Q")

    @cached_property
    def retained_sizes(self) -> memoryview:
        """Bytes that would be freed with each node: shallow sizes summed over its dominator
        subtree."""
        # Dominators need the most memory: they come first, before there are sizes to hold.
        _ = self.tree
        return self._retained(self.shallow_sizes)

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
            self._pair_edges, pairs.strings, pairs.entries,
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

    @cached_property
    def retainers(self) -> Retainers:
        columns, n, e = self.columns, self.node_count, len(self.columns.edges)
        first, edges, sources = zeros("I", n + 2), zeros("I", e), zeros("I", e)
        load("retainers").reverse(n, columns.first_edge, columns.edges, first, edges, sources)
        return Retainers(first, edges, sources)

    @cached_property
    def id_order(self) -> memoryview:
        """Ordinals in ascending order of their node ids."""
        n = self.node_count
        out = zeros("I", n)
        load("retainers").by_id(n, self.columns.ids, zeros("I", 65537), zeros("I", n), out)
        return out
