"""The memory map of a process: who recognises what, in which order, and that it adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nodemem.errors import InternalError
from nodemem.memory import backing_stores, buffer_lists, buffers, pages
from nodemem.memory import spaces as space_names
from nodemem.memory.buffers import ArrayBuffer
from nodemem.memory.metadata import Metadata
from nodemem.memory.pages import Heap
from nodemem.memory.segments import (
    binaries,
    findings,
    limits,
    loose,
    native,
    threads,
    unflagged,
    v8,
)
from nodemem.memory.segments.binaries import Open
from nodemem.memory.segments.ledger import Ledger, Resident
from nodemem.memory.segments.totals import outside
from nodemem.memory.segments.types import Check, Isolate, MemoryMap, Refusal, V8Space
from nodemem.records import AddressSpace, MappedMemory, Observed, ThreadName

_OBJECTS_UP_TO = 256 << 20
"""Bytes of V8's pages up to which the objects of ArrayBuffers are looked for."""


def make(
    seen: Observed,
    space: AddressSpace | None,
    symbols: Metadata | None,
    open_file: Open,
    refusals: tuple[Refusal, ...] = (),
    resident: Resident | None = None,
) -> MemoryMap:
    """Where the memory of a process is. `seen.mappings` must be there.

    `space` is its memory, None where that may not be read: then V8's spaces and the C library's
    heap are not told apart. `symbols` are those of its Node.js, None where they are unknown: then
    V8's spaces have numbers for names. `resident` tells what is present where `space` does not.
    """
    mappings = seen.mappings or []
    ledger = Ledger(mappings)
    spaces: list[V8Space] = []
    checks: list[Check] = []
    isolates: list[Isolate] = []
    unseen = _unseen(mappings, space)
    binaries.claim(ledger, seen.program, space, open_file)
    if space is None:
        threads.claim(ledger, [], {}, seen.pid)
        v8.claim_reserved(ledger, None, {})
        native.claim_unread(ledger)
        native.claim_foreign(ledger)
        native.claim_embedded(ledger, open_file)
    else:
        spaces, isolates, checks, more = _claim_memory(
            ledger, seen, _AsSeen(space, mappings), symbols, open_file
        )
        unseen += more
    categories = ledger.settle(resident if space is None else space.resident)
    rss = sum(one.rss for one in mappings)
    if sum(one.rss for one in categories) != rss:
        raise InternalError("the parts of the memory map do not add up to the whole")
    if seen.rss is not None:
        checks.insert(0, Check("vm_rss", rss, seen.rss))
    found = MemoryMap(
        rss=rss,
        categories=categories,
        outside=outside(seen, rss),
        limits=limits.of(seen),
        spaces=tuple(spaces),
        isolates=tuple(isolates),
        checks=tuple(checks),
        refusals=refusals,
        unseen=tuple(unseen),
    )
    return findings.add(found, seen)


class _AsSeen:
    """An address space whose mappings are those that were seen, so that all speak of the same."""

    def __init__(self, space: AddressSpace, mappings: Sequence[MappedMemory]) -> None:
        self._mappings = mappings
        self.read = space.read
        self.read_sparse = space.read_sparse
        self.resident = space.resident

    def mappings(self) -> Sequence[MappedMemory]:
        return self._mappings


def _claim_memory(
    ledger: Ledger,
    seen: Observed,
    space: AddressSpace,
    symbols: Metadata | None,
    open_file: Open,
) -> tuple[list[V8Space], list[Isolate], list[Check], list[str]]:
    """Claim what is told by what memory holds; V8's spaces, who runs its isolates, what was
    compared, what was not seen. What is surest comes first: V8's pages, stacks,
    then ArrayBuffers, which are within malloc's memory or V8's, then these two, then the rest."""
    heaps = pages.find(space)
    addresses = [heap.address for heap in heaps]
    others = pages.besides(ledger.mappings, heaps)
    found = threads.find(others, seen.threads, space, addresses)
    isolates = threads.isolates(found, seen.pid, addresses)
    names = space_names.names(symbols) if symbols is not None else []
    spaces = v8.claim(ledger, space, names, isolates, heaps)
    threads.claim(ledger, found, isolates, seen.pid)
    heap = native.find(ledger, space, page_size=seen.page_size)
    stores = backing_stores.find(space, heap, ledger.mappings)
    objects: list[ArrayBuffer] = []
    looked = symbols is not None and _size(heaps) <= _OBJECTS_UP_TO
    if symbols is not None and stores and looked:
        objects = buffers.find(space, symbols, heaps, stores)
    owners: Mapping[int, set[int]] = {}
    if stores and len(heaps) > 1 and not looked:
        owners = buffer_lists.owners(space, addresses, stores)
    settled = not any(pages.moved(space, one) for one in heaps)
    native.claim_buffers(
        ledger, stores, objects, owners, isolates, consistent=heap.consistent, settled=settled
    )
    v8.claim_reserved(ledger, space, {address: isolates.get(address) for address in addresses})
    checks = native.claim(ledger, heap)
    main = next((one for one in found if one.name.tid == seen.pid), None)
    loose.claim(ledger, space, main)
    unflagged.claim(ledger, space)
    native.claim_foreign(ledger)
    native.claim_embedded(ledger, open_file)
    run_by = {one.heap: one.name for one in found}
    # `main`, then `worker 1`, `worker 2`, ...
    in_order = sorted(isolates.items(), key=lambda item: (item[1] != "main", len(item[1]), item[1]))
    named = [_isolate(name, run_by.get(heap), seen) for heap, name in in_order]
    return spaces, named, checks, ["buffers"] if stores and not looked else []


def _isolate(name: str, thread: ThreadName | None, seen: Observed) -> Isolate:
    if thread is None or thread.tid == seen.pid:
        return Isolate(name, None if thread is None else thread.tid)
    return Isolate(name, thread.tid, threads.own_name(thread, seen.threads))


def _size(heaps: Sequence[Heap]) -> int:
    return sum(page.size for heap in heaps for page in heap.pages)


def _unseen(mappings: Sequence[MappedMemory], space: AddressSpace | None) -> list[str]:
    found = ["spaces", "malloc"] if space is None else []
    if any(one.pss is None for one in mappings):
        found.append("pss")
    if any(one.flags is None for one in mappings):
        found.append("flags")
    return found
