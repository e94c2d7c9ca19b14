# cython: language_level=3
"""What can be reached from given nodes when some nodes and references are taken away."""

import cython

if cython.compiled:
    from cython.cimports.nodemem.kernels.bits import bit
else:
    from nodemem.kernels.bits import bit

COMPILED = cython.compiled

u32 = cython.typedef(cython.uint)
u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)
i32 = cython.typedef(cython.int)

# The distance of a node that was not reached; a node with any other is not entered.
UNREACHED = -1


def search(
    first_edge: u32[::1],
    edges: u32[::1],
    essential: cython.bint,
    page_owned: u64[::1],
    cut: u64[::1],
    filled: ix,
    queue: u32[::1],
    distances: i32[::1],
) -> ix:
    """Breadth-first from queue[:filled], whose distances are set; how many nodes the queue, which
    has an item a node, holds in the end.

    Weak references are not followed. With `essential` only those are by which an object keeps
    another (see dominators.py), the rule of what the page owns among them where the bitmap
    `page_owned` has words. `cut` is a bitmap over references not to follow, or has no words.
    """
    head: ix = 0
    tail: ix = filled
    node: ix
    e: ix
    target: u32
    type_: u32
    cuts: cython.bint = cut.shape[0] > 0
    pages: cython.bint = page_owned.shape[0] > 0
    owned: cython.bint
    hops: i32
    with cython.nogil:
        while head < tail:
            node = queue[head]
            head += 1
            hops = distances[node] + 1
            owned = not pages or node == 0 or bit(page_owned, node)
            for e in range(first_edge[node], first_edge[node + 1]):
                target = edges[e] & 0x1FFFFFFF
                if distances[target] != -1:
                    continue
                type_ = edges[e] >> 29
                if type_ == 6:
                    continue
                if essential:
                    if type_ == 7 or (type_ == 5 and node != 0):
                        continue
                    if not owned and bit(page_owned, target):
                        continue
                if cuts and bit(cut, e):
                    continue
                distances[target] = hops
                queue[tail] = target
                tail += 1
    return tail
