# cython: language_level=3
"""Two snapshots of one process: which objects they share, and what keeps the new ones."""

import cython

COMPILED = cython.compiled

u8 = cython.typedef(cython.uchar)
u32 = cython.typedef(cython.uint)
u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)
i32 = cython.typedef(cython.int)


@cython.cfunc
@cython.inline
@cython.nogil
def size_of(sizes: u32[::1], words: ix, node: ix) -> u64:
    high: u64
    if words == 1:
        return sizes[node]
    high = sizes[2 * node + 1]
    return (high << 32) | sizes[2 * node]


@cython.cfunc
@cython.inline
@cython.nogil
def is_object(node: u32, ids: u32[::1], types: u8[::1], sizes: u32[::1], words: ix) -> cython.int:
    """Whether a node is an object of V8's heap: its id is odd, and it is no number or text that
    only the capture wrote, which has no size."""
    if ids[node] & 1 == 0:
        return 0
    return not ((types[node] == 2 or types[node] == 7) and size_of(sizes, words, node) == 0)


def pair(
    old_order: u32[::1],
    old_ids: u32[::1],
    old_types: u8[::1],
    old_sizes: u32[::1],
    old_words: ix,
    new_order: u32[::1],
    new_ids: u32[::1],
    new_types: u8[::1],
    new_sizes: u32[::1],
    new_words: ix,
    counterpart: i32[::1],
    added: u32[::1],
    gone: u32[::1],
    counts: ix[::1],
) -> ix:
    """Match nodes by id; how many are in both.

    Orders are ordinals by ascending id. counterpart[o] is the old ordinal of the new snapshot's
    node o; -1 where there is none, -2 where o is no object besides. `added` and `gone` are the
    objects of one side only, by ascending id; counts: how many of each.
    """
    i: ix = 0
    j: ix = 0
    n_old: ix = old_order.shape[0]
    n_new: ix = new_order.shape[0]
    n_added: ix = 0
    n_gone: ix = 0
    common: ix = 0
    a: u32
    b: u32
    with cython.nogil:
        while i < n_old or j < n_new:
            a = old_order[i] if i < n_old else 0
            b = new_order[j] if j < n_new else 0
            if i < n_old and j < n_new and old_ids[a] == new_ids[b]:
                counterpart[b] = cython.cast(i32, a)
                common += 1
                i += 1
                j += 1
            elif j == n_new or (i < n_old and old_ids[a] < new_ids[b]):
                if is_object(a, old_ids, old_types, old_sizes, old_words):
                    gone[n_gone] = a
                    n_gone += 1
                i += 1
            else:
                counterpart[b] = -2
                if is_object(b, new_ids, new_types, new_sizes, new_words):
                    counterpart[b] = -1
                    added[n_added] = b
                    n_added += 1
                j += 1
    counts[0] = n_added
    counts[1] = n_gone
    return common


def resized(
    n_nodes: ix,
    counterpart: i32[::1],
    old_sizes: u32[::1],
    old_words: ix,
    sizes: u32[::1],
    words: ix,
    out: u32[::1],
) -> ix:
    """The ordinals of the nodes whose size differs from that of their counterpart; how many."""
    node: ix
    count: ix = 0
    with cython.nogil:
        for node in range(n_nodes):
            if counterpart[node] < 0:
                continue
            if size_of(sizes, words, node) != size_of(old_sizes, old_words, counterpart[node]):
                out[count] = cython.cast(u32, node)
                count += 1
    return count


def keepers(
    n_nodes: ix,
    preorder: u32[::1],
    dominators: u32[::1],
    shown: u8[::1],
    counterpart: i32[::1],
    sizes: u32[::1],
    words: ix,
    above: u32[::1],
    keeper: u32[::1],
    kept: u64[::1],
    order: u32[::1],
) -> ix:
    """The nearest old dominator of every new object; how many new objects there are.

    `preorder` and `dominators` as in dominators.tree, `counterpart` as `pair` left it. Nodes that
    `shown` is 0 for are looked through. above[o] is the nearest dominator of o that is
    the root or shown. For a new object o: keeper[o] is the nearest such that is not new, and
    kept[keeper[o]] its bytes, added up. `order` are the new objects in preorder.
    """
    place: ix
    count: ix = 0
    node: u32
    up: u32
    with cython.nogil:
        for place in range(1, n_nodes):
            node = preorder[place]
            up = dominators[node]
            if up != 0 and not shown[up]:
                up = above[up]
            above[node] = up
            if counterpart[node] == -1:
                keeper[node] = keeper[up] if counterpart[up] == -1 else up
                kept[keeper[node]] += size_of(sizes, words, node)
                order[count] = node
                count += 1
    return count
