# cython: language_level=3
"""The objects on one of V8's pages, from the first to the last: what each is and how long.

An object starts with the address of its map, which says what it is. What must be known of a map is
its rule, eight numbers:

    0 field     the word of the object that holds how many elements it has,
    1 shift     where in that word,
    2 mask      and how wide;
    3 base      bytes without the elements,
    4 stride    bytes of an element;
    5 first     the first word that may be a reference,
    6 last      one past the last such word;
    7 step      0; or, if its length is not to be had from it, where the next may start: at any
                multiple of so many words from its own start.

An object takes base + count * stride bytes, rounded up to whole words. One of open length takes
`base` bytes at least and ends where the next object starts: the few types that have no rule refer
to hardly any map, so the first word that is the address of one is the next object's. Words of 0
between objects are memory that was never used. What is counted a map are eight tallies (the last
is not used):

    0 objects, 1 bytes, 2 elements, 3 references, 4 references to constants,
    5 elements of which at most NAME_LIMIT an object, 6 the most elements of one object

All that is read here is another program's memory, so it may be anything: built with bounds checks.
"""

import cython

COMPILED = cython.compiled

u32 = cython.typedef(cython.uint)
u64 = cython.typedef(cython.ulonglong)
f64 = cython.typedef(cython.double)
ix = cython.typedef(cython.Py_ssize_t)
const_u64 = cython.typedef(cython.const[u64])

# How many numbers a rule and the tallies of a map have.
WIDTH = 8

# V8 keeps at most so many characters of a string's text in a heap snapshot.
NAME_LIMIT = 1024

# Outcomes of `walk`.
DONE = 0
UNKNOWN_MAP = 1
NO_OBJECT = 2


@cython.cfunc
@cython.inline
@cython.nogil
def slot_of(address: u64, keys: u64[::1], slots: u32[::1]) -> ix:
    """The slot of the map at `address` in a table of open addressing; -1 if it is not in it."""
    mask: ix = keys.shape[0] - 1
    at: ix = cython.cast(ix, ((address >> 3) ^ (address >> 18)) & cython.cast(u64, mask))
    tries: ix = 0
    while keys[at] != 0 and tries <= mask:
        if keys[at] == address:
            return slots[at]
        at = (at + 1) & mask
        tries += 1
    return -1


@cython.cfunc
@cython.inline
@cython.nogil
def count_of(words: const_u64[::1], at: ix, rules: u64[::1], rule: ix) -> u64:
    """How many elements the object at `at` has."""
    word: u64 = words[at + cython.cast(ix, rules[rule])]
    return (word >> rules[rule + 1]) & rules[rule + 2]


@cython.cfunc
@cython.inline
@cython.nogil
def length_of(words: const_u64[::1], at: ix, end: ix, rules: u64[::1], rule: ix) -> ix:
    """How many words the object at `at` takes by its rule; 0 if it would not end before `end`."""
    size: u64
    if at + cython.cast(ix, rules[rule]) >= end:
        return 0
    size = (rules[rule + 3] + count_of(words, at, rules, rule) * rules[rule + 4] + 7) >> 3
    if size > cython.cast(u64, end - at):
        return 0
    return cython.cast(ix, size)


@cython.cfunc
@cython.inline
@cython.nogil
def next_object(
    words: const_u64[::1],
    at: ix,
    end: ix,
    step: ix,
    keys: u64[::1],
    slots: u32[::1],
    strangers: u64[::1],
    info: ix[::1],
) -> ix:
    """The first of every `step`th word from `at` on that is the address of a known map; `end` if
    there is none.
    Other addresses that are passed are put into `strangers`, as long as there is room."""
    while at < end:
        if words[at] & 3 == 1:
            if slot_of(words[at], keys, slots) >= 0:
                break
            if info[2] < strangers.shape[0]:
                strangers[info[2]] = words[at]
                info[2] += 1
        at += step
    return at if at < end else end


@cython.cfunc
@cython.inline
@cython.nogil
def references_in(
    words: const_u64[::1], start: ix, end: ix, constants: u64[::1], found: u64[::1]
) -> ix:
    """Add to `found` how many of words[start:end] are references: [0] all, [1] to constants."""
    i: ix
    k: ix
    word: u64
    references: u64 = 0
    fixed: u64 = 0
    ranges: ix = constants.shape[0]
    for i in range(start, end):
        word = words[i]
        if word & 1 and word != 3:
            references += 1
            k = 0
            while k + 1 < ranges:
                if constants[k] <= word and word < constants[k + 1]:
                    fixed += 1
                    break
                k += 2
    found[0] += references
    found[1] += fixed
    return 0


def references(
    words: const_u64[::1], start: ix, end: ix, constants: u64[::1], found: u64[::1]
) -> ix:
    """Put into `found` how many of words[start:end] are references: [0] all, [1] those to
    constants; how many words there were. `constants` as for `walk`."""
    with cython.nogil:
        found[0] = 0
        found[1] = 0
        references_in(words, start, end, constants, found)
    return end - start


def walk(
    words: const_u64[::1],
    start: ix,
    end: ix,
    keys: u64[::1],
    slots: u32[::1],
    rules: u64[::1],
    tallies: u64[::1],
    constants: u64[::1],
    found: u64[::1],
    strangers: u64[::1],
    info: ix[::1],
) -> ix:
    """Count the objects in words[start:end] into `tallies`; DONE if the last one ends at `end`.

    keys[i] is the tagged address of a map or 0, slots[i] its slot: its rule is the eight
    numbers of `rules` from slot * 8 on, its tallies likewise. `constants` are ranges of
    addresses, first and one past the last in turn: references into them are counted apart.
    `found` is scratch for two numbers. info[0] becomes where the walk ended: on UNKNOWN_MAP the
    object whose map is not in the table, on NO_OBJECT the word that begins no object; info[1] how
    many words before it were empty. `strangers` are addresses in objects of open length, info[2] of
    them so far: were one of them a map, an object would have been overlooked.
    """
    at: ix = start
    size: ix
    slot: ix
    rule: ix = 0
    tally: ix = 0
    last: ix
    step: ix
    outcome: ix = 0
    empty: ix = 0
    map_word: u64
    known: u64 = 0
    count: u64
    with cython.nogil:
        while at < end:
            map_word = words[at]
            if map_word == 0:
                empty += 1
                at += 1
                continue
            if map_word != known:
                if map_word & 3 != 1:
                    outcome = 2
                    break
                slot = slot_of(map_word, keys, slots)
                if slot < 0:
                    outcome = 1
                    break
                known = map_word
                rule = slot * 8
                tally = slot * 8
            size = length_of(words, at, end, rules, rule)
            if size == 0:
                outcome = 2
                break
            step = cython.cast(ix, rules[rule + 7])
            if step:
                size = (size + step - 1) // step * step
                size = next_object(words, at + size, end, step, keys, slots, strangers, info) - at
            count = count_of(words, at, rules, rule)
            last = cython.cast(ix, rules[rule + 6])
            if last > size:
                last = size
            found[0] = 0
            found[1] = 0
            references_in(words, at + cython.cast(ix, rules[rule + 5]), at + last, constants, found)
            tallies[tally] += 1
            tallies[tally + 1] += cython.cast(u64, size) * 8
            tallies[tally + 2] += count
            tallies[tally + 3] += found[0]
            tallies[tally + 4] += found[1]
            tallies[tally + 5] += count if count < 1024 else 1024
            if count > tallies[tally + 6]:
                tallies[tally + 6] = count
            at += size
    info[0] = at
    info[1] = empty
    return outcome


def resume(
    words: const_u64[::1],
    start: ix,
    end: ix,
    run: ix,
    keys: u64[::1],
    slots: u32[::1],
    rules: u64[::1],
) -> ix:
    """The first word from `start` on at which `run` objects of known maps follow each other, or
    fewer that end just at `end`; `end` if there is none. One of open length is as good as a run:
    hardly anything but such an object refers to its map."""
    at: ix = start
    there: ix
    size: ix
    slot: ix
    seen: ix
    with cython.nogil:
        while at < end:
            there = at
            seen = 0
            while there < end and seen < run:
                if words[there] & 3 != 1:
                    break
                slot = slot_of(words[there], keys, slots)
                if slot < 0:
                    break
                if rules[slot * 8 + 7]:
                    seen = run
                    break
                size = length_of(words, there, end, rules, slot * 8)
                if size == 0:
                    break
                there += size
                seen += 1
            if seen == run or (there == end and seen > 0):
                break
            at += 1
    return at


def fold(
    tallies: u64[::1],
    n: ix,
    totals: u64[::1],
    squares: f64[::1],
    kinds: u32[::1],
    n_kinds: ix,
    page: u64[::1],
) -> ix:
    """Add what one page has, the tallies of `n` maps, to sums over pages, and clear it.

    `totals` are sums by map, `squares` sums of the squares of what each page has; of tally 6 it is
    the largest. `page` becomes what this page has by kind, eight numbers each: kinds[slot] is the
    kind of a map's objects, below n_kinds. The kind n_kinds is all together but the last kind,
    which is no objects. Returns how many maps had objects on the page.
    """
    slot: ix
    kind: ix
    i: ix
    a: ix
    b: ix
    touched: ix = 0
    value: f64
    with cython.nogil:
        for i in range(8 * (n_kinds + 1)):
            page[i] = 0
        for slot in range(n):
            a = slot * 8
            if tallies[a] == 0:
                continue
            touched += 1
            b = cython.cast(ix, kinds[slot]) * 8
            for i in range(6):
                value = cython.cast(f64, tallies[a + i])
                totals[a + i] += tallies[a + i]
                squares[a + i] += value * value
                page[b + i] += tallies[a + i]
                tallies[a + i] = 0
            if tallies[a + 6] > totals[a + 6]:
                totals[a + 6] = tallies[a + 6]
            if tallies[a + 6] > page[b + 6]:
                page[b + 6] = tallies[a + 6]
            tallies[a + 6] = 0
        b = n_kinds * 8
        for kind in range(n_kinds - 1):
            for i in range(6):
                page[b + i] += page[kind * 8 + i]
            if page[kind * 8 + 6] > page[b + 6]:
                page[b + 6] = page[kind * 8 + 6]
    return touched


def spread(
    pages: u64[::1], order: u32[::1], width: ix, totals: u64[::1], differences: f64[::1]
) -> ix:
    """Sums over pages, `width` numbers each, and over the squares of the differences between each
    page and the next in `order`; how many pages."""
    n: ix = order.shape[0]
    i: ix
    k: ix
    a: ix
    b: ix
    value: f64
    with cython.nogil:
        for k in range(n):
            a = cython.cast(ix, order[k]) * width
            for i in range(width):
                totals[i] += pages[a + i]
            if k + 1 < n:
                b = cython.cast(ix, order[k + 1]) * width
                for i in range(width):
                    value = cython.cast(f64, pages[b + i]) - cython.cast(f64, pages[a + i])
                    differences[i] += value * value
    return n
