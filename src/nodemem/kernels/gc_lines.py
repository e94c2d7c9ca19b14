# cython: language_level=3
"""Records of V8's collector that are like ones seen before but for their numbers, between whatever
else a log holds.

A *form* is what such lines share: fixed text, and numbers between. Forms are in `tables`:

    tables[0]                     how many forms there are, n
    tables[1 + i]                 where the parts of form i begin; [1 + n] is where the last ends
    tables[begin + 3 * j]         part j: where its fixed text ends in `texts` (it begins where that
                                  of the part before ends, that of the first at tables[begin - 1])
    tables[begin + 3 * j + 1]     what number follows it, see below
    tables[begin + 3 * j + 2]     where the number goes, a column

All lines begin with `head`, `[PID:ISOLATE]`. Built with bounds checks: it meets raw input.
"""

import cython

if cython.compiled:
    from cython.cimports.libc.math import rint
    from cython.cimports.nodemem.kernels.needles import next_needle
else:
    from nodemem.kernels.needles import next_needle

    rint = round

COMPILED = cython.compiled

u8 = cython.typedef(cython.uchar)
i64 = cython.typedef(cython.longlong)
f64 = cython.typedef(cython.double)
ix = cython.typedef(cython.Py_ssize_t)
const_u8 = cython.typedef(cython.const[u8])
const_i64 = cython.typedef(cython.const[i64])

# What number follows a fixed text: none, the line ends; one that nobody needs, without decimals,
# with them, or either; one that is needed, likewise; bytes from MiB; seconds from milliseconds; the
# same behind any blanks.
END = 0
SKIP_WHOLE = 1
SKIP_BROKEN = 2
SKIP_ANY = 3
WHOLE = 4
BROKEN = 5
ANY = 6
SIZE = 7
TIME = 8
STAMP = 9

# The most digits of a number: a double holds all of them.
DIGITS = 15

# Why a call ended: where records may begin no more, there is room for no more, what may be a record
# is none that is known.
LAST = 0
FULL = 1
UNKNOWN = 2


@cython.cfunc
@cython.nogil
def power(n: ix) -> f64:
    result: f64 = 1.0
    while n > 0:
        result *= 10.0
        n -= 1
    return result


@cython.cfunc
@cython.nogil
def same(text: const_u8[::1], at: ix, end: ix, fixed: const_u8[::1], a: ix, b: ix) -> cython.int:
    """Whether text[at:end] starts with fixed[a:b]."""
    if end - at < b - a:
        return 0
    while a < b:
        if text[at] != fixed[a]:
            return 0
        at += 1
        a += 1
    return 1


@cython.cfunc
@cython.nogil
def line_like(
    text: const_u8[::1],
    at: ix,
    end: ix,
    texts: const_u8[::1],
    tables: const_i64[::1],
    form: ix,
    floats: f64[:, ::1],
    wholes: i64[:, ::1],
    row: ix,
) -> ix:
    """Where the line that begins at `at` ends, behind its line feed, if it has this form, and its
    numbers put into `row`; -1 if it has not."""
    part: ix = cython.cast(ix, tables[1 + form])
    parts_end: ix = cython.cast(ix, tables[2 + form]) - 1
    a: ix = cython.cast(ix, tables[part])
    b: ix
    kind: i64
    column: ix
    mantissa: i64
    digits: ix
    decimals: ix
    leads: cython.int
    value: f64
    part += 1
    while part < parts_end:
        b = cython.cast(ix, tables[part])
        kind = tables[part + 1]
        column = cython.cast(ix, tables[part + 2])
        if same(text, at, end, texts, a, b) == 0:
            return -1
        at += b - a
        a = b
        part += 3
        if kind == 0:
            return at + 1 if at < end and text[at] == 10 else -1
        if kind == 9:
            while at < end and text[at] == 32:
                at += 1
        mantissa = 0
        digits = 0
        decimals = 0
        leads = 1 if at < end and text[at] == 48 and kind != 9 else 0
        while at < end and (text[at] ^ 48) < 10 and digits <= 15:
            mantissa = mantissa * 10 + (text[at] ^ 48)
            at += 1
            digits += 1
        if digits == 0 or (digits > 1 and leads != 0):
            return -1
        if at + 1 < end and text[at] == 46 and (text[at + 1] ^ 48) < 10:
            at += 1
            while at < end and (text[at] ^ 48) < 10 and digits <= 15:
                mantissa = mantissa * 10 + (text[at] ^ 48)
                at += 1
                digits += 1
                decimals += 1
        if digits > 15 or decimals > 6:
            return -1
        if (
            kind == 3
            and at + 2 < end
            and text[at] == 101
            and (text[at + 1] == 43 or text[at + 1] == 45)
        ):
            at += 2
            digits = 0
            while at < end and (text[at] ^ 48) < 10 and digits < 3:
                at += 1
                digits += 1
            if digits == 0:
                return -1
        if decimals == 0:
            if kind == 2 or kind == 5:
                return -1
        elif kind == 1 or kind == 4:
            return -1
        if kind == 4:
            wholes[row, column] = mantissa
        elif kind > 4:
            value = cython.cast(f64, mantissa) / power(decimals)
            if kind == 7:
                if value > 1e9:  # MiB
                    return -1
                wholes[row, column] = cython.cast(i64, rint(value * 1048576.0))
            elif kind == 8 or kind == 9:
                floats[row, column] = value / 1000.0
            else:
                floats[row, column] = value
    return -1


@cython.cfunc
@cython.nogil
def may_begin(text: const_u8[::1], at: ix, end: ix) -> cython.int:
    """Whether the bracket at `at` may be that of `[PID:ISOLATE`, or the text ends too early."""
    digits: ix = 0
    at += 1
    while at < end and (text[at] ^ 48) < 10:
        at += 1
        digits += 1
    if at >= end:
        return 1
    if digits == 0 or digits > 10 or text[at] != 58:
        return 0
    digits = 0
    at += 1
    while at < end and digits < 8:
        if text[at] == 120 and digits == 1:
            return 1
        if (text[at] ^ 48) < 10 or ((text[at] | 32) >= 97 and (text[at] | 32) <= 102):
            at += 1
            digits += 1
        else:
            return 0
    return 1


def lines(
    text: const_u8[::1],
    at: ix,
    last: ix,
    head: const_u8[::1],
    texts: const_u8[::1],
    tables: const_i64[::1],
    floats: f64[:, ::1],
    wholes: i64[:, ::1],
    forms: i64[::1],
    state: i64[::1],
) -> ix:
    """How many lines from the one at `at` on, which begins there, have one of the forms: in order,
    as far as they begin below `last` and there is room, until something else may be a record. For
    each, `forms` says which, and its row in `floats` and `wholes` holds its numbers.

    `state[0]` is where the last of these ends (`at` if there is none), `state[1]` up to where there
    is nothing that may be a record behind it, `state[2]` why it ended.
    """
    end: ix = text.shape[0]
    n_forms: ix = cython.cast(ix, tables[0])
    room: ix = forms.shape[0]
    size: ix = head.shape[0]
    rows: ix = 0
    form: ix = 0
    tries: ix
    after: ix
    sought: ix = 0
    begin: ix = at
    outcome: i64 = 0
    with cython.nogil:
        while at < last:
            if rows == room:
                outcome = 1
                break
            after = -1
            if text[at] == 91 and (at == 0 or text[at - 1] == 10):
                if same(text, at, end, head, 0, size) != 0:
                    # The form of the line before first: alike ones come in runs.
                    tries = 0
                    while tries < n_forms and after < 0:
                        after = line_like(
                            text, at + size, end, texts, tables, form, floats, wholes, rows
                        )
                        if after < 0:
                            form = form + 1 if form + 1 < n_forms else 0
                            tries += 1
                if after >= 0:
                    forms[rows] = form
                    rows += 1
                    at = after
                    begin = after
                    sought = 0
                    continue
            if text[at] == 91:
                if may_begin(text, at, end) != 0:
                    outcome = 2
                    break
                at += 1
            elif sought != 0:  # ` ms: ` or `<---`
                outcome = 2
                break
            at = next_needle(text, at, last)
            sought = 1
    state[0] = begin
    state[1] = at
    state[2] = outcome
    return rows
