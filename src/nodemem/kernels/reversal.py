# cython: language_level=3
"""The reverse of the edge list: the edges that lead to a node.

A counting sort of edges by target, in two steps so that the result can be made part by part. What
the first step counts proves that the second stays inside its columns.
"""

import cython

COMPILED = cython.compiled

u32 = cython.typedef(cython.uint)
u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)


def count(n_nodes: ix, edges: u32[::1], places: u32[::1]) -> ix:
    """places[t + 1] becomes the number of edges that lead to nodes before t, for t up to n_nodes;
    `places` has n_nodes + 2 items, zero at first. How many edges there are; -1 if one leads
    to no node."""
    e: ix
    node: ix
    target: u32
    done: ix = edges.shape[0]
    with cython.nogil:
        for e in range(edges.shape[0]):
            target = edges[e] & 0x1FFFFFFF
            if target >= n_nodes:
                done = -1
                break
            places[target + 2] += 1
        if done >= 0:
            for node in range(2, n_nodes + 2):
                places[node] += places[node - 1]
    return done


def place(low: u32, high: u32, edges: u32[::1], places: u32[::1], out: u32[::1]) -> ix:
    """Put the positions of the edges that lead to nodes low .. high - 1, sorted by target, then
    ascending, into `out`, which has room for just these; how many there are.

    `places` as `count` made it; places[t + 1] moves on to where the edges to node t end.
    """
    e: ix
    at: ix
    base: ix = places[low + 1]
    placed: ix = 0
    target: u32
    width: u32 = high - low
    m32: u64 = 0xFFFFFFFF
    with cython.nogil:
        for e in range(edges.shape[0]):
            target = edges[e] & 0x1FFFFFFF
            if ((target - low) & m32) >= width:  # below low it wraps
                continue
            at = places[target + 1]
            out[at - base] = cython.cast(u32, e)
            places[target + 1] = cython.cast(u32, at + 1)
            placed += 1
    return placed
