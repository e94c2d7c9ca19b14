# cython: language_level=3
"""Distances as Chrome DevTools counts them: hops from the global object over edges that are not
weak, with three kinds of edges left out so that V8's internals make no short cuts."""

import cython

if cython.compiled:
    from cython.cimports.nodemem.kernels.bits import bit, clear_bit, set_bit
    from cython.cimports.nodemem.kernels.hints import nodemem_prefetch
else:
    from nodemem.kernels.bits import bit, clear_bit, set_bit

COMPILED = cython.compiled

u8 = cython.typedef(cython.uchar)
u32 = cython.typedef(cython.uint)
u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)
i32 = cython.typedef(cython.int)

# Where the second search, from the root itself, starts: what it finds belongs to the system.
SYSTEM = 100000000
UNREACHED = -5


def special_nodes(
    n_nodes: ix,
    types: u8[::1],
    names: u32[::1],
    native_context: u32,
    map_descriptors: u32,
    out: u64[::1],
) -> ix:
    """A bitmap of the nodes that `search` does not follow everywhere; how many."""
    node: ix
    found: ix = 0
    with cython.nogil:
        for node in range(n_nodes):
            if types[node] <= 1:
                if names[node] == (native_context if types[node] == 0 else map_descriptors):
                    set_bit(out, node)
                    found += 1
    return found


def search(
    n_nodes: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    edge_names: u32[::1],
    types: u8[::1],
    dom_trees: ix,
    special: u64[::1],
    sloppy_function_map: u32,
    descriptors: u64[::1],
    pair_edges: u64[::1],
    pair_places: u32[::1],
    pair_entries: u32[::1],
    pending: u64[::1],
    visited: u64[::1],
    queue: u32[::1],
    distances: i32[::1],
) -> ix:
    """Breadth-first distances: 1 at the user roots (what the root refers to and is not synthetic),
    then SYSTEM at the root (0 when there are no user roots), UNREACHED elsewhere. How many nodes
    were reached in the last round.

    Left out: `sloppy_function_map` of a native context; the values in descriptor arrays
    (`descriptors`, a bitmap over strings); of the two edges of a WeakMap entry the one met first,
    so that a value is farther away than its key and its map (`pair_edges` is a bitmap of these
    edges, `pair_places` are they in ascending order, `pair_entries` their entries). The bitmaps
    `pending` (one bit an entry) and `visited` are zero at first. `queue` has an item for each node
    and each edge of the root: a user root that the root refers to twice is gone through twice, as
    DevTools does.
    """
    node: ix
    e: ix
    head: ix = 0
    tail: ix = 0
    low: ix
    high: ix
    middle: ix
    round_: cython.int
    pairs: cython.int = pair_places.shape[0] > 0
    filtered: cython.int
    hops: i32
    name: u32
    target: u32
    type_: u32
    with cython.nogil:
        for node in range(n_nodes):
            distances[node] = -5
        for e in range(first_edge[0], first_edge[1]):
            target = edges[e] & 0x1FFFFFFF
            if types[target] != 9 or target == dom_trees:
                distances[target] = 1
                set_bit(visited, target)
                queue[tail] = target
                tail += 1
        for round_ in range(2):
            if round_:
                distances[0] = 100000000 if tail > 0 else 0
                set_bit(visited, 0)
                head = 0
                queue[0] = 0
                tail = 1
            while head < tail:
                node = queue[head]
                head += 1
                if cython.compiled:
                    if head + 8 < tail:
                        nodemem_prefetch(cython.address(first_edge[queue[head + 8]]))
                    # A node without edges may stand behind the last edge of all.
                    if head + 4 < tail and first_edge[queue[head + 4]] < edges.shape[0]:
                        nodemem_prefetch(cython.address(edges[first_edge[queue[head + 4]]]))
                hops = distances[node] + 1
                filtered = bit(special, node)
                for e in range(first_edge[node], first_edge[node + 1]):
                    target = edges[e] & 0x1FFFFFFF
                    type_ = edges[e] >> 29
                    if type_ == 6 or bit(visited, target):
                        continue
                    if filtered and types[node] == 1:
                        name = edge_names[e]
                        if type_ == 1 or type_ == 4:
                            if name >= 2 and name % 3 == 1:
                                continue
                        elif bit(descriptors, name):
                            continue
                    elif (
                        filtered
                        and type_ != 1
                        and type_ != 4
                        and (edge_names[e] == sloppy_function_map)
                    ):
                        continue
                    elif pairs and (type_ == 3 or type_ == 7) and bit(pair_edges, e):
                        low = 0
                        high = pair_places.shape[0]
                        while low < high:
                            middle = (low + high) // 2
                            if pair_places[middle] < e:
                                low = middle + 1
                            else:
                                high = middle
                        if bit(pending, pair_entries[low]):
                            clear_bit(pending, pair_entries[low])
                        else:
                            set_bit(pending, pair_entries[low])
                            continue
                    distances[target] = hops
                    set_bit(visited, target)
                    queue[tail] = target
                    tail += 1
    return tail
