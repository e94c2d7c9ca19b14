"""The columns of a snapshot: its records, turned on their side. This is the one description of
their layout; everything later reads these.

    N nodes by ordinal (position in the file), E edges by their position in the file

    column        items    code   meaning
    types         N        u8     code of the node type: index into `Header.meta.node_types`
    names         N        u32    string index
    ids           N        u32    V8's node id, unique; odd for heap objects
    sizes         N        u32/u64  self size in bytes: u64 only where a size needs it
    first_edge    N + 1    u32    edges of node o are first_edge[o] .. first_edge[o + 1] - 1
    detachedness  N or 0   u8     0 unknown, 1 attached, 2 detached; no items when all are 0
    edges         E        u32    edge type << 29 | ordinal of the target
    edge_names    E        u32    element and hidden edges: a number; others: string index
    locations     4 * L    u32    ordinal, script id, line, column (from 0), in file order

Validated while reading: types are known, names are strings of the table, targets are nodes,
edge counts add up to E, ids are unique.
"""

from __future__ import annotations

from typing import NamedTuple

from nodemem.heap.engine.store import Store, column

TYPE_SHIFT = 29
TARGET = (1 << TYPE_SHIFT) - 1

HIDDEN, ARRAY, STRING, OBJECT, CODE, CLOSURE, REGEXP, NUMBER, NATIVE, SYNTHETIC = range(10)
CONCATENATED, SLICED, SYMBOL, BIGINT = range(10, 14)

CONTEXT_EDGE, ELEMENT_EDGE, PROPERTY_EDGE, INTERNAL_EDGE = range(4)
HIDDEN_EDGE, SHORTCUT_EDGE, WEAK_EDGE = range(4, 7)
TABLE_EDGE = 7
"""Not in files: an internal edge by which a WeakMap's table refers to the value of an entry. It
does not keep the value alive without the key. `heap.weakmaps` tells them from other edges."""


class Columns(NamedTuple):
    """See the module. Memoryviews, read-only by convention once the snapshot is read."""

    types: memoryview
    names: memoryview
    ids: memoryview
    sizes: memoryview
    first_edge: memoryview
    detachedness: memoryview
    edges: memoryview
    edge_names: memoryview
    locations: memoryview

    @property
    def size_words(self) -> int:
        """32-bit words an item of `sizes`: kernels take sizes of either width as words."""
        return self.sizes.itemsize // 4


def load_columns(store: Store) -> Columns:
    """The columns of a file that was read into `store`."""
    return Columns(
        types=column(store, "types"),
        names=column(store, "names"),
        ids=column(store, "ids"),
        sizes=column(store, "sizes"),
        first_edge=column(store, "first_edge"),
        detachedness=column(store, "detachedness"),
        edges=column(store, "edges"),
        edge_names=column(store, "edge_names"),
        locations=column(store, "locations"),
    )
