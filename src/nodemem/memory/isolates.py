"""Whose heap is whose: the isolate of the main thread and those of its workers, by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nodemem.memory import pages
from nodemem.memory.pages import Heap
from nodemem.memory.segments import threads
from nodemem.records import AddressSpace, MappedMemory, ThreadName


def names(
    mappings: Iterable[MappedMemory],
    seen: Iterable[ThreadName],
    main: int,
    space: AddressSpace,
    heaps: Sequence[Heap],
) -> dict[int, str]:
    """What the isolate of each heap is called, by the heap's address: `main`, or `worker N` as
    in memory maps; those that no thread runs are left out.

    `seen` are the threads, `main` is the id of the main one. `mappings` need no figures: what V8's
    pages are on is not looked at, as there are no threads in it.
    """
    others = pages.besides(mappings, heaps)
    addresses = [heap.address for heap in heaps]
    found = threads.find(others, seen, space, addresses)
    return threads.isolates(found, main, addresses)
