# cython: language_level=3
"""Depth-first numbers of the heap graph over *essential* edges, by which dominators are found
(kernels/dominators.py), and which nodes the page owns.

Only essential edges count, those by which one object keeps another alive. An edge is not essential
when it is weak, when it leads from a WeakMap's table to an entry's value (type 7), when it is a
shortcut that does not start at the root, when it is a loop, or when it leads from a node that the
page does not own to one that it does. The page owns what can be reached from the root's shortcuts
(in Node: from the global object) over edges that are not weak.
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
    parent: u32[::1],
    visited: u64[::1],
    page_owned: u64[::1],
    beside: u64[::1],
    stack_edge: u32[::1],
    stack_node: u32[::1],
) -> ix:
    """Depth-first numbers over essential edges; how many nodes got one by being reached.

    `dom_trees`: ordinal of the node `(Document DOM trees)`, or -1. number[ordinal] is 0 for nodes
    not reached; nodes without any essential edge to them count as reached, directly from the root.
    `parent` is by number. The bitmaps are zero at first; `page_owned` is a result, the others are
    scratch, as the stacks.
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
        parent[1] = 1
        for e in range(first_edge[0], first_edge[1]):
            target = edges[e] & 0x1FFFFFFF
            type_ = edges[e] >> 29
            if type_ != 5 and (type_ != 1 or target != dom_trees):
                continue
            if target == 0:  # a root that is the page's: so is all that it reaches
                set_bit(beside, 0)
            elif not bit(visited, target):
                n = walk(
                    target, True, n, first_edge, edges, number, parent,
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
                    target, False, n, first_edge, edges, number, parent,
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
                        node, False, n, first_edge, edges, number, parent,
                        visited, page_owned, beside, stack_edge, stack_node,
                    )  # fmt: skip
    return n
