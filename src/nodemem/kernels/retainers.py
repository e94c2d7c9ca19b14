# cython: language_level=3
"""Where things are in a column: nodes by id, places in an order, locations of nodes."""

import cython

COMPILED = cython.compiled

u32 = cython.typedef(cython.uint)
ix = cython.typedef(cython.Py_ssize_t)


def find(n_nodes: ix, ids: u32[::1], wanted: u32) -> ix:
    """The ordinal of the node with the id `wanted`; -1 when there is none."""
    node: ix
    found: ix = -1
    with cython.nogil:
        for node in range(n_nodes):
            if ids[node] == wanted:
                found = node
                break
    return found


def by_id(n_nodes: ix, ids: u32[::1], counts: u32[::1], scratch: u32[::1], out: u32[::1]) -> ix:
    """Ordinals in ascending order of their ids, by two passes over 16 bits each. `counts` has
    65,537 items."""
    i: ix
    round_: cython.int
    digit: u32
    node: u32
    at: u32
    with cython.nogil:
        for round_ in range(2):
            for i in range(65537):
                counts[i] = 0
            for i in range(n_nodes):
                digit = (ids[i] >> (16 * round_)) & 0xFFFF
                counts[digit + 1] += 1
            for i in range(1, 65537):
                counts[i] += counts[i - 1]
            for i in range(n_nodes):
                node = cython.cast(u32, i) if round_ == 0 else scratch[i]
                digit = (ids[node] >> (16 * round_)) & 0xFFFF
                at = counts[digit]
                counts[digit] = at + 1
                if round_ == 0:
                    scratch[at] = node
                else:
                    out[at] = node
    return n_nodes


def invert(n: ix, order: u32[::1], out: u32[::1]) -> ix:
    """The place of each of 0 .. n - 1 in `order`, a permutation of them."""
    i: ix
    with cython.nogil:
        for i in range(n):
            out[order[i]] = cython.cast(u32, i)
    return n


def locate(n_locations: ix, locations: u32[::1], out: u32[::1]) -> ix:
    """out[ordinal] is one more than the number of its location record, the last where there are
    several; 0 for nodes without."""
    i: ix
    with cython.nogil:
        for i in range(n_locations):
            out[locations[4 * i]] = cython.cast(u32, i + 1)
    return n_locations
