# cython: language_level=3
"""Immediate dominators, from depth-first numbers over essential edges (kernels/numbering.py).

Algorithm: semi-NCA (L. Georgiadis, "Linear-Time Algorithms for Dominators and Related Problems",
Princeton 2005), on numbers from 1 (the root), without recursion.
"""

import cython

if cython.compiled:
    from cython.cimports.nodemem.kernels.bits import bit
else:
    from nodemem.kernels.bits import bit

COMPILED = cython.compiled

u32 = cython.typedef(cython.uint)
u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)


@cython.cfunc
@cython.nogil
@cython.inline
def is_essential(
    edge: u32, root: cython.bint, owned: cython.bint, page_owned: u64[::1]
) -> cython.bint:
    """Whether an edge is essential: its type, whether the root has it, whether the page owns the
    node that has it."""
    type_: u32 = edge >> 29
    if type_ >= 5 and not (root and type_ == 5):
        return False
    return owned or not bit(page_owned, edge & 0x1FFFFFFF)


def count_incoming(
    begin: ix,
    end: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    number: u32[::1],
    page_owned: u64[::1],
    counts: u32[::1],
    semi: u32[::1],
) -> ix:
    """The essential edges of nodes begin .. end - 1 by the numbers of their ends.

    An edge from a lower number to a higher can only lower `semi` of its target, which is the
    parent at first; that is done at once. Only edges from higher to lower numbers are kept for
    later: they are counted in counts[target + 1].
    """
    node: ix
    e: ix
    own: u32
    other: u32
    owned: cython.bint
    with cython.nogil:
        for node in range(begin, end):
            own = number[node]
            if own == 0:
                continue
            owned = node == 0 or bit(page_owned, node)
            for e in range(first_edge[node], first_edge[node + 1]):
                if not is_essential(edges[e], node == 0, owned, page_owned):
                    continue
                other = number[edges[e] & 0x1FFFFFFF]
                if own > other:
                    counts[other + 1] += 1
                elif own < semi[other]:
                    semi[other] = own
    return end


def add_up(n: ix, counts: u32[::1]) -> ix:
    """Turn what `count_incoming` counted into where the list of each number begins; the length of
    all lists."""
    i: ix
    with cython.nogil:
        for i in range(1, n + 2):
            counts[i] += counts[i - 1]
    return counts[n + 1]


def place_incoming(
    begin: ix,
    end: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    number: u32[::1],
    page_owned: u64[::1],
    low: u32,
    high: u32,
    ends: u32[::1],
    sources: u32[::1],
) -> ix:
    """Put the sources of the edges that `count_incoming` counted for targets low .. high - 1 into
    their lists. ends[w] moves on from where the list of w begins to where it ends: when all nodes
    are done, the sources of number w are sources[ends[w - 1]:ends[w]]."""
    node: ix
    e: ix
    own: u32
    other: u32
    owned: cython.bint
    with cython.nogil:
        for node in range(begin, end):
            own = number[node]
            if own <= low:  # no list here takes it
                continue
            owned = node == 0 or bit(page_owned, node)
            for e in range(first_edge[node], first_edge[node + 1]):
                other = number[edges[e] & 0x1FFFFFFF]
                if other < low or other >= high or own <= other:
                    continue
                if not is_essential(edges[e], node == 0, owned, page_owned):
                    continue
                sources[ends[other]] = own
                ends[other] += 1
    return end


def semi_nca(
    n: ix,
    dominator: u32[::1],
    ancestor: u32[::1],
    semi: u32[::1],
    sources: u32[::1],
    label: u32[::1],
    stack: u32[::1],
) -> ix:
    """Immediate dominators by number; they replace the DFS parents in `dominator`.

    `ancestor` holds the ends of the lists in `sources` at first and is overwritten from the back
    as numbers are linked into the forest; `semi` as left by `count_incoming`; `label` and `stack`
    are scratch.
    """
    w: ix
    i: ix
    begin: ix
    end: ix
    depth: ix
    best: u32
    v: u32
    x: u32
    least: u32
    top: u32
    with cython.nogil:
        for w in range(n, 1, -1):
            best = semi[w]
            begin = ancestor[w - 1]
            end = ancestor[w]
            for i in range(begin, end):
                if best == 1:
                    break
                v = sources[i]
                if ancestor[v] > w:  # compress the path from v to its root above w
                    depth = 0
                    x = v
                    while True:
                        stack[depth] = x
                        depth += 1
                        x = ancestor[x]
                        if ancestor[x] <= w:
                            break
                    least = label[x]
                    top = ancestor[x]
                    while depth:
                        depth -= 1
                        x = stack[depth]
                        if label[x] < least:
                            least = label[x]
                        else:
                            label[x] = least
                        ancestor[x] = top
                if label[v] < best:
                    best = label[v]
            semi[w] = best
            label[w] = best
            ancestor[w] = dominator[w]
        for w in range(2, n + 1):
            x = dominator[w]
            best = semi[w]
            while x > best:
                x = dominator[x]
            dominator[w] = x
    return n


def by_ordinal(
    n_nodes: ix, number: u32[::1], dominator: u32[::1], node_of: u32[::1], out: u32[::1]
) -> ix:
    """Dominators by number as a column over ordinals. The root's is itself;
    nodes without a number have the root. `node_of` is scratch."""
    node: ix
    with cython.nogil:
        for node in range(n_nodes):
            node_of[number[node]] = cython.cast(u32, node)
        for node in range(n_nodes):
            out[node] = node_of[dominator[number[node]]] if number[node] else 0
    return n_nodes
