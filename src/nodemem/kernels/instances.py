# cython: language_level=3
"""The objects of a few maps on one of V8's pages, and the maps themselves, without walking it.

What is looked for is the first word of an object, the tagged address of its map. A map of the
instance type that is wanted is recognised by its second word, bits 32 to 47 of which are the type.
Both are only candidates: other words may look alike.

All that is read here is another program's memory, so it may be anything: built with bounds checks.
"""

import cython

COMPILED = cython.compiled

u64 = cython.typedef(cython.ulonglong)
ix = cython.typedef(cython.Py_ssize_t)
const_u64 = cython.typedef(cython.const[u64])


def scan(
    words: const_u64[::1],
    start: ix,
    type: u64,
    keys: u64[::1],
    objects: u64[::1],
    maps: u64[::1],
    counts: ix[::1],
) -> ix:
    """Look at words from `start` on; where it ended: at the last one, or where there was no room
    left in `objects` or `maps`.

    `keys` is a table of open addressing as `MapTable` has it, a power of two long and at most half
    full. Places of words that are in it are put into `objects`, of words that may begin a map of
    instance type `type` into `maps`; counts[0] and counts[1] become how many there are.
    """
    at: ix = start
    n: ix = words.shape[0]
    mask: u64 = cython.cast(u64, keys.shape[0] - 1)
    place: u64
    word: u64
    key: u64
    n_objects: ix = 0
    n_maps: ix = 0
    with cython.nogil:
        while at < n and n_objects < objects.shape[0] and n_maps < maps.shape[0]:
            word = words[at]
            if word & 3 == 1:
                place = ((word >> 3) ^ (word >> 18)) & mask
                key = keys[cython.cast(ix, place)]
                while key != 0:
                    if key == word:
                        objects[n_objects] = cython.cast(u64, at)
                        n_objects += 1
                        break
                    place = (place + 1) & mask
                    key = keys[cython.cast(ix, place)]
                if at + 1 < n and (words[at + 1] >> 32) & 0xFFFF == type:
                    maps[n_maps] = cython.cast(u64, at)
                    n_maps += 1
            at += 1
    counts[0] = n_objects
    counts[1] = n_maps
    return at
