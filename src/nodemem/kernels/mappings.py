# cython: language_level=3
"""The `mappings` of a source map: base64 digits of variable length, each number told as the
difference to the one before (ECMA-426, section "mappings structure").

Raw input: compiled with bounds checks always.
"""

import cython

COMPILED = cython.compiled

u8 = cython.typedef(cython.uchar)
u32 = cython.typedef(cython.uint)
i64 = cython.typedef(cython.longlong)
ix = cython.typedef(cython.Py_ssize_t)


def decode(
    text: u8[::1],
    n_sources: ix,
    n_names: ix,
    first: u32[::1],
    unordered: u8[::1],
    columns: u32[::1],
    sources: u32[::1],
    lines: u32[::1],
    source_columns: u32[::1],
    names: u32[::1],
) -> ix:
    """How many segments there are, or less than 0: -1 a character that is no digit, -2 a number
    out of range, -3 a segment of a wrong number of fields, -4 a source or name that is not there.

    Generated line i has the segments `first[i]` to `first[i + 1]`; `unordered[i]` is 1 where their
    columns do not ascend. All numbers count from 0; what a segment does not tell is 0x7FFFFFFF.
    """
    n: ix = text.shape[0]
    at: ix = 0
    line: ix = 0
    count: ix = 0
    failed: ix = 0
    fields: ix = 0
    shift: ix = 0
    digit: ix
    byte: ix
    number: i64 = 0
    column: i64 = 0
    source: i64 = 0
    source_line: i64 = 0
    source_column: i64 = 0
    name: i64 = 0
    none: u32 = 0x7FFFFFFF
    top: i64 = 0x7FFFFFFE
    with cython.nogil:
        first[0] = 0
        while at <= n:
            byte = 59
            if at < n:
                byte = text[at]
            at += 1
            if byte == 44 or byte == 59:
                if shift > 0 or fields == 2 or fields == 3 or fields > 5:
                    failed = -3
                    break
                if fields > 0:
                    if column < 0 or column > top or source_line < 0 or source_line > top:
                        failed = -2
                        break
                    if source_column < 0 or source_column > top:
                        failed = -2
                        break
                    if fields > 3 and (source < 0 or source >= n_sources):
                        failed = -4
                        break
                    if fields > 4 and (name < 0 or name >= n_names):
                        failed = -4
                        break
                    if count > first[line] and columns[count - 1] > column:
                        unordered[line] = 1
                    columns[count] = cython.cast(u32, column)
                    sources[count] = none
                    lines[count] = none
                    source_columns[count] = none
                    names[count] = none
                    if fields > 3:
                        sources[count] = cython.cast(u32, source)
                        lines[count] = cython.cast(u32, source_line)
                        source_columns[count] = cython.cast(u32, source_column)
                    if fields > 4:
                        names[count] = cython.cast(u32, name)
                    count += 1
                    fields = 0
                if byte == 59:
                    line += 1
                    column = 0
                    first[line] = cython.cast(u32, count)
                continue
            if byte >= 65 and byte <= 90:
                digit = byte - 65
            elif byte >= 97 and byte <= 122:
                digit = byte - 71
            elif byte >= 48 and byte <= 57:
                digit = byte + 4
            elif byte == 43:
                digit = 62
            elif byte == 47:
                digit = 63
            else:
                failed = -1
                break
            if shift > 30:
                failed = -2
                break
            number += cython.cast(i64, digit & 31) << shift
            if digit & 32:
                shift += 5
                continue
            if number & 1:
                number = -(number >> 1)
            else:
                number = number >> 1
            if fields == 0:
                column += number
            elif fields == 1:
                source += number
            elif fields == 2:
                source_line += number
            elif fields == 3:
                source_column += number
            elif fields == 4:
                name += number
            fields += 1
            number = 0
            shift = 0
    if failed < 0:
        return failed
    return count
