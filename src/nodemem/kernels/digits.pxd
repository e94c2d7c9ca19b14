# Decimal numbers by vector instructions, for compiled kernels; digits.py is what it is uncompiled.
cdef extern from "digits.h":
    int nodemem_has_vectors() noexcept nogil
    Py_ssize_t nodemem_usual_numbers(
        const unsigned char *text, Py_ssize_t *at, Py_ssize_t end, int *comma_next,
        unsigned int *out) noexcept nogil

cdef inline bint has_vectors() noexcept nogil:
    return nodemem_has_vectors() != 0

cdef inline Py_ssize_t usual_numbers(
    unsigned char[::1] text, Py_ssize_t end, unsigned int[::1] out, Py_ssize_t filled,
    Py_ssize_t[::1] info,
) except -1 nogil:
    # Where there is too little text around, or room, nothing is read.
    cdef Py_ssize_t at = info[1], numbers
    cdef int comma_next = info[0] == 2
    if at < 16 or end - at < 64 or end > text.shape[0]:
        return filled
    if filled + (end - at + 1) // 2 + 4 > out.shape[0]:
        return filled
    numbers = nodemem_usual_numbers(&text[0], &at, end, &comma_next, &out[filled])
    info[0] = 2 if comma_next else 1
    info[1] = at
    return filled + numbers
