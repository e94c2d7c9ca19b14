# cython: language_level=3
"""The dominator tree, from the column of immediate dominators: its preorder, and sums over it.

Children come in the order of their ordinals, so the same dominators give the same tree, whether
they were just worked out or read back.
"""

import cython

COMPILED = cython.compiled

u32 = cython.typedef(cython.uint)
u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)


def order(
    n_nodes: ix,
    dominators: u32[::1],
    preorder: u32[::1],
    subtree: u32[::1],
    places: u32[::1],
    counts: u32[::1],
) -> ix:
    """The tree in preorder; how many nodes are in it.

    `places` receives the place of each node; `preorder` the node at each place; `subtree` how many
    nodes the subtree at each place has. All are zero at first, as is `counts`, which is scratch.
    """
    node: ix
    v: ix
    up: ix
    peeled: ix = 0
    at: u32
    with cython.nogil:
        # How many children a node waits for is in `preorder` at first. Leaves are peeled off, and
        # whoever waits for none any more, children before parents (as for a Pruefer sequence).
        for node in range(1, n_nodes):
            preorder[dominators[node]] += 1
        for node in range(n_nodes):
            counts[node] = 1
        for node in range(1, n_nodes):
            v = node
            while preorder[v] == 0:
                subtree[peeled] = cython.cast(u32, v)
                peeled += 1
                up = dominators[v]
                counts[up] += counts[v]
                preorder[up] -= 1
                # A parent that comes later in this loop is peeled when the loop is there.
                if up == 0 or up > node:
                    break
                v = up
        # From here on it holds how much of a node's subtree the children so far take.
        for node in range(1, n_nodes):
            up = dominators[node]
            places[node] = preorder[up] + 1
            preorder[up] += counts[node]
        for v in range(peeled - 1, -1, -1):
            node = subtree[v]
            places[node] += places[dominators[node]]
        for node in range(n_nodes):
            at = places[node]
            preorder[at] = cython.cast(u32, node)
            subtree[at] = counts[node]
    return peeled + 1


def retained(
    n_nodes: ix,
    dominators: u32[::1],
    preorder: u32[::1],
    sizes: u32[::1],
    size_words: ix,
    out: u32[::1],
    out_words: ix,
) -> ix:
    """Retained size of every node: the sum of `sizes` over its dominator subtree; how many there
    are. -1: a sum does not fit one word; the caller repeats with two words an item, which it also
    takes when sizes have two."""
    at: ix
    node: ix
    to: ix
    low: u64
    high: u64
    done: ix = n_nodes
    m32: u64 = 0xFFFFFFFF
    with cython.nogil:
        for node in range(n_nodes):
            out[node * out_words] = sizes[node * size_words]
            if size_words == 2:
                out[2 * node + 1] = sizes[2 * node + 1]
        for at in range(n_nodes - 1, 0, -1):
            node = out_words * cython.cast(ix, preorder[at])
            to = out_words * cython.cast(ix, dominators[preorder[at]])
            low = out[to]
            low += out[node]
            out[to] = cython.cast(u32, low & m32)
            if out_words == 2:
                high = out[to + 1]
                high += out[node + 1] + (low >> 32)
                out[to + 1] = cython.cast(u32, high & m32)
            elif low >> 32:
                done = -1
                break
    return done
