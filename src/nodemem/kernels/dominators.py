# cython: language_level=3
"""Dominators of the heap graph, and what is summed over their tree.

Only *essential* edges count, those by which one object keeps another alive. An edge is not
essential when it is weak, when it leads from a WeakMap's table to an entry's value (type 7), when
it is a shortcut that does not start at the root, when it is a loop, or when it leads from a node
that the page does not own to one that it does. The page owns what can be reached from the root's
shortcuts (in Node: from the global object) over edges that are not weak.

Algorithm: semi-NCA (L. Georgiadis, "Linear-Time Algorithms for Dominators and Related Problems",
Princeton 2005), on depth-first numbers from 1 (the root), without recursion.
"""

import cython

if cython.compiled:
    from cython.cimports.nodemem.kernels.bits import bit, clear_bit, set_bit
else:
    from nodemem.kernels.bits import bit, clear_bit, set_bit

COMPILED = cython.compiled

u32 = cython.typedef(cython.uint)
u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)


@cython.cfunc
@cython.nogil
def walk(
    start: ix,
    owned: cython.bint,
    numbered: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    number: u32[::1],
    node_of: u32[::1],
    parent: u32[::1],
    visited: u64[::1],
    page_owned: u64[::1],
    beside: u64[::1],
    stack_edge: u32[::1],
    stack_node: u32[::1],
) -> ix:
    """Number everything not yet visited below `start`, which becomes a child of the root; the last
    number given.

    `owned`: all that is met is owned by the page, as `start` is; targets of inessential edges,
    which the page owns as well, are collected in `beside`, and so is the root.
    """
    depth: ix = 0
    node: u32 = cython.cast(u32, start)
    e: u32 = first_edge[start]
    end: u32 = first_edge[start + 1]
    target: u32 = 0
    type_: u32
    found: cython.int
    set_bit(visited, start)
    numbered += 1
    number[start] = cython.cast(u32, numbered)
    node_of[numbered] = node
    parent[numbered] = 1
    while True:
        found = 0
        while e < end:
            target = edges[e] & 0x1FFFFFFF
            type_ = edges[e] >> 29
            e += 1
            if type_ >= 5:
                if owned and type_ != 6:
                    set_bit(beside, target)
                continue
            if bit(visited, target):
                if owned and target == 0:
                    set_bit(beside, 0)
                continue
            if not owned and bit(page_owned, target) and not bit(page_owned, node):
                continue
            found = 1
            break
        if not found:
            if depth == 0:
                return numbered
            depth -= 1
            node = stack_node[depth]
            e = stack_edge[depth]
            end = first_edge[node + 1]
            continue
        set_bit(visited, target)
        numbered += 1
        number[target] = cython.cast(u32, numbered)
        node_of[numbered] = target
        parent[numbered] = number[node]
        if first_edge[target] != first_edge[target + 1]:
            stack_edge[depth] = e
            stack_node[depth] = node
            depth += 1
            node = target
            e = first_edge[target]
            end = first_edge[target + 1]


def number_nodes(
    n_nodes: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    dom_trees: ix,
    number: u32[::1],
    node_of: u32[::1],
    parent: u32[::1],
    visited: u64[::1],
    page_owned: u64[::1],
    beside: u64[::1],
    stack_edge: u32[::1],
    stack_node: u32[::1],
) -> ix:
    """Depth-first numbers over essential edges; how many nodes got one by being reached.

    `dom_trees`: ordinal of the node `(Document DOM trees)`, or -1. number[ordinal] is 0 for nodes
    not reached; these take the places behind the last number in `node_of`, as children of the
    root. Nodes without any essential edge to them count as reached, directly from the root. The
    bitmaps are zero at first; `page_owned` is a result, the others are scratch, as the stacks.
    """
    n: ix = 1
    node: ix
    word: ix
    at: ix
    e: ix
    depth: ix = 0
    words: ix = (n_nodes + 63) // 64
    target: u32
    type_: u32
    with cython.nogil:
        set_bit(visited, 0)
        number[0] = 1
        node_of[1] = 0
        parent[1] = 1
        for e in range(first_edge[0], first_edge[1]):
            target = edges[e] & 0x1FFFFFFF
            type_ = edges[e] >> 29
            if (type_ == 5 or (type_ == 1 and target == dom_trees)) and not bit(visited, target):
                n = walk(
                    target, True, n, first_edge, edges, number, node_of, parent,
                    visited, page_owned, beside, stack_edge, stack_node,
                )  # fmt: skip
        for word in range(words):
            page_owned[word] = visited[word]
        clear_bit(page_owned, 0)
        # The page also owns what only inessential edges lead to, and all behind that.
        for word in range(words):
            if beside[word] & ~page_owned[word]:
                for at in range(word * 64, word * 64 + 64):
                    if bit(beside, at) and not bit(page_owned, at):
                        set_bit(page_owned, at)
                        stack_node[depth] = cython.cast(u32, at)
                        depth += 1
        while depth:
            depth -= 1
            node = stack_node[depth]
            for e in range(first_edge[node], first_edge[node + 1]):
                target = edges[e] & 0x1FFFFFFF
                if edges[e] >> 29 != 6 and not bit(page_owned, target):
                    set_bit(page_owned, target)
                    stack_node[depth] = target
                    depth += 1
        for e in range(first_edge[0], first_edge[1]):
            target = edges[e] & 0x1FFFFFFF
            type_ = edges[e] >> 29
            if type_ < 6 and not bit(visited, target):
                n = walk(
                    target, False, n, first_edge, edges, number, node_of, parent,
                    visited, page_owned, beside, stack_edge, stack_node,
                )  # fmt: skip
        if n < n_nodes:
            # From here on `beside` holds the targets of essential edges between unvisited nodes:
            # whoever is not among them is kept by weak edges only.
            for word in range(words):
                beside[word] = 0
            for node in range(n_nodes):
                if bit(visited, node):
                    continue
                for e in range(first_edge[node], first_edge[node + 1]):
                    target = edges[e] & 0x1FFFFFFF
                    if edges[e] >> 29 >= 5 or target == node:
                        continue
                    if bit(page_owned, target) and not bit(page_owned, node):
                        continue
                    set_bit(beside, target)
            for node in range(n_nodes):
                if not bit(visited, node) and not bit(beside, node):
                    n = walk(
                        node, False, n, first_edge, edges, number, node_of, parent,
                        visited, page_owned, beside, stack_edge, stack_node,
                    )  # fmt: skip
        at = n
        if n < n_nodes:
            for node in range(n_nodes):
                if not bit(visited, node):
                    at += 1
                    node_of[at] = cython.cast(u32, node)
                    parent[at] = 1
    return n


def incoming(
    n_nodes: ix,
    n: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    number: u32[::1],
    parent: u32[::1],
    page_owned: u64[::1],
    ends: u32[::1],
    semi: u32[::1],
    sources: u32[::1],
    fill: cython.bint,
) -> ix:
    """The reverse of the essential edges, by number; how many are kept.

    An edge from a lower number to a higher can only lower `semi` of its target, which is done at
    once; only edges from higher to lower numbers are kept. First call (fill false): count them in
    `ends` and set `semi`; second call: put them into `sources`. Afterwards the sources of number w
    are sources[ends[w - 1]:ends[w]].
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
        if not fill:
            for i in range(n + 3):
                ends[i] = 0
            for i in range(n + 1):
                semi[i] = parent[i]
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


def tree(
    n_nodes: ix,
    node_of: u32[::1],
    dominator: u32[::1],
    count: u32[::1],
    following: u32[::1],
    place: u32[::1],
) -> ix:
    """The dominator tree as columns, in the memory of the three scratch arrays.

    In: node and immediate dominator of each number, 1 .. n_nodes. Out: `place` becomes the column
    of immediate dominators by ordinal (the root's is itself); `count` becomes the ordinals in
    preorder of the tree; `following` the number of nodes in the subtree at each preorder place.
    """
    w: ix
    at: u32
    with cython.nogil:
        for w in range(1, n_nodes + 1):
            count[w] = 1
        for w in range(n_nodes, 1, -1):
            count[dominator[w]] += count[w]
        place[1] = 0
        following[1] = 1  # the place of the next child
        for w in range(2, n_nodes + 1):
            at = following[dominator[w]]
            following[dominator[w]] += count[w]
            place[w] = at
            following[w] = at + 1
        for w in range(1, n_nodes + 1):
            following[place[w]] = count[w]
        for w in range(1, n_nodes + 1):
            count[place[w]] = node_of[w]
        for w in range(1, n_nodes + 1):
            place[node_of[w]] = node_of[dominator[w]]
    return n_nodes


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
