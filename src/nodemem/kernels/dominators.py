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


def incoming(
    n_nodes: ix,
    n: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    number: u32[::1],
    page_owned: u64[::1],
    ends: u32[::1],
    semi: u32[::1],
    sources: u32[::1],
    fill: cython.bint,
) -> ix:
    """The reverse of the essential edges, by number; how many are kept.

    An edge from a lower number to a higher can only lower `semi` of its target, which is the
    parent at first; that is done at once, and only edges from higher to lower numbers are kept.
    First call (fill false): count them in `ends`, zero at first, and lower `semi`; second call: put
    them into `sources`. Afterwards the sources of number w are sources[ends[w - 1]:ends[w]].
    """
    node: ix
    e: ix
    i: ix
    own: u32
    other: u32
    target: u32
    type_: u32
    owned: cython.bint
    with cython.nogil:
        for node in range(n_nodes):
            own = number[node]
            if own == 0:
                continue
            owned = node == 0 or bit(page_owned, node)
            for e in range(first_edge[node], first_edge[node + 1]):
                type_ = edges[e] >> 29
                if type_ >= 5 and not (node == 0 and type_ == 5):
                    continue
                target = edges[e] & 0x1FFFFFFF
                if not owned and bit(page_owned, target):
                    continue
                other = number[target]
                if fill:
                    if own > other:
                        sources[ends[other]] = own
                        ends[other] += 1
                elif own <= other:
                    if own < semi[other]:
                        semi[other] = own
                else:
                    ends[other + 1] += 1
        if not fill:
            for i in range(1, n + 2):
                ends[i] += ends[i - 1]
    return ends[n + 1] if not fill else ends[n]


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
    as numbers are linked into the forest; `semi` as left by `incoming`; `label` and `stack` are
    scratch.
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


def by_ordinal(n_nodes: ix, node_of: u32[::1], dominator: u32[::1], out: u32[::1]) -> ix:
    """The dominators of numbers 1 .. n_nodes as a column over ordinals; the root's is itself.
    node_of[w - 1] is the node with number w."""
    w: ix
    with cython.nogil:
        for w in range(1, n_nodes + 1):
            out[node_of[w - 1]] = node_of[dominator[w] - 1]
    return n_nodes
