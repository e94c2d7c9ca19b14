# cython: language_level=3
"""The chunks of glibc's malloc, one after another through a region of its memory.

A chunk at address c has the word c + 8: its size, a multiple of 16, and three bits. Bit 0 says
whether the chunk before it is in use; bit 1 that it has a mapping of its own, which none in a
region has. If the chunk before is free, the word at c is its size again. So what a chunk is follows
from the header of the next one.

A region is read in blocks. What must be remembered from one to the next is in `state`:

    0 at         the next chunk's address            4 free        bytes of free chunks
    1 before     the chunk before, 0 if none         5 chunks      how many chunks there were
    2 ranges     numbers put into `ranges`           6 sought      numbers put into `found`
    3 in_use     bytes of chunks in use              7 alike       numbers put into `likely`

All that is read here is another program's memory, so it may be anything: built with bounds checks.
"""

import cython

COMPILED = cython.compiled

u8 = cython.typedef(cython.uchar)
u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)
const_u64 = cython.typedef(cython.const[u64])

# How many numbers `state` has.
STATE = 8

# The least size of a chunk.
LEAST = 32

# The sizes of chunks that are looked into.
LIKELY_LEAST = 80
LIKELY_MOST = 96

# Outcomes of `walk`.
MORE = 0
LAST = 1
SMALL = 2
BROKEN = 3


def walk(
    words: const_u64[::1],
    address: u64,
    end: u64,
    last: u64,
    page: u64,
    size_sought: u64,
    origin: u64,
    starts: u8[::1],
    used: u8[::1],
    ranges: u64[::1],
    found: u64[::1],
    likely: u64[::1],
    state: u64[::1],
) -> ix:
    """Follow the chunks of a region that ends at `end`, as far as `words`, which lie at `address`,
    hold their headers.

    MORE: the next header is not among the words. Or `state[0]` is a chunk, the one before counted
    and itself not: LAST, it is the one at `last`, or reaches to the end; SMALL, it is too small for
    a chunk, as those are that malloc puts behind a region it does not continue; BROKEN, it cannot
    be one.

    Of a free chunk of size s at c, what malloc_trim would give back, the whole pages of
    [c + 48, c + s), is put into `ranges`, start and end in turn, as long as there is room; when
    there is none left the outcome is MORE as well. For each chunk bit (c - origin) / 16 of `starts`
    is set, and if it is in use that of `used`; where such a one is of `size_sought`, c is put into
    `found`, as long as there is room.

    Chunks of 80 to 96 bytes whose memory begins with an address and three ascending lengths, the
    first not 0, are put into `likely`, and those that are not all in `words`; when there is no room
    left the outcome is MORE as well. Whether they are in use is not said.
    """
    at: u64 = state[0]
    before: u64 = state[1]
    n_ranges: ix = cython.cast(ix, state[2])
    in_use: u64 = state[3]
    free: u64 = state[4]
    chunks: u64 = state[5]
    n_found: ix = cython.cast(ix, state[6])
    n_likely: ix = cython.cast(ix, state[7])
    n: u64 = cython.cast(u64, words.shape[0])
    room: ix = ranges.shape[0] - 1
    likely_room: ix = likely.shape[0]
    k: ix
    i: u64
    bit: u64
    head: u64
    size: u64
    gone: u64
    low: u64
    high: u64
    outcome: ix = 0
    with cython.nogil:
        while True:
            if at < address or n_ranges >= room or n_likely >= likely_room:
                break
            i = (at - address) >> 3
            if i + 1 >= n:
                break
            head = words[cython.cast(ix, i + 1)]
            size = head & ~cython.cast(u64, 7)
            # A size of 0 or 16 ends a region; the top chunk may have any.
            if head & 2 or size & 15 or size > end - at:
                outcome = 3
                break
            gone = at - before
            if before != 0 and not head & 1 and words[cython.cast(ix, i)] != gone:
                outcome = 3
                break
            bit = (at - origin) >> 4
            starts[cython.cast(ix, bit >> 3)] |= cython.cast(u8, 1 << (bit & 7))
            if before != 0:
                chunks += 1
                if head & 1:
                    in_use += gone
                    bit = (before - origin) >> 4
                    used[cython.cast(ix, bit >> 3)] |= cython.cast(u8, 1 << (bit & 7))
                    if gone == size_sought and n_found < found.shape[0]:
                        found[n_found] = before
                        n_found += 1
                else:
                    free += gone
                    low = (before + 48 + page - 1) & ~(page - 1)
                    high = at & ~(page - 1)
                    if low < high:
                        ranges[n_ranges] = low
                        ranges[n_ranges + 1] = high
                        n_ranges += 2
            before = 0
            if at == last:
                outcome = 1
                break
            if size < 32:
                outcome = 2
                break
            if size == end - at:
                outcome = 1
                break
            if size >= 80 and size <= 96:
                k = cython.cast(ix, i) + 2
                if i + 5 >= n or (
                    words[k] != 0
                    and words[k] & 7 == 0
                    and words[k + 1] != 0
                    and words[k + 1] <= words[k + 2]
                    and words[k + 2] <= words[k + 3]
                ):
                    likely[n_likely] = at
                    n_likely += 1
            before = at
            at += size
    state[0] = at
    state[1] = before
    state[2] = cython.cast(u64, n_ranges)
    state[3] = in_use
    state[4] = free
    state[5] = chunks
    state[6] = cython.cast(u64, n_found)
    state[7] = cython.cast(u64, n_likely)
    return outcome
