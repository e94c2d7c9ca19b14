"""The memory that malloc manages, from outside: glibc's chunk by chunk, others by their name.

    states -> arenas    where glibc keeps an arena's data, and which memory is that arena's
    region              the chunks of one piece of it, with the kernel `chunks`
    mapped              chunks with a mapping of their own, and pieces of the main arena that are
                        not where it began
    heap                all of it, and whether what was read agrees with what glibc counts
    foreign             allocators that programs bring along

No symbols are used and nothing in the process is asked or stopped.
"""

from nodemem.memory.malloc.foreign import allocators, embedded
from nodemem.memory.malloc.heap import Arena, Malloc, find
from nodemem.memory.malloc.states import HEAP_ALIGNMENT

__all__ = ["HEAP_ALIGNMENT", "Arena", "Malloc", "allocators", "embedded", "find"]
