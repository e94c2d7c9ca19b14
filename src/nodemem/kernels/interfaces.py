# cython: language_level=3
"""Shapes of plain objects: which property names occur together, and which shape an object has.

The rules are DevTools': a shape is the sequence of an object's property names, `__proto__` left
out, up to the point where its text `{a, b, c}` would grow beyond 120 characters.
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

LIMIT = 120
NOTHING = 0x7FFFFFFF
# A name takes three characters with its separator, so no shape has more names than this.
MOST_NAMES = 48


def objects_named(n_nodes: ix, types: u8[::1], names: u32[::1], name: u32, out: u32[::1]) -> ix:
    """The ordinals of objects called `name`, as far as `out` holds them; how many there are."""
    node: ix
    count: ix = 0
    with cython.nogil:
        for node in range(n_nodes):
            if types[node] == 3 and names[node] == name:
                if count < out.shape[0]:
                    out[count] = cython.cast(u32, node)
                count += 1
    return count


def property_names(
    objects: u32[::1],
    first_edge: u32[::1],
    edges: u32[::1],
    edge_names: u32[::1],
    widths: u8[::1],
    unknown_only: cython.bint,
    seen: u64[::1],
    out: u32[::1],
    count: ix,
) -> ix:
    """The distinct names of properties of `objects`, behind the `count` that are there already; how
    many then. `unknown_only`: those whose width is 255, among the first names of each object. The
    bitmap `seen` is zero at first."""
    i: ix
    e: ix
    in_object: ix
    name: u32
    with cython.nogil:
        for i in range(objects.shape[0]):
            in_object = 0
            for e in range(first_edge[objects[i]], first_edge[objects[i] + 1]):
                if edges[e] >> 29 != 2:
                    continue
                name = edge_names[e]
                in_object += 1
                if unknown_only:
                    if in_object > 48:
                        break
                    if widths[name] != 255:
                        continue
                if not bit(seen, name):
                    set_bit(seen, name)
                    out[count] = name
                    count += 1
    return count


@cython.cfunc
@cython.nogil
def shape_of(
    node: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    edge_names: u32[::1],
    proto: u32,
    widths: u8[::1],
    out: u32[::1],
) -> ix:
    """The property names that make the shape of `node`; how many."""
    e: ix
    count: ix = 0
    length: ix = 1
    width: ix
    for e in range(first_edge[node], first_edge[node + 1]):
        if edges[e] >> 29 != 2 or edge_names[e] == proto:
            continue
        width = widths[edge_names[e]]
        if (length > 1 and length + width > 120) or count == out.shape[0]:
            break
        if length != 1:
            length += 2
        length += width
        out[count] = edge_names[e]
        count += 1
    return count


def shapes(
    objects: u32[::1],
    first_edge: u32[::1],
    edges: u32[::1],
    edge_names: u32[::1],
    proto: u32,
    widths: u8[::1],
    table: u32[::1],
    example: u32[::1],
    counts: u32[::1],
    names: u32[::1],
    other: u32[::1],
    count: ix,
) -> ix:
    """Count the different shapes of `objects`, in the order they first appear, beside the `count`
    that are known from other objects; how many then.

    Of each shape, `example` is the first object and `counts` how many have it. Objects without
    properties have none. `table` is an open-addressing hash table, zero at first, its size a power
    of two larger than the number of objects; `names` and `other` (MOST_NAMES items) are scratch.
    """
    i: ix
    k: ix
    n: ix
    slot: ix
    mask: ix = table.shape[0] - 1
    same: cython.int
    h: u64
    m64: u64 = 0xFFFFFFFFFFFFFFFF
    prime: u64 = 0x9E3779B97F4A7C15
    with cython.nogil:
        for i in range(objects.shape[0]):
            n = shape_of(objects[i], first_edge, edges, edge_names, proto, widths, names)
            if n == 0:
                continue
            h = cython.cast(u64, n)
            for k in range(n):
                h = ((h ^ (h >> 29) ^ names[k]) * prime) & m64
            slot = cython.cast(ix, h >> 33) & mask
            while table[slot]:
                k = table[slot] - 1
                same = 0
                if shape_of(example[k], first_edge, edges, edge_names, proto, widths, other) == n:
                    same = 1
                    for k in range(n):
                        if names[k] != other[k]:
                            same = 0
                            break
                if same:
                    break
                slot = (slot + 1) & mask
            if table[slot] == 0:
                example[count] = objects[i]
                count += 1
                table[slot] = cython.cast(u32, count)
            counts[table[slot] - 1] += 1
    return count


def names_of(
    node: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    edge_names: u32[::1],
    proto: u32,
    widths: u8[::1],
    out: u32[::1],
) -> ix:
    """The property names that make the shape of one object; how many."""
    return shape_of(node, first_edge, edges, edge_names, proto, widths, out)


def classify(
    objects: u32[::1],
    first_edge: u32[::1],
    edges: u32[::1],
    edge_names: u32[::1],
    rank: u32[::1],
    occurs: u32[::1],
    touched: u32[::1],
    first_candidate: u32[::1],
    candidates: u32[::1],
    first_member: u32[::1],
    members: u32[::1],
    needs: u32[::1],
    base_group: u32,
    groups: u32[::1],
) -> ix:
    """Give each object the first definition, in order of preference, whose properties it has all;
    how many got one.

    rank[name] is one more than the number of a property name that occurs in a definition, else 0.
    Definition d needs properties members[first_member[d]:first_member[d + 1]], each as often as
    `needs` says. `candidates` lists, by property from first_candidate[property] on, the definitions
    to try when an object has it (ascending; each definition under one of its properties). `occurs`
    is zero at first and afterwards; `touched` has an item a property.
    """
    i: ix
    e: ix
    k: ix
    m: ix
    found: ix = 0
    n_touched: ix
    best: u32
    d: u32
    r: u32
    fits: cython.int
    with cython.nogil:
        for i in range(objects.shape[0]):
            n_touched = 0
            for e in range(first_edge[objects[i]], first_edge[objects[i] + 1]):
                if edges[e] >> 29 != 2 or rank[edge_names[e]] == 0:
                    continue
                r = rank[edge_names[e]] - 1
                if occurs[r] == 0:
                    touched[n_touched] = r
                    n_touched += 1
                occurs[r] += 1
            best = 0x7FFFFFFF
            for k in range(n_touched):
                r = touched[k]
                for e in range(first_candidate[r], first_candidate[r + 1]):
                    d = candidates[e]
                    if d >= best:
                        break
                    fits = 1
                    for m in range(first_member[d], first_member[d + 1]):
                        if occurs[members[m]] < needs[m]:
                            fits = 0
                            break
                    if fits:
                        best = d
            for k in range(n_touched):
                occurs[touched[k]] = 0
            if best != 0x7FFFFFFF:
                groups[objects[i]] = base_group + best
                found += 1
    return found
