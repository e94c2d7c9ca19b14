# cython: language_level=3
"""The string table of a heap snapshot: where each string stands, and which ones carry meaning.

No text is copied or decoded. Beside the offsets one pass notes what the graph kernels must know of
names: the ordinals of well-known ones, the names of WeakMap entry edges, and the numerals that
descriptor arrays use as edge names. Built with bounds checks: it meets raw input.
"""

import cython

if cython.compiled:
    from cython.cimports.nodemem.kernels.quotes import string_end
else:
    from nodemem.kernels.quotes import string_end

COMPILED = cython.compiled

u8 = cython.typedef(cython.uchar)
u32 = cython.typedef(cython.uint)
u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)
const_u8 = cython.typedef(cython.const[u8])

# States, as in kernels/scan.py, and two more for strings too long to be seen whole.
FIRST = 0
VALUE = 1
SEPARATOR = 2
CLOSED = 3
IN_STRING = 4
IN_ESCAPE = 5

# Faults: what ended a call before the end of the chunk.
NO_FAULT = 0
UNEXPECTED_BYTE = 1
TABLE_FULL = 2

# No name V8 writes is longer than this in bytes (1,024 units of up to six bytes, and some); only
# contents of strings are, and those are passed over piecewise.
LONG = 8192


@cython.cfunc
@cython.nogil
def same(
    text: u8[::1], at: ix, end: ix, literal: cython.const[u8][::1], a: ix, b: ix
) -> cython.int:
    """Whether text[at:end] starts with literal[a:b]."""
    i: ix
    if end - at < b - a:
        return 0
    for i in range(b - a):
        if text[at + i] != literal[a + i]:
            return 0
    return 1


@cython.cfunc
@cython.nogil
def digits_before(text: u8[::1], at: ix, floor: ix) -> ix:
    """Where the run of digits that ends before `at` begins; not below `floor`."""
    while at > floor and (text[at - 1] ^ 48) < 10:
        at -= 1
    return at


@cython.cfunc
@cython.nogil
def pair_key(text: u8[::1], a: ix, b: ix, words: cython.const[u8][::1], ends: u8[::1]) -> ix:
    """Where the shared part of a WeakMap entry's edge name begins in text[a:b]; -1 if it is none.

    V8 names both edges of an entry `N / part of key (K @1) -> value (V @2) pair in WeakMap
    (table @3)`, N differing. `words` are the fixed parts, `ends` where each ends. Line terminators
    within K or V make it another name for DevTools, and so they do here.
    """
    p: ix = a
    q: ix
    r: ix
    shared: ix
    while p < b and (text[p] ^ 48) < 10:
        p += 1
    shared = p
    if p == a or not same(text, p, b, words, 0, ends[0]):
        return -1
    p += ends[0]
    q = digits_before(text, b - 1, p)
    r = q - (ends[2] - ends[1])
    if q == b - 1 or r < p or not same(text, r, b, words, ends[1], ends[2]):
        return -1
    q = digits_before(text, r, p)
    if q == r or q - 2 < p or text[q - 1] != 64 or text[q - 2] != 32:
        return -1
    q -= 2
    r = p
    while True:  # "@digits) -> value (" anywhere between key and value
        if r >= q:
            return -1
        if text[r] == 41 and same(text, r, q, words, ends[0], ends[1]):
            p = digits_before(text, r, shared + ends[0])
            if p < r and p - 2 >= shared + ends[0] and text[p - 1] == 64 and text[p - 2] == 32:
                break
        r += 1
    r = shared
    while r < b:
        if text[r] == 92:
            r += 1
            if text[r] == 110 or text[r] == 114:  # \n \r
                return -1
            if text[r] == 117 and r + 4 < b:
                if text[r + 1] == 50 and text[r + 2] == 48 and text[r + 3] == 50:  # U+2028, U+2029
                    if text[r + 4] == 56 or text[r + 4] == 57:
                        return -1
                if text[r + 1] == 48 and text[r + 2] == 48 and text[r + 3] == 48:  # U+000A, U+000D
                    if (text[r + 4] | 32) == 97 or (text[r + 4] | 32) == 100:
                        return -1
        r += 1
    return shared


@cython.cfunc
@cython.nogil
def descriptor_value(text: u8[::1], a: ix, b: ix) -> cython.int:
    """Whether the leading number k of text[a:b] names a value in a descriptor array: k >= 2 and
    k % 3 == 1."""
    p: ix = a
    total: ix = 0
    while p < b and (text[p] ^ 48) < 10:
        total += text[p] ^ 48
        p += 1
    if total % 3 != 1:
        return 0
    if total == 1 and text[p - 1] == 49:  # 1, 01, 001
        return 0
    return 1


def index(
    text: u8[::1],
    start: ix,
    end: ix,
    origin: ix,
    kinds: cython.const[u8][::1],
    offsets: u64[::1],
    widths: u8[::1],
    descriptors: u64[::1],
    internal: u64[::1],
    internal_prefix: cython.const[u8][::1],
    known: cython.const[u8][::1],
    known_ends: u8[::1],
    known_index: u32[::1],
    pair_words: cython.const[u8][::1],
    pair_ends: u8[::1],
    pair_string: u32[::1],
    pair_table: u64[::1],
    pair_hash: u64[::1],
    info: ix[::1],
) -> ix:
    """Index the strings of text[start:end]; where reading stopped.

    offsets[i] is the position of the opening quote of string i, counted from `origin` bytes before
    text[0]. widths[i] is its length where it is plain (see `kinds`) and below 255, else 255.
    `descriptors` is a bitmap of the strings for which `descriptor_value` holds, `internal` one of
    those that begin with `internal_prefix`. `known` are well-known names end to end; known_index
    receives their string index. `pair_*` collect the names of WeakMap entry edges: string, id of
    the table, hash of the part that both edges share.
    kinds[byte]: 0 plain, 1 closes a string, 2 escapes, 3 makes it not plain.

    A string that the chunk cuts is left for the next call, unless it is longer than LONG already.
    info, in and out: [0] state, [1] strings so far, [2] pair names so far; out: [3] fault.
    """
    p: ix = start
    q: ix
    j: ix
    a: ix
    size: ix
    state: ix = info[0]
    n: ix = info[1]
    pairs: ix = info[2]
    capacity: ix = offsets.shape[0] - 1
    pair_capacity: ix = pair_string.shape[0]
    fault: ix = NO_FAULT
    plain: cython.int
    c: u8
    k: u8
    one: u64 = 1
    table: u64
    h: u64
    long_string: ix = LONG
    fnv_offset: u64 = 14695981039346656037
    fnv_prime: u64 = 1099511628211
    m64: u64 = 0xFFFFFFFFFFFFFFFF
    with cython.nogil:
        while p < end and state != 3:
            if state >= 4:  # the rest of a long string
                while p < end:
                    c = text[p]
                    p += 1
                    if state == 5:
                        state = 4
                    elif c == 92:
                        state = 5
                    elif c == 34:
                        state = 2
                        n += 1
                        break
                continue
            c = text[p]
            if c != 34 or state == 2:
                if c == 44 and state == 2:
                    state = 1
                elif c == 93 and state != 1:
                    state = 3
                elif c != 10 and c != 32 and c != 13 and c != 9:
                    fault = 1
                    break
                p += 1
                continue
            if n >= capacity or pairs >= pair_capacity:
                fault = 2
                break
            q = p + 1
            plain = 1
            while q < end:
                if q - p >= 256:  # long strings are contents, whose letters do not matter
                    plain = 0
                    q = string_end(text, q, end)
                    break
                k = kinds[text[q]]
                if k:
                    if k == 1:
                        break
                    plain = 0
                    if k == 2:
                        q += 1
                q += 1
            if q >= end:
                if end - p > long_string:
                    offsets[n] = cython.cast(u64, origin + p)
                    widths[n] = 255
                    state = 4
                    p += 1
                    continue
                break
            offsets[n] = cython.cast(u64, origin + p)
            p += 1
            size = q - p
            widths[n] = cython.cast(u8, size) if plain and size < 255 else 255
            if size > 0 and size < long_string:
                if (text[p] ^ 48) < 10:
                    if descriptor_value(text, p, q):
                        descriptors[n >> 6] |= one << (n & 63)
                    if size >= 40 and text[q - 1] == 41:
                        a = pair_key(text, p, q, pair_words, pair_ends)
                        if a >= 0:
                            h = fnv_offset
                            for j in range(a, q):
                                h = ((h ^ text[j]) * fnv_prime) & m64
                            table = 0
                            j = digits_before(text, q - 1, a)
                            if q - j > 12:  # no id has so many digits
                                table = m64
                            else:
                                while j < q - 1:
                                    table = table * 10 + (text[j] ^ 48)
                                    j += 1
                            pair_string[pairs] = cython.cast(u32, n)
                            pair_table[pairs] = table
                            pair_hash[pairs] = h
                            pairs += 1
                else:
                    if same(text, p, q, internal_prefix, 0, internal_prefix.shape[0]):
                        internal[n >> 6] |= one << (n & 63)
                    a = 0
                    for j in range(known_ends.shape[0] if size < 64 else 0):
                        if known_ends[j] - a == size and same(text, p, q, known, a, known_ends[j]):
                            known_index[j] = cython.cast(u32, n)
                        a = known_ends[j]
            n += 1
            state = 2
            p = q + 1
        if state == 3 and fault == 0:
            offsets[n] = cython.cast(u64, origin + p)
    info[0] = state
    info[1] = n
    info[2] = pairs
    info[3] = fault
    return p


def of_size(offsets: u64[::1], n: ix, start: ix, low: u64, high: u64) -> ix:
    """The first string from `start` on whose bytes, quotes and what follows up to the next string
    included, number low to high; -1 if there is none."""
    i: ix
    found: ix = -1
    span: u64
    with cython.nogil:
        for i in range(start, n):
            span = offsets[i + 1] - offsets[i]
            if span >= low and span <= high:
                found = i
                break
    return found
