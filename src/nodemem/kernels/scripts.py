# cython: language_level=3
"""Location records by script, of which a few functions each are enough."""

import cython

COMPILED = cython.compiled

u8 = cython.typedef(cython.uchar)
u32 = cython.typedef(cython.uint)
ix = cython.typedef(cython.Py_ssize_t)


def examples(
    n_records: ix,
    locations: u32[::1],
    types: u8[::1],
    kind: ix,
    most: ix,
    counts: u8[::1],
    out: u32[::1],
) -> ix:
    """Of each script the first `most` records (at most 255) of nodes of type `kind`, their numbers
    to `out`; how many there are.

    `counts` has an item for each script id, zeroed. Records of scripts with greater ids are all
    taken.
    """
    record: ix
    script: ix
    found: ix = 0
    with cython.nogil:
        for record in range(n_records):
            if types[locations[4 * record]] != kind:
                continue
            script = locations[4 * record + 1]
            if script < counts.shape[0]:
                if counts[script] == most:
                    continue
                counts[script] += 1
            out[found] = cython.cast(u32, record)
            found += 1
    return found
