"""V8's memory: the pages of each heap, by isolate and space, and what else V8 has reserved.

V8 marks all that it reserves so that a fork does not inherit it, and nothing else in Node.js does
that: the flag `dc` in smaps.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from nodemem.memory import pages
from nodemem.memory.pages import Heap, Page
from nodemem.memory.segments.ledger import Ledger
from nodemem.memory.segments.types import Kind, Segment, V8Space
from nodemem.records import AddressSpace, MappedMemory

READ_ONLY = Kind("data", "v8_read_only")
JIT = Kind("code", "jit_code")
TABLES = Kind("heap", "v8_tables")
WASM = Kind("heap", "wasm_memory")
CPPGC = Kind("heap", "v8_cppgc")
OTHER = Kind("heap", "v8_other")
ALL = Kind("heap", "v8_reserved")

WASM_FROM = 4 << 30  # reserved bytes: a 32-bit index reaches so far, and guards come on top
_TABLES_FROM = 16 << 20
_TABLE_SMALL = 512 << 10
_CPPGC_PAGE = 128 << 10
_UNIT = 4096
_NEAR = 1 << 16  # bytes between structures that are parts of one object


def claim(
    ledger: Ledger,
    space: AddressSpace,
    names: Sequence[str],
    isolates: Mapping[int, str | None],
    heaps: list[Heap],
) -> list[V8Space]:
    """Claim the pages of `heaps`; `names` are the spaces' by number, `isolates` who has which heap,
    by the heap's address. A space whose own account disagrees with its pages is an estimate."""
    found: list[V8Space] = []
    for page in pages.read_only(space):
        ledger.claim(page.base, page.end, READ_ONLY)
    for heap in heaps:
        isolate = isolates.get(heap.address)
        pooled = set(heap.pooled)
        by_owner: dict[int, list[Page]] = defaultdict(list)
        for page in (*heap.pages, *heap.spare):
            if page in pooled:
                ledger.claim(page.base, page.base + page.size, Kind("heap", "v8_pooled", isolate))
            else:
                by_owner[page.owner].append(page)
        by_name: dict[str, list[int]] = defaultdict(list)
        for owner in by_owner:
            number = by_owner[owner][0].space_id
            by_name[names[number] if number < len(names) else f"space_{number}"].append(owner)
        for name, owners in by_name.items():
            own = [page for owner in owners for page in by_owner[owner]]
            told = [pages.committed(space, owner) for owner in owners]
            one = V8Space(
                isolate=isolate,
                name=name,
                pages=len(own),
                size=sum(page.size for page in own),
                committed=sum(size or 0 for size in told) if None not in told else None,
            )
            found.append(one)
            kind = Kind(segment_of(name), f"v8_{name}", isolate)
            for page in own:
                ledger.claim(
                    page.base, page.base + page.size, kind, exact=one.committed == one.size
                )
    return found


def segment_of(space: str) -> Segment:
    """The segment that a space of V8's heap belongs to."""
    return "code" if space.startswith("code_") else "heap"


def claim_reserved(
    ledger: Ledger, space: AddressSpace | None, heaps: Mapping[int, str | None]
) -> None:
    """Claim what V8 has reserved besides pages, by what it was reserved as and what it holds; to
    be asked after all others who know more. `heaps` are the isolates of heaps by address. Without
    `space` pages are not told from other things."""
    if space is not None:
        for one, start, end in ledger.unclaimed():
            if _reserved(one) and one.rss and one.access == "rw-p":
                _claim_parked(ledger, space, heaps, start, end)
                claim_cppgc(ledger, space, start, end)
    nobodys = {one.start for one, _, _ in ledger.unclaimed()}
    for one, span in _spans(ledger.mappings):
        if one.start in nobodys:
            kind = _kind(one, span)
            ledger.claim(one.start, one.end, ALL if space is None and kind == OTHER else kind)


def _claim_parked(
    ledger: Ledger, space: AddressSpace, heaps: Mapping[int, str | None], start: int, end: int
) -> None:
    """Claim pages that V8 keeps for later in Node.js 26: their description has lost its space or
    its address, but still says whose they were and how long they are."""
    first = -(-start // pages.ALIGNMENT) * pages.ALIGNMENT
    for base in range(first, end, pages.ALIGNMENT):
        head = space.read(base, 16)
        rest = None if head is None else space.read(int.from_bytes(head[8:], "little"), 96)
        if rest is None:
            continue
        m = struct.unpack("<12Q", rest)
        of, size, upper, heap, lower, owner = m[1], m[6], m[7], m[8], m[9], m[10]
        sound = base < lower < upper <= base + size <= end and size % _UNIT == 0
        if sound and heap in heaps and 0 in (of, owner):
            ledger.claim(base, base + size, Kind("heap", "v8_pooled", heaps[heap]))


def claim_cppgc(ledger: Ledger, space: AddressSpace, start: int, end: int) -> None:
    """Claim pages of the collector for C++ objects: each begins with the addresses of its heap
    and of its space, two structures of which the second knows the first."""
    first = -(-start // _CPPGC_PAGE) * _CPPGC_PAGE
    for base in range(first, end, _CPPGC_PAGE):
        head = space.read(base, 16)
        if head is None:
            continue
        heap, own = struct.unpack("<QQ", head)
        rest = space.read(own, 16) if own % 8 == 0 else None
        known = int.from_bytes(rest[8:], "little") if rest else 0
        if heap and heap % 8 == 0 and abs(known - heap) <= _NEAR:
            ledger.claim(base, min(end, base + _CPPGC_PAGE), CPPGC)


def _kind(one: MappedMemory, span: int) -> Kind:
    """What a mapping is of which V8 has reserved `span` bytes from its start."""
    if "x" in one.access:
        return JIT
    if span >= WASM_FROM:
        return WASM
    if span >= _TABLES_FROM or span == _TABLE_SMALL:
        return TABLES
    if one.access[:2] == "r-":
        return READ_ONLY
    return OTHER


def wasm_reservations(mappings: Iterable[MappedMemory]) -> list[int]:
    """How many bytes of addresses V8 has reserved for each WebAssembly memory: all that a 32-bit
    index can reach, and more, so that no access has to be checked."""
    large = ((one, span) for one, span in _spans(mappings) if span >= WASM_FROM)
    return [span for one, span in large if _kind(one, span) == WASM]


def _spans(mappings: Iterable[MappedMemory]) -> Iterator[tuple[MappedMemory, int]]:
    """Each anonymous mapping of V8 that can be accessed, and how many bytes are reserved from its
    start on, up to the next that can be."""
    open_: MappedMemory | None = None
    end = 0
    for one in mappings:
        if not _reserved(one):
            continue
        if one.access[:3] == "---":
            if open_ is not None and one.start == end:
                end = one.end
            continue
        if open_ is not None:
            yield open_, end - open_.start
        open_, end = one, one.end
    if open_ is not None:
        yield open_, end - open_.start


def _reserved(one: MappedMemory) -> bool:
    """Whether V8 has reserved it. Where the flags were not read, only machine code that is in no
    file tells."""
    if one.flags is None:
        return "x" in one.access and not one.inode and not one.file
    return "dc" in one.flags and not one.inode
