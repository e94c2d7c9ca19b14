"""The memory of the C library's malloc, and of other allocators as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from nodemem.memory import malloc
from nodemem.memory.backing_stores import BackingStore
from nodemem.memory.buffers import ArrayBuffer
from nodemem.memory.malloc import Malloc
from nodemem.memory.segments.binaries import Open
from nodemem.memory.segments.ledger import Ledger
from nodemem.memory.segments.types import Check, Kind
from nodemem.memory.segments.v8 import WASM
from nodemem.records import AddressSpace, MappedMemory

IN_USE = Kind("heap", "malloc_in_use")
SHARED_BUFFERS = Kind("heap", "shared_array_buffers")
_WASM_PAGE = 1 << 16

_WORTH_READING = 1 << 20  # bytes that nobody claims, before files are looked through for it

ALL = Kind("heap", "malloc")
FREE = Kind("heap", "malloc_free")


def find(ledger: Ledger, space: AddressSpace, *, page_size: int) -> Malloc:
    """glibc's malloc, looked for where nobody has claimed anything yet."""
    nobodys = {one.start for one, _, _ in ledger.unclaimed()}
    candidates = [one for one in ledger.mappings if one.inode or one.start in nobodys]
    return malloc.find(space, candidates, page_size=page_size)


def claim_buffers(
    ledger: Ledger,
    stores: Iterable[BackingStore],
    known: Iterable[ArrayBuffer],
    owners: Mapping[int, Collection[int]],
    isolates: Mapping[int, str],
    *,
    consistent: bool,
    settled: bool,
) -> None:
    """Claim the contents of ArrayBuffers. `known` are those whose objects were found; the others
    are told by how they were made. Theirs is the isolate that has them by `owners`
    (`buffer_lists.owners`), or the only one there is; several isolates have what is shared.
    `isolates` are the names of V8's heaps by address. What malloc holds is exact if it is
    `consistent`, and all of it only if V8 is `settled`: a collection moves their objects and gives
    up their contents."""
    objects = {one.address: one for one in known}
    only = next(iter(isolates.values())) if len(isolates) == 1 else None
    for store in stores:
        one = objects.get(store.address)
        if one is not None:
            isolate = None if one.heap is None else isolates.get(one.heap)
            kind = WASM if one.kind == "wasm" else Kind("heap", "array_buffers", isolate)
            if one.shared and one.kind != "wasm":
                kind = SHARED_BUFFERS
        elif store.mapped and store.length % _WASM_PAGE == 0:
            kind = WASM
        else:
            heaps = owners.get(store.address, ())
            isolate = isolates.get(*heaps) if len(heaps) == 1 else only
            kind = Kind("heap", "array_buffers", isolate) if len(heaps) < 2 else SHARED_BUFFERS
        ledger.claim(
            store.address,
            store.address + store.length,
            kind,
            exact=settled and (consistent or store.mapped),
        )


def claim(ledger: Ledger, found: Malloc) -> list[Check]:
    """Claim the memory of all arenas: whole pages that are free in them, and the rest as in use."""
    for arena in found.arenas:
        for start, end in (*arena.free_pages(), arena.top_pages()):
            ledger.claim(start, end, FREE, exact=arena.consistent)
    for arena in found.arenas:
        for start, end in arena.ranges:
            ledger.claim(start, end, IN_USE, exact=arena.consistent)
    for start, end in found.mapped:
        ledger.claim(start, end, IN_USE, exact=found.mapped_consistent)
    if not found.known:
        return []
    counted = sum(one.in_use + one.free + one.top for one in found.arenas)
    checks = [Check("malloc_arenas", counted, sum(one.system_mem for one in found.arenas))]
    if found.mapped_bytes is not None:
        mapped = sum(end - start for start, end in found.mapped)
        checks.append(Check("malloc_mapped", mapped, found.mapped_bytes))
    return checks


def claim_unread(ledger: Ledger) -> None:
    """Claim what shows to be malloc's where its memory may not be read: the program's break, and
    arenas of threads, which the kernel was asked to reserve no swap for."""
    for one in ledger.mappings:
        is_arena = "nr" in (one.flags or ()) and one.start % malloc.HEAP_ALIGNMENT == 0
        if one.file == "[heap]" or (is_arena and _is_data(one)):
            ledger.claim(one.start, one.end, ALL)


def claim_embedded(ledger: Ledger, open_file: Open) -> None:
    """Claim what is left of regions that were reserved at large, as allocators do that are linked
    into addons, if an addon has one; an estimate."""
    left = [
        (one, start, end)
        for one, start, end in ledger.unclaimed()
        if _is_data(one) and one.rss and (one.flags is None or "nr" in one.flags)
    ]
    if sum(min(end - start, one.rss) for one, start, end in left) < _WORTH_READING:
        return
    names = malloc.embedded(ledger.mappings, open_file)
    if names:
        kind = Kind("heap", f"native_allocator_{'_'.join(names)}")
        for _, start, end in left:
            ledger.claim(start, end, kind, exact=False)


def claim_foreign(ledger: Ledger) -> None:
    """Claim what is left for the allocator that the program has brought along, if it has; to be
    asked last. It is all that nobody else knows, so an estimate. With several allocators all are
    named."""
    names = malloc.allocators(ledger.mappings)
    if names:
        kind = Kind("heap", f"native_allocator_{'_'.join(names)}")
        for start, end in _loose(ledger):
            ledger.claim(start, end, kind, exact=False)


def _loose(ledger: Ledger) -> Iterator[tuple[int, int]]:
    for one, start, end in ledger.unclaimed():
        if _is_data(one):
            yield start, end


def _is_data(one: MappedMemory) -> bool:
    return one.access[:2] == "rw" and not one.inode and one.file in ("", "[heap]")
