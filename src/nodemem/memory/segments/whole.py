"""The memory map of a process: who recognises what, in which order, and that it adds up."""

from __future__ import annotations

from collections.abc import Sequence

from nodemem.errors import InternalError
from nodemem.memory import pages
from nodemem.memory.segments import binaries, limits, loose, native, threads, v8
from nodemem.memory.segments.binaries import Open
from nodemem.memory.segments.ledger import Ledger
from nodemem.memory.segments.threads import Thread
from nodemem.memory.segments.totals import outside
from nodemem.memory.segments.types import Check, MemoryMap, Refusal, V8Space
from nodemem.records import AddressSpace, MappedMemory, Observed


def make(
    seen: Observed,
    space: AddressSpace | None,
    names: Sequence[str],
    open_file: Open,
    refusals: tuple[Refusal, ...] = (),
) -> MemoryMap:
    """Where the memory of a process is. `seen.mappings` must be there.

    `space` is its memory, None where that may not be read: then V8's spaces and the C library's
    heap are not told apart. `names` are V8's spaces by number.
    """
    mappings = seen.mappings or []
    ledger = Ledger(mappings)
    spaces: list[V8Space] = []
    addresses: list[int] = []
    found: list[Thread] = []
    isolates: dict[int, str] = {}
    checks: list[Check] = []
    binaries.claim(ledger, seen.program, space, open_file)
    if space is not None:
        heaps = pages.find(space)
        addresses = [heap.address for heap in heaps]
        others = pages.besides(mappings, heaps)
        found = threads.find(others, seen.threads, space, addresses)
        isolates = threads.isolates(found, seen.pid, addresses)
        spaces = v8.claim(ledger, space, names, isolates, heaps)
    threads.claim(ledger, found, isolates, seen.pid)
    v8.claim_reserved(ledger, space, {address: isolates.get(address) for address in addresses})
    if space is not None:
        checks += native.claim(ledger, native.find(ledger, space, page_size=seen.page_size))
        main = next((one for one in found if one.name.tid == seen.pid), None)
        loose.claim(ledger, space, main)
        native.claim_foreign(ledger)
    categories = ledger.settle(None if space is None else space.resident)
    rss = sum(one.rss for one in mappings)
    if sum(one.rss for one in categories) != rss:
        raise InternalError("the parts of the memory map do not add up to the whole")
    if seen.rss is not None:
        checks.insert(0, Check("vm_rss", rss, seen.rss))
    return MemoryMap(
        rss=rss,
        categories=categories,
        outside=outside(seen, rss),
        limits=limits.of(seen),
        spaces=tuple(spaces),
        checks=tuple(checks),
        refusals=refusals,
        unseen=_unseen(mappings, space),
    )


def _unseen(mappings: Sequence[MappedMemory], space: AddressSpace | None) -> tuple[str, ...]:
    found = ["spaces", "malloc"] if space is None else []
    if any(one.pss is None for one in mappings):
        found.append("pss")
    if any(one.flags is None for one in mappings):
        found.append("flags")
    return tuple(found)
