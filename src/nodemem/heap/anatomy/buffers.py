"""ArrayBuffers: bytes outside of the heap that V8 collects, and the views that keep them.

A view (Buffer, typed array, DataView) of one byte keeps all of its ArrayBuffer. How many bytes a
view shows, and where it begins, is not in a snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodemem.heap.anatomy.collections import holders
from nodemem.heap.arrays import Array, Arrays, Edges
from nodemem.heap.engine.columns import INTERNAL_EDGE, OBJECT

_CLASSES = ("ArrayBuffer", "SharedArrayBuffer")
POOL_SIZES = (8192, 65536, 65600)
"""What small Buffers share: `Buffer.poolSize` of older and of newer releases of Node.js, and the
latter with room to align it."""


@dataclass(frozen=True, slots=True)
class BufferGroup:
    """ArrayBuffers whose first view has one class and is held in one way (or that have no view, and
    are held so themselves). `size` are their bytes, `largest` that with most. `pools` counts those
    of the size that Node.js takes for small Buffers, with at least one Buffer as view."""

    shared: bool
    buffers: list[int]
    size: int
    views: int
    view: int | None
    pools: int
    largest: int

    @property
    def held(self) -> int:
        """The node that a program has in its hands."""
        return self.largest if self.view is None else self.view


def buffers(arrays: Arrays) -> list[BufferGroup]:
    """All ArrayBuffers, the group with most bytes first. Memory that several refer to counts for
    the first."""
    stores = arrays.edges_named("backing_store", INTERNAL_EDGE)
    _, first = np.unique(stores.targets, return_index=True)
    stores = stores.where(np.sort(first))
    sizes = np.zeros(len(arrays.types), np.int64)
    sizes[stores.sources] = arrays.self_sizes[stores.targets].astype(np.int64)
    nodes = np.union1d(arrays.named(_CLASSES[0], OBJECT), arrays.named(_CLASSES[1], OBJECT))
    nodes = nodes[sizes[nodes] > 0]
    if not len(nodes):
        return []
    views = arrays.edges_named("buffer", INTERNAL_EDGE)
    counts = np.bincount(views.targets, minlength=len(arrays.types))
    held = _first_views(arrays, views)
    known = np.where(held[nodes] >= 0, held[nodes], nodes)
    order = np.argsort(known)
    ways = np.empty(len(nodes), np.int64)
    ways[order] = holders(arrays, known[order])
    is_pool = np.isin(sizes[nodes], POOL_SIZES)
    is_pool &= arrays.names[known] == arrays.string("Buffer")
    keys = np.stack([ways, arrays.names[known], arrays.names[nodes]])
    _, numbers = np.unique(keys, axis=1, return_inverse=True)
    shared = arrays.names[nodes] == arrays.string(_CLASSES[1])
    by_group = np.lexsort((nodes, -sizes[nodes], numbers.ravel()))
    starts = np.flatnonzero(np.diff(numbers.ravel()[by_group])) + 1
    found = []
    for some in np.split(by_group, starts):
        members, largest = nodes[some], int(nodes[some[0]])
        found.append(
            BufferGroup(
                bool(shared[some[0]]),
                members.tolist(),
                int(sizes[members].sum()),
                int(counts[members].sum()),
                int(held[largest]) if held[largest] >= 0 else None,
                int(is_pool[some].sum()),
                largest,
            )
        )
    found.sort(key=lambda one: (-one.size, one.largest))
    return found


def _first_views(arrays: Arrays, views: Edges) -> Array:
    """By ordinal of an ArrayBuffer: its first view, -1 without."""
    held = arrays.by_node()
    held[views.targets[::-1]] = views.sources[::-1]
    return held
