# The end of a JSON string, for compiled kernels; quotes.py is what it is uncompiled.
cdef extern from *:
    """
    #include <string.h>

    static inline Py_ssize_t nodemem_string_end(
        const unsigned char *text, Py_ssize_t at, Py_ssize_t end)
    {
        Py_ssize_t quote = -1;
        while (at < end) {
            const unsigned char *found;
            if (quote < at) {
                found = (const unsigned char *) memchr(text + at, '"', (size_t) (end - at));
                quote = found ? found - text : end;
            }
            found = (const unsigned char *) memchr(text + at, '\\\\', (size_t) (quote - at));
            if (!found)
                return quote;
            at = found - text + 2;
        }
        return at;
    }
    """
    Py_ssize_t nodemem_string_end(const unsigned char *text, Py_ssize_t at, Py_ssize_t end) noexcept nogil

cdef inline Py_ssize_t string_end(unsigned char[::1] text, Py_ssize_t at, Py_ssize_t end) except -1 nogil:
    return nodemem_string_end(&text[0], at, end)
