"""Realms: the global objects of a snapshot, each with built-ins of its own, and what is in each.

Node.js has one, and one more for each `vm.createContext`. (Worker threads have heaps, and so
snapshots, of their own.)

An object belongs to the context in which its constructor was made: since V8 12 its hidden class
tells over its own hidden class, before that over the scopes of the constructor. What has no
constructor (strings, arrays, code) belongs where the nearest object does that dominates it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodemem.heap.arrays import Array, Arrays
from nodemem.heap.engine.columns import CLOSURE, HIDDEN, INTERNAL_EDGE
from nodemem.heap.naming.names import NATIVE_CONTEXT, Names

_GLOBALS = frozenset(["extension", "global_object"])


@dataclass(frozen=True, slots=True)
class Realm:
    """`node` is V8's NativeContext, None for what belongs to none; `main` whether it is that of the
    program itself; `globals` the object with its global variables. `count` objects of `size` bytes
    belong to it; `retained` bytes would go with the context itself."""

    node: int | None
    main: bool
    globals: int | None
    count: int
    size: int
    retained: int | None


def realms(names: Names) -> list[Realm]:
    """All contexts and what belongs to none, the main one first, then those of most bytes."""
    snapshot = names.snapshot
    arrays = Arrays(snapshot)
    # Captures over the inspector add an origin to the name.
    hidden = arrays.of_types(HIDDEN)
    called = np.unique(arrays.names[hidden]).tolist()
    contexts = [index for index in called if snapshot.string(index).startswith(NATIVE_CONTEXT)]
    nodes = hidden[np.isin(arrays.names[hidden], contexts)]
    realm = _spread(arrays, _by_constructor(arrays, nodes))
    sizes = arrays.shallow_sizes
    roots = frozenset(snapshot.graph.user_roots)
    found = []
    for node in [*nodes.tolist(), None]:
        mine = realm == (-1 if node is None else node)
        globals_ = None if node is None else _globals(names, node)
        found.append(
            Realm(
                node,
                node in roots or globals_ in roots,
                globals_,
                int(mine.sum()),
                int(sizes[mine].sum(dtype=np.int64)),
                None if node is None else snapshot.retained_size(node),
            )
        )
    found.sort(key=lambda one: (not one.main, one.node is None, -one.size))
    return found


def _globals(names: Names, node: int) -> int | None:
    for edge in names.snapshot.edges(node):
        if edge.name in _GLOBALS and names.visible(edge.target):
            return edge.target
    return None


def _by_constructor(arrays: Arrays, contexts: Array) -> Array:
    """By ordinal: the context of contexts, scopes, functions and objects, -1 for others."""
    total = len(arrays.types)
    realm = _link(arrays, "previous")
    realm = _ends(np.where(realm >= 0, realm, np.arange(total, dtype=np.int32)))
    is_context = np.zeros(total, bool)
    is_context[contexts] = True
    scope = _link(arrays, "context")
    # Of nodes without a link the last item is looked up; the condition leaves it out again.
    realm = np.where((scope >= 0) & (arrays.types == CLOSURE), realm[scope], realm)
    realm = np.where(is_context[realm], realm, -1)
    shape = _link(arrays, "map")
    told = _link(arrays, "native_context")
    meta = np.where(shape >= 0, shape[shape], -1)
    by_shape = np.where((meta >= 0) & (told[meta] >= 0), told[meta], -1)
    back = _link(arrays, "back_pointer")
    first = _ends(np.where(back >= 0, back, np.arange(total, dtype=np.int32)))
    maker = _link(arrays, "constructor")[first[shape]]
    by_maker = np.where(maker >= 0, realm[maker], -1)
    made = np.where(by_shape >= 0, by_shape, by_maker)
    result: Array = np.where((realm < 0) & (shape >= 0), made, realm)
    return result


def _link(arrays: Arrays, name: str) -> Array:
    """By ordinal: what the internal reference `name` leads to, -1 without."""
    link = arrays.by_node()
    edges = arrays.edges_named(name, INTERNAL_EDGE)
    link[edges.sources] = edges.targets
    return link


def _ends(link: Array) -> Array:
    """Where following a link ends, for every node; a link to itself is an end. Circles end
    anywhere in them."""
    for _ in range(max(1, len(link).bit_length())):
        further = link[link]
        if np.array_equal(further, link):
            break
        link = further
    return link


def _spread(arrays: Arrays, realm: Array) -> Array:
    """Give nodes that belong nowhere the context of the nearest dominator that has one."""
    dominators = arrays.snapshot.dominators.astype(np.int32)
    nearest = _ends(np.where(realm >= 0, np.arange(len(realm), dtype=np.int32), dominators))
    result: Array = realm[nearest]
    return result
