# cython: language_level=3
"""Shallow sizes: the bytes of V8's internal helpers, given to the one object they belong to.

Candidates are hidden nodes and arrays (elements, hash tables, property stores) and the data of
external strings. A candidate that can be reached from exactly one other object through
candidates only, over edges that are not weak, is owned by that object.
"""

import cython

if cython.compiled:
    from cython.cimports.nodemem.kernels.bits import bit, set_bit
else:
    from nodemem.kernels.bits import bit, set_bit

COMPILED = cython.compiled

u8 = cython.typedef(cython.uchar)
u32 = cython.typedef(cython.uint)
u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)

# Values of `owner` that are no ordinal (ordinals stay below 2**29).
UNOWNED = 0x7FFFFFFF
SHARED = 0x7FFFFFFE


def candidates(
    n_nodes: ix, types: u8[::1], names: u32[::1], external_string: u32, out: u64[::1]
) -> ix:
    """A bitmap of the nodes whose size may move; how many. `external_string` is the string index
    of `system / ExternalStringData`."""
    node: ix
    found: ix = 0
    with cython.nogil:
        for node in range(n_nodes):
            if types[node] <= 1 or (types[node] == 8 and names[node] == external_string):
                set_bit(out, node)
                found += 1
    return found


@cython.cfunc
@cython.inline
@cython.nogil
def claim(
    node: ix,
    claimant: u32,
    waiting: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    movable: u64[::1],
    owner: u32[::1],
    stack: u32[::1],
) -> ix:
    """Give the candidates that `node` refers to to `claimant`, and stack those that changed; the
    new height. Each changes twice at most, to one owner and to SHARED."""
    e: ix
    target: u32
    current: u32
    for e in range(first_edge[node], first_edge[node + 1]):
        target = edges[e] & 0x1FFFFFFF
        if not bit(movable, target) or edges[e] >> 29 == 6:
            continue
        current = owner[target]
        if current == claimant or current == 0x7FFFFFFE:
            continue
        owner[target] = claimant if current == 0x7FFFFFFF else 0x7FFFFFFE
        if waiting >= stack.shape[0]:
            return -1
        stack[waiting] = target
        waiting += 1
    return waiting


def assign(
    n_nodes: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    movable: u64[::1],
    owner: u32[::1],
    stack: u32[::1],
) -> ix:
    """The owner of every node: itself when it is no candidate, else an ordinal, UNOWNED or SHARED.
    -1: the stack (2 * candidates + 1 items are enough) is full."""
    node: ix
    waiting: ix
    v: u32
    done: ix = n_nodes
    with cython.nogil:
        for node in range(n_nodes):
            owner[node] = 0x7FFFFFFF if bit(movable, node) else cython.cast(u32, node)
        for node in range(n_nodes):
            if bit(movable, node):
                continue
            waiting = claim(
                node, cython.cast(u32, node), 0, first_edge, edges, movable, owner, stack
            )
            while waiting > 0:
                waiting -= 1
                v = stack[waiting]
                waiting = claim(v, owner[v], waiting, first_edge, edges, movable, owner, stack)
            if waiting < 0:
                done = -1
                break
    return done


def merge(n_nodes: ix, types: u8[::1], owner: u32[::1], sizes: u32[::1], size_words: ix) -> ix:
    """Move the sizes of owned nodes to their owners; how many moved.

    Nothing moves to the root or to a synthetic node. -1: a sum does not fit one word; `sizes` is
    spoiled then, and the caller repeats with two words an item.
    """
    node: ix
    to: u32
    low: u64
    high: u64
    moved: ix = 0
    m32: u64 = 0xFFFFFFFF
    with cython.nogil:
        for node in range(n_nodes):
            to = owner[node]
            if to >= 0x7FFFFFFE or to == node or to == 0 or types[to] == 9:
                continue
            if size_words == 1:
                low = sizes[to]
                low += sizes[node]
                if low >> 32:
                    moved = -1
                    break
                sizes[to] = cython.cast(u32, low)
                sizes[node] = 0
            else:
                low = sizes[2 * to]
                low += sizes[2 * node]
                high = sizes[2 * to + 1]
                high += sizes[2 * node + 1] + (low >> 32)
                sizes[2 * to] = cython.cast(u32, low & m32)
                sizes[2 * to + 1] = cython.cast(u32, high & m32)
                sizes[2 * node] = 0
                sizes[2 * node + 1] = 0
            moved += 1
    return moved
