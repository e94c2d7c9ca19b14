# cython: language_level=3
"""Grouping nodes by class, and sums over groups.

A group is a number below 2**31 in a column over nodes; what it stands for is the caller's.
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
i32 = cython.typedef(cython.int)


def by_name(
    n_nodes: ix,
    types: u8[::1],
    names: u32[::1],
    n_strings: u32,
    group_of_slot: u32[::1],
    slots: u32[::1],
    groups: u32[::1],
) -> ix:
    """Group objects and native nodes by name, all others by type; how many groups.

    `slots` receives what each group stands for: a string index, or n_strings + type code.
    `group_of_slot` (zero at first) and `slots` have an item for each of these.
    """
    node: ix
    count: u32 = 0
    slot: u32
    with cython.nogil:
        for node in range(n_nodes):
            slot = names[node] if types[node] == 3 or types[node] == 8 else n_strings + types[node]
            if group_of_slot[slot] == 0:
                slots[count] = slot
                count += 1
                group_of_slot[slot] = count
            groups[node] = group_of_slot[slot] - 1
    return count


def visibility(
    n_nodes: ix,
    types: u8[::1],
    names: u32[::1],
    n_strings: u32,
    by_type: u8[::1],
    internal: u64[::1],
    scopes: u64[::1],
    out: u8[::1],
) -> ix:
    """What is known of nodes by type and name: 1 a program can name it, 2 its name is in the bitmap
    `scopes`, or both.

    by_type[type]: 0 no program can name such nodes, 1 it can, 2 unless the name is in the bitmap
    `internal`. Names of n_strings and more are in neither.
    """
    node: ix
    named: ix = 0
    flags: u8
    with cython.nogil:
        for node in range(n_nodes):
            flags = by_type[types[node]]
            if names[node] < n_strings:
                if flags == 2 and bit(internal, names[node]):
                    flags = 0
                if bit(scopes, names[node]):
                    out[node] = 2
            if flags:
                out[node] |= 1
                named += 1
    return named


def rename(n_nodes: ix, new: u32[::1], groups: u32[::1]) -> ix:
    """Replace every group g by new[g]."""
    node: ix
    with cython.nogil:
        for node in range(n_nodes):
            groups[node] = new[groups[node]]
    return n_nodes


def by_location(
    types: u8[::1],
    locations: u32[::1],
    first_group: u32,
    table: u32[::1],
    example: u32[::1],
    former: u32[::1],
    groups: u32[::1],
) -> ix:
    """Split groups of objects by the location of their constructor; how many groups are new.

    `locations` as in Columns; the last record of an object counts. New groups count from
    `first_group`; for each, `example` is a location record and `former` the group it was split
    from. `table` is an open-addressing hash table, zero at first, its size a power of two larger
    than the number of records.
    """
    at: ix
    record: ix
    number: ix
    other: ix
    node: u32
    count: u32 = 0
    slot: u32
    mask: u32 = cython.cast(u32, table.shape[0] - 1)
    h: u64
    m64: u64 = 0xFFFFFFFFFFFFFFFF
    prime: u64 = 0x9E3779B97F4A7C15
    with cython.nogil:
        for number in range(locations.shape[0] // 4 - 1, -1, -1):
            record = 4 * number
            node = locations[record]
            if types[node] != 3 or groups[node] >= first_group:
                continue
            h = groups[node]
            for at in range(1, 4):
                h = ((h ^ (h >> 29) ^ locations[record + at]) * prime) & m64
            slot = cython.cast(u32, (h >> 32) & mask)
            while table[slot]:
                other = 4 * cython.cast(ix, example[table[slot] - 1])
                if (
                    former[table[slot] - 1] == groups[node]
                    and locations[other + 1] == locations[record + 1]
                    and locations[other + 2] == locations[record + 2]
                    and locations[other + 3] == locations[record + 3]
                ):
                    break
                slot = (slot + 1) & mask
            if table[slot] == 0:
                example[count] = cython.cast(u32, number)
                former[count] = groups[node]
                count += 1
                table[slot] = count
            groups[node] = first_group + table[slot] - 1
    return count


@cython.cfunc
@cython.inline
@cython.nogil
def size_of(sizes: u32[::1], words: ix, node: ix) -> u64:
    high: u64
    if words == 1:
        return sizes[node]
    high = sizes[2 * node + 1]
    return (high << 32) | sizes[2 * node]


def tally(
    n_nodes: ix,
    groups: u32[::1],
    sizes: u32[::1],
    size_words: ix,
    counts: u32[::1],
    shallow: u64[::1],
    first: u32[::1],
) -> ix:
    """Count and bytes of each group, over nodes that have a size; `first` is the ordinal of its
    first such node. How many nodes were counted."""
    node: ix
    g: u32
    size: u64
    counted: ix = 0
    with cython.nogil:
        for node in range(n_nodes):
            size = size_of(sizes, size_words, node)
            if size == 0:
                continue
            g = groups[node]
            if counts[g] == 0:
                first[g] = cython.cast(u32, node)
            counts[g] += 1
            shallow[g] += size
            counted += 1
    return counted


def nearest(
    n_nodes: ix,
    groups: u32[::1],
    sizes: u32[::1],
    size_words: ix,
    distances: i32[::1],
    floor: i32,
    out: i32[::1],
) -> ix:
    """The smallest distance of `floor` or more in each group, over nodes that have a size. `out`
    is filled with a large number at first."""
    node: ix
    with cython.nogil:
        for node in range(n_nodes):
            if distances[node] < floor or size_of(sizes, size_words, node) == 0:
                continue
            if distances[node] < out[groups[node]]:
                out[groups[node]] = distances[node]
    return n_nodes


def retained(
    n_nodes: ix,
    preorder: u32[::1],
    subtree: u32[::1],
    groups: u32[::1],
    sizes: u32[::1],
    size_words: ix,
    retained_sizes: u32[::1],
    retained_words: ix,
    open_until: u32[::1],
    out: u64[::1],
) -> ix:
    """What each group retains: the retained sizes of its nodes that no other node of the group
    dominates. Nodes without a size neither count nor cover others.

    `preorder` and `subtree` as in dominators.tree; `open_until` is zero at first.
    """
    place: ix
    node: ix
    g: u32
    with cython.nogil:
        for place in range(n_nodes):
            node = preorder[place]
            g = groups[node]
            if place < open_until[g] or size_of(sizes, size_words, node) == 0:
                continue
            out[g] += size_of(retained_sizes, retained_words, node)
            open_until[g] = cython.cast(u32, place) + subtree[place]
    return n_nodes


def sizes_by_type(
    n_nodes: ix,
    types: u8[::1],
    names: u32[::1],
    sizes: u32[::1],
    size_words: ix,
    array_buffer_data: u32,
    array: u32,
    out: u64[::1],
) -> u64:
    """Bytes by node type in out[0:256]; out[256] native nodes named `array_buffer_data`; out[257]
    nodes named `array` that are neither hidden, native, code nor strings. Returns the sum."""
    node: ix
    type_: u8
    size: u64
    total: u64 = 0
    with cython.nogil:
        for node in range(n_nodes):
            size = size_of(sizes, size_words, node)
            type_ = types[node]
            out[type_] += size
            total += size
            if type_ == 8 and names[node] == array_buffer_data:
                out[256] += size
            elif names[node] == array and (
                type_ == 1
                or type_ == 3
                or type_ == 5
                or type_ == 6
                or type_ == 7
                or type_ == 9
                or type_ >= 12
            ):
                out[257] += size
    return total


def backing_stores(
    begin: ix,
    n_nodes: ix,
    first_edge: u32[::1],
    edges: u32[::1],
    edge_names: u32[::1],
    types: u8[::1],
    names: u32[::1],
    array: u32,
    elements: u32,
    sizes: u32[::1],
    size_words: ix,
    store: u64[::1],
    out: u32[::1],
    count: ix,
) -> ix:
    """The targets of the first `elements` edge of nodes from `begin` on that are named `array`, as
    far as they have a size, behind the `count` that are there already; how many then. Also set in
    the bitmap `store`."""
    node: ix
    e: ix
    target: u32
    type_: u8
    with cython.nogil:
        for node in range(begin, n_nodes):
            type_ = types[node]
            if names[node] != array or type_ == 0 or type_ == 2 or type_ == 4 or type_ == 8:
                continue
            if type_ == 10 or type_ == 11:
                continue
            for e in range(first_edge[node], first_edge[node + 1]):
                if (edges[e] >> 29 == 3 or edges[e] >> 29 == 7) and edge_names[e] == elements:
                    target = edges[e] & 0x1FFFFFFF
                    if size_of(sizes, size_words, target):
                        set_bit(store, target)
                        out[count] = target
                        count += 1
                    break
    return count


def count_retainers(n_edges: ix, edges: u32[::1], wanted: u64[::1], out: u8[::1]) -> ix:
    """How many edges lead to each node of the bitmap `wanted`: 0, 1, or 2 for more."""
    e: ix
    target: u32
    with cython.nogil:
        for e in range(n_edges):
            target = edges[e] & 0x1FFFFFFF
            if bit(wanted, target) and out[target] < 2:
                out[target] += 1
    return n_edges


def compare(
    old_nodes: ix,
    old_order: u32[::1],
    old_ids: u32[::1],
    old_groups: u32[::1],
    old_sizes: u32[::1],
    old_words: ix,
    new_nodes: ix,
    new_order: u32[::1],
    new_ids: u32[::1],
    new_groups: u32[::1],
    new_sizes: u32[::1],
    new_words: ix,
    counts: u32[::1],
    bytes_: u64[::1],
    last_removed: u32[::1],
) -> ix:
    """What two snapshots of one process have apart, by group; how many nodes they have in common.

    Orders are ordinals by ascending id; groups are numbered alike in both, 0 is left out, as is
    what has no size. For group g: counts[2g] and bytes_[2g] added, counts[2g + 1] and
    bytes_[2g + 1] removed; last_removed[g] is the old ordinal of the group with the highest id.
    A node is common when id and group are the same in both.
    """
    i: ix = 0
    j: ix = 0
    common: ix = 0
    a: u32
    b: u32
    with cython.nogil:
        while i < old_nodes or j < new_nodes:
            a = old_order[i] if i < old_nodes else 0
            b = new_order[j] if j < new_nodes else 0
            if i < old_nodes and (old_groups[a] == 0 or size_of(old_sizes, old_words, a) == 0):
                i += 1
                continue
            if j < new_nodes and (new_groups[b] == 0 or size_of(new_sizes, new_words, b) == 0):
                j += 1
                continue
            if i < old_nodes:
                last_removed[old_groups[a]] = a
            if i < old_nodes and j < new_nodes and old_ids[a] == new_ids[b]:
                i += 1
                j += 1
                if old_groups[a] == new_groups[b]:
                    common += 1
                    continue
                counts[2 * old_groups[a] + 1] += 1
                bytes_[2 * old_groups[a] + 1] += size_of(old_sizes, old_words, a)
                counts[2 * new_groups[b]] += 1
                bytes_[2 * new_groups[b]] += size_of(new_sizes, new_words, b)
            elif j == new_nodes or (i < old_nodes and old_ids[a] < new_ids[b]):
                i += 1
                counts[2 * old_groups[a] + 1] += 1
                bytes_[2 * old_groups[a] + 1] += size_of(old_sizes, old_words, a)
            else:
                j += 1
                counts[2 * new_groups[b]] += 1
                bytes_[2 * new_groups[b]] += size_of(new_sizes, new_words, b)
    return common
