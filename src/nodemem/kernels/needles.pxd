# What may begin a record of V8's, for compiled kernels; needles.py is what it is uncompiled.
cdef extern from "needles.h":
    Py_ssize_t nodemem_next_needle(
        const unsigned char *text, Py_ssize_t at, Py_ssize_t end) noexcept nogil

cdef inline Py_ssize_t next_needle(
    const unsigned char[::1] text, Py_ssize_t at, Py_ssize_t end
) noexcept nogil:
    if end > text.shape[0]:
        end = text.shape[0]
    if at < 0 or at >= end:
        return end
    return nodemem_next_needle(&text[0], at, end)
