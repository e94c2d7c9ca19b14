# Hints to the processor that plain Python has no words for.
cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define nodemem_prefetch(address) __builtin_prefetch(address)
    #else
    #define nodemem_prefetch(address) ((void)(address))
    #endif
    """
    void nodemem_prefetch(const void *address) noexcept nogil
