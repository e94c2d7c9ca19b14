# cython: language_level=3
"""The number sections of a heap snapshot: decimal text -> uint32 values -> validated columns.

These kernels meet raw input: they are always built with bounds checks, and they are the gate for
all others. What they let through is in range: every edge target is a node, every type is known,
the edge counts add up. What they refuse they name by its record.
"""

import cython

if cython.compiled:
    from cython.cimports.nodemem.kernels.digits import has_vectors, usual_numbers
else:
    from nodemem.kernels.digits import has_vectors, usual_numbers

COMPILED = cython.compiled

u8 = cython.typedef(cython.uchar)
u32 = cython.typedef(cython.uint)
u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)

# States of a section between two chunks (`state` below), shared with kernels/strings.py.
FIRST = 0  # after "[": a value or "]"
VALUE = 1  # after ",": a value
SEPARATOR = 2  # after a value: "," or "]"
CLOSED = 3  # after "]"

# Faults, as reported in `info`.
NO_FAULT = 0
UNEXPECTED_BYTE = 1
NUMBER_TOO_LARGE = 2
UNKNOWN_TYPE = 3
EDGES_EXCEED_COUNT = 4
TARGET_OUT_OF_RANGE = 5


def vectors() -> cython.bint:
    """Whether this processor can read numbers several at a time."""
    return has_vectors()


def numbers(
    vectors: cython.bint,
    text: u8[::1],
    start: ix,
    end: ix,
    out: u32[::1],
    filled: ix,
    wide_at: u32[::1],
    wide: u64[::1],
    info: ix[::1],
) -> ix:
    """Append the unsigned integers of text[start:end] to out[filled:]; the new fill.

    text[end] must be no digit. A number that touches `end` is left for the next chunk. A number
    of 2**32 or more enters `out` as its low half and is noted in full: its index in `wide_at`,
    its value in `wide`. `vectors`: what is usual is read several numbers at a time. info: [0]
    state, in and out; [1] where reading stopped; [2] how many wide numbers; [3] fault.
    """
    p: ix = start
    slow_until: ix = start
    first: ix
    k: ix = filled
    digits: ix
    wides: ix = 0
    state: ix = info[0]
    fault: ix = NO_FAULT
    c: u32
    d: u32
    v: u64
    m32: u64 = 0xFFFFFFFF
    m64: u64 = 0xFFFFFFFFFFFFFFFF
    ten_to_19: u64 = 10000000000000000000
    with cython.nogil:
        while p < end and state != 3:
            if vectors and p >= slow_until and state:
                info[0] = state
                info[1] = p
                k = usual_numbers(text, end, out, k, info)
                state = info[0]
                p = info[1]
                # What it stopped at is not usual, or the end of the text.
                slow_until = p + 64
                continue
            c = text[p]
            d = c ^ 48
            if d < 10:
                if state == 2:
                    fault = 1
                    break
                first = p
                v = d
                p += 1
                d = text[p] ^ 48
                while d < 10:
                    v = v * 10 + d
                    p += 1
                    d = text[p] ^ 48
                digits = p - first
                if digits > 9:
                    v &= m64
                    # Twenty digits fit 64 bits only from 10**19 to 2**64: more would have wrapped.
                    if digits > 20 or (digits == 20 and (text[first] != 49 or v < ten_to_19)):
                        p = first
                        fault = 2
                        break
                    if p < end and v > m32:
                        wide_at[wides] = cython.cast(u32, k)
                        wide[wides] = v
                        wides += 1
                if p == end:
                    p = first
                    break
                out[k] = cython.cast(u32, v & m32)
                k += 1
                if text[p] == 44:
                    state = 1
                    p += 1
                else:
                    state = 2
                continue
            if c == 44 and state == 2:
                state = 1
            elif c == 93 and state != 1:
                state = 3
            elif c != 10 and c != 32 and c != 13 and c != 9:
                fault = 1
                break
            p += 1
    info[0] = state
    info[1] = p
    info[2] = wides
    info[3] = fault
    return k


def nodes(
    values: u32[::1],
    at: ix,
    count: ix,
    stride: ix,
    fields: u8[::1],
    type_codes: u8[::1],
    first: ix,
    types: u8[::1],
    names: u32[::1],
    ids: u32[::1],
    sizes: u32[::1],
    first_edge: u32[::1],
    detachedness: u8[::1],
    totals: u64[::1],
    info: ix[::1],
) -> ix:
    """`count` node records from values[at:] to columns; how many were good.

    `fields` are the positions of type, name, id, self_size, edge_count and detachedness (255:
    none) in a record; `type_codes` translates the file's type numbers, 255 is unknown. Columns are
    blocks that begin with the first of these records, but `detachedness` is whole, zero at first,
    and the first record is ordinal `first` there. totals, in and out: [0] edges so far, [1] their
    announced number, [2] largest name, [3] largest id, [4] detachedness seen. info[3]: fault of the
    first bad record.
    """
    i: ix
    t: u32
    type_at: ix = fields[0]
    name_at: ix = fields[1]
    id_at: ix = fields[2]
    size_at: ix = fields[3]
    edges_at: ix = fields[4]
    detached_at: ix = fields[5]
    edges: u64 = totals[0]
    edge_count: u64 = totals[1]
    name: u64 = totals[2]
    node_id: u64 = totals[3]
    detached: u64 = totals[4]
    done: ix = count
    fault: ix = NO_FAULT
    with cython.nogil:
        for i in range(count):
            t = values[at + type_at]
            if t > 255 or type_codes[t] == 255:
                fault = 3
                done = i
                break
            types[i] = type_codes[t]
            t = values[at + name_at]
            names[i] = t
            if t > name:
                name = t
            t = values[at + id_at]
            ids[i] = t
            if t > node_id:
                node_id = t
            sizes[i] = values[at + size_at]
            first_edge[i] = cython.cast(u32, edges)
            edges += values[at + edges_at]
            if edges > edge_count:
                fault = 4
                done = i
                break
            if detached_at != 255:
                t = values[at + detached_at] & 3
                if t:
                    detachedness[first + i] = cython.cast(u8, t)
                    detached |= t
            at += stride
    totals[0] = edges
    totals[2] = name
    totals[3] = node_id
    totals[4] = detached
    info[3] = fault
    return done


def sum_of(values: u32[::1], start: ix, end: ix, step: ix) -> u64:
    """The sum of every `step`-th of values[start:end]."""
    i: ix = start
    total: u64 = 0
    with cython.nogil:
        while i < end:
            total += values[i]
            i += step
    return total


def edges(
    values: u32[::1],
    at: ix,
    count: ix,
    fields: u8[::1],
    stride: ix,
    type_codes: u8[::1],
    node_stride: u64,
    n_nodes: u64,
    targets: u32[::1],
    names: u32[::1],
    totals: u64[::1],
    info: ix[::1],
) -> ix:
    """`count` edge records from values[at:] to columns; how many were good.

    `fields` are the positions of type, name_or_index and to_node. `targets` receives type << 29 |
    ordinal. totals[0]: largest string index among the names. info[3]: fault.
    """
    i: ix
    t: u32
    name: u32
    target: u64
    ordinal: u64
    code: u8
    type_at: ix = fields[0]
    name_at: ix = fields[1]
    target_at: ix = fields[2]
    largest: u32 = cython.cast(u32, totals[0])
    # Division by the stride as a multiplication: exact for every multiple of it below 2**32, and
    # what is no multiple fails the check behind it whatever comes out. Holds from stride 5 on.
    one: u64 = 1
    reciprocal: u64 = ((one << 34) + node_stride - 1) // node_stride
    done: ix = count
    fault: ix = NO_FAULT
    with cython.nogil:
        for i in range(count):
            t = values[at + type_at]
            code = type_codes[t & 255]
            if t > 255 or code > 6:
                fault = 3
                done = i
                break
            target = values[at + target_at]
            ordinal = (target * reciprocal) >> 34
            if ordinal >= n_nodes or ordinal * node_stride != target:
                fault = 5
                done = i
                break
            name = values[at + name_at]
            if code != 1 and code != 4 and name > largest:
                largest = name
            names[i] = name
            t = code
            targets[i] = (t << 29) | cython.cast(u32, ordinal)
            at += stride
    totals[0] = largest
    info[3] = fault
    return done


def locations(
    values: u32[::1],
    at: ix,
    count: ix,
    fields: u8[::1],
    stride: ix,
    node_stride: u32,
    n_nodes: u32,
    out: u32[::1],
    info: ix[::1],
) -> ix:
    """`count` location records from values[at:] as (ordinal, script id, line, column) to `out`; how
    many were good.

    `fields` are the positions of object_index, script_id, line and column. info[3]: fault.
    """
    i: ix
    ordinal: u32
    done: ix = count
    fault: ix = NO_FAULT
    with cython.nogil:
        for i in range(count):
            ordinal = values[at + fields[0]] // node_stride
            if ordinal >= n_nodes or ordinal * node_stride != values[at + fields[0]]:
                fault = 5
                done = i
                break
            out[4 * i] = ordinal
            out[4 * i + 1] = values[at + fields[1]]
            out[4 * i + 2] = values[at + fields[2]]
            out[4 * i + 3] = values[at + fields[3]]
            at += stride
    info[3] = fault
    return done


def skip(text: u8[::1], start: ix, end: ix, info: ix[::1]) -> ix:
    """Pass over one JSON value, possibly in several chunks; where reading stopped.

    info, in and out (zeros at first): [0] 1 when the value is complete; [1] open brackets;
    [2] 1 in a string, 2 after a backslash in one, 3 in a bare word.
    """
    p: ix = start
    done: ix = info[0]
    depth: ix = info[1]
    inside: ix = info[2]
    c: u8
    with cython.nogil:
        while p < end and not done:
            c = text[p]
            if inside == 2:
                inside = 1
            elif inside == 1:
                if c == 92:
                    inside = 2
                elif c == 34:
                    inside = 0
                    done = depth == 0
            elif inside == 3:
                if c == 44 or c == 93 or c == 125 or c <= 32:
                    done = 1
                    break
            elif c == 34:
                inside = 1
            elif c == 91 or c == 123:
                depth += 1
            elif c == 93 or c == 125:
                depth -= 1
                done = depth <= 0
            elif depth == 0 and c > 32:
                inside = 3
            p += 1
    info[0] = done
    info[1] = depth
    info[2] = inside
    return p


def duplicate_id(ids: u32[::1], n: ix, base: u64, seen: u64[::1]) -> ix:
    """The second ordinal of an id in [base, base + 64 * len(seen)) that occurs twice, or -1.

    `seen` is zero at the call and after it.
    """
    i: ix
    span: u64 = seen.shape[0] * 64
    x: u64
    one: u64 = 1
    found: ix = -1
    with cython.nogil:
        for i in range(n):
            x = ids[i]
            if x < base or x - base >= span:
                continue
            x -= base
            if (seen[cython.cast(ix, x >> 6)] >> (x & 63)) & 1:
                found = i
                break
            seen[cython.cast(ix, x >> 6)] |= one << (x & 63)
        for i in range(n):
            x = ids[i]
            if x >= base and x - base < span:
                seen[cython.cast(ix, (x - base) >> 6)] = 0
    return found
