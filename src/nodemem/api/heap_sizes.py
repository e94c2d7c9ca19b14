"""How big V8's heaps are: by their pages, from outside."""

from __future__ import annotations

from nodemem.errors import TargetError
from nodemem.memory import pages
from nodemem.target.address_space import LiveAddressSpace


def heap_sizes(pid: int) -> list[int]:
    """Bytes of the pages in use of each V8 heap in a process, one an isolate, the biggest first;
    none where they cannot be read. Each has the limit for itself. What else V8 has reserved
    (WebAssembly's memory, shared buffers, emptied pages) is no part of a heap.

    Only the heads of pages are read, so that it is quick however big the process is.
    """
    try:
        with LiveAddressSpace(pid) as space:
            found = pages.find(space)
    except TargetError:
        return []
    return sorted((sum(page.size for page in heap.pages) for heap in found), reverse=True)
