# Bitmaps of 64-bit words, for compiled kernels; bits.py is what they are uncompiled.
cdef inline bint bit(unsigned long long[::1] words, Py_ssize_t i) except -1 nogil:
    return (words[i >> 6] >> (i & 63)) & 1

cdef inline int set_bit(unsigned long long[::1] words, Py_ssize_t i) except -1 nogil:
    words[i >> 6] |= (<unsigned long long> 1) << (i & 63)
    return 0

cdef inline int clear_bit(unsigned long long[::1] words, Py_ssize_t i) except -1 nogil:
    words[i >> 6] &= ~((<unsigned long long> 1) << (i & 63))
    return 0
