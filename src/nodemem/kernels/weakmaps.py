# cython: language_level=3
"""The edges of WeakMap entries.

V8 writes two edges to the value of an entry, one from the key and one from the map's table, both
under a name that tells key, value and table apart (see kernels/strings.py). The table alone does
not keep the value alive: its edge gets a type of its own.
"""

import cython

if cython.compiled:
    from cython.cimports.nodemem.kernels.bits import bit, set_bit
else:
    from nodemem.kernels.bits import bit, set_bit

COMPILED = cython.compiled

u32 = cython.typedef(cython.uint)
u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)


def mark(
    begin: ix,
    end: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    edge_names: u32[::1],
    ids: u32[::1],
    pair_strings: u32[::1],
    pair_tables: u64[::1],
    is_pair_name: u64[::1],
    pair_edges: u64[::1],
) -> ix:
    """Set the bit of every internal edge with an entry's name in `pair_edges`, for edges that leave
    the nodes begin .. end - 1; how many there are.

    Edges whose source is the table that their name gives become type 7 (TABLE_EDGE).
    `pair_strings` is ascending; `is_pair_name` is the same set as a bitmap over strings.
    """
    node: ix
    e: ix
    low: ix
    high: ix
    middle: ix
    found: ix = 0
    name: u32
    table_edge: u32 = 7
    with cython.nogil:
        for node in range(begin, end):
            for e in range(first_edge[node], first_edge[node + 1]):
                if edges[e] >> 29 != 3 or not bit(is_pair_name, edge_names[e]):
                    continue
                name = edge_names[e]
                low = 0
                high = pair_strings.shape[0]
                while low < high:
                    middle = (low + high) // 2
                    if pair_strings[middle] < name:
                        low = middle + 1
                    else:
                        high = middle
                set_bit(pair_edges, e)
                found += 1
                if pair_tables[low] == ids[node]:
                    edges[e] |= table_edge << 29
    return found


def entries(
    n_edges: ix,
    edge_names: u32[::1],
    pair_edges: u64[::1],
    pair_strings: u32[::1],
    pair_entries: u32[::1],
    places: u32[::1],
    out: u32[::1],
) -> ix:
    """The edges of the bitmap `pair_edges` in ascending order, as many as `places` has items, and
    to which entry each belongs; how many there are."""
    word: ix
    e: ix
    low: ix
    high: ix
    middle: ix
    found: ix = 0
    with cython.nogil:
        for word in range((n_edges + 63) // 64):
            if pair_edges[word] == 0:
                continue
            for e in range(word * 64, word * 64 + 64):
                if not bit(pair_edges, e):
                    continue
                if found < places.shape[0]:
                    low = 0
                    high = pair_strings.shape[0]
                    while low < high:
                        middle = (low + high) // 2
                        if pair_strings[middle] < edge_names[e]:
                            low = middle + 1
                        else:
                            high = middle
                    places[found] = cython.cast(u32, e)
                    out[found] = pair_entries[low]
                found += 1
    return found
