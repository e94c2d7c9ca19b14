"""V8's pages in an address space: found by their headers, no symbols needed.

V8 takes memory in pieces that start at multiples of 256 KiB. Each has a header, in the piece itself
or, since V8 13, in memory that the piece points to. There are three layouts; all are tried on each
candidate, and what a header says must agree with itself and with the space that it names as its
owner. That rejects chance hits and tells the layouts apart.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from nodemem.memory import page_order
from nodemem.memory.page_order import Links
from nodemem.records import AddressSpace, Mapping

M = TypeVar("M", bound=Mapping)

ALIGNMENT = 1 << 18
"""Bytes from one possible start of a page to the next, and the size of an ordinary page."""

_UNIT = 4096
_LARGEST = 1 << 36  # bytes of one page, far above what V8 allows an array
_HIGHEST = 1 << 47  # end of the user's addresses
_MOST_CANDIDATES = 1 << 20
_HEADER = 384  # bytes that are read of a header
_FROM_SPACE, _TO_SPACE = 1 << 3, 1 << 4  # flags, the same in all releases
_SURVIVORS = 1 << 18  # a flag that Node.js 18 sets on pages of survivors once it has collected
_BELOW_HEAP = 0x14000  # how far the isolate's own data may begin before the heap's
_SPACE_SIZE = 0x280
_HALF_SIZE = 0x140  # how far apart the two halves of the new generation may be described


@dataclass(frozen=True, eq=False, slots=True)
class Page:
    """One page: `size` bytes from `base`, objects from `start` to `end`. `heap` and `owner` are
    addresses of V8's heap (one an isolate) and space. `space_id` is V8's number of the space,
    `header` where its header is."""

    base: int
    size: int
    start: int
    end: int
    flags: int
    heap: int
    owner: int
    space_id: int
    header: int

    @property
    def young(self) -> bool:
        """Whether it is where the new generation's objects are."""
        return bool(self.flags & _TO_SPACE)


@dataclass(frozen=True)
class Heap:
    """The pages of one isolate that hold objects, and where objects are being put.

    `pages` are those in use, by space and in the order in which their space got them; `spare` those
    mapped but empty: the other half of the new generation, and what V8 keeps for later (`pooled`,
    which no space counts any more). `unused` are ranges [start, end) on pages in use that hold no
    objects yet: where the next ones will be put. `moving` says that V8 was in the middle of a
    collection when the pages were looked at, or has more of them than were found, as after one that
    has just ended.
    """

    address: int
    pages: list[Page]
    spare: list[Page]
    unused: list[tuple[int, int]]
    pooled: list[Page] = field(default_factory=list)
    moving: bool = False


def find(space: AddressSpace) -> list[Heap]:
    """The heaps in an address space, by ascending address."""
    by_heap: dict[int, dict[Page, bytes]] = defaultdict(dict)
    for page, header in _pages(space):
        by_heap[page.heap][page] = header
    return [_heap(space, address, pages) for address, pages in sorted(by_heap.items())]


def besides(mappings: Iterable[M], heaps: Iterable[Heap]) -> list[M]:
    """Those mappings that do not begin with a page of V8's."""
    bases = {page.base for heap in heaps for page in (*heap.pages, *heap.spare)}
    return [one for one in mappings if one.start not in bases]


def committed(space: AddressSpace, owner: int) -> int | None:
    """How many bytes of pages a space says it has; None where it cannot be read."""
    told = space.read(owner + 24, 8)
    return int.from_bytes(told, "little") if told else None


def moved(space: AddressSpace, heap: Heap) -> bool:
    """Whether V8 moved objects since `heap` was found, or was doing so then, as far as its pages
    tell."""
    pages = (*heap.pages, *heap.spare)
    return (
        heap.moving
        or any(exchanged(space, page) for page in pages)
        or _is_collecting(space, pages, heap.pooled)
    )


def exchanged(space: AddressSpace, page: Page) -> bool:
    """Whether a collection of the new generation began since a page of it was found: the first that
    it does is to exchange the roles of the two halves."""
    halves = _FROM_SPACE | _TO_SPACE
    if not page.flags & halves:
        return False
    head = space.read(page.base, 16)
    # The flags are the first or the second word.
    return head is None or page.flags & halves not in {
        word & halves for word in struct.unpack("<2Q", head) if word >> 32 == 0
    }


def _is_collecting(space: AddressSpace, pages: Collection[Page], pooled: Iterable[Page]) -> bool:
    """Whether a collection is under way: then there are objects in the half that is to be emptied.
    The last it does is to put a filler over each page of that, which is a free object with its
    length in the second word; Node.js 18 does not, but sets a flag in the other half."""
    if any(page.young and page.flags & _SURVIVORS for page in pages):
        return False
    emptied = {page for page in pages if page.flags & _FROM_SPACE} - set(pooled)
    return any(not _is_empty(space, page) for page in emptied)


def _is_empty(space: AddressSpace, page: Page) -> bool:
    first = struct.unpack("<2Q", space.read(page.start, 16) or bytes(16))
    size = page.end - page.start  # in words since V8 13
    return first == (0, 0) or first[1] in (size << 32, size // 8 << 32)


def read_only(space: AddressSpace) -> list[Page]:
    """The pages of V8's constants, which all isolates share; they have no heap and no owner."""
    found = []
    for one in space.mappings():
        if one.access == "r--p" and _anonymous(one) and one.start % ALIGNMENT == 0:
            head = space.read(one.start, _HEADER)
            w = struct.unpack_from("<12Q", head) if head else (0,) * 12
            # The three layouts of `_page`, as far as they are used here.
            areas = [(w[3], w[4]), (w[4], w[5])]
            rest = space.read(w[1], 96) if 0 < w[1] < _HIGHEST else None
            if rest:
                m = struct.unpack("<12Q", rest)
                areas.append((m[9], m[7]))
            for start, end in areas:
                inside = one.start < start < end <= one.start + ALIGNMENT
                if inside and (start | end) % 8 == 0:
                    found.append(
                        Page(one.start, end - one.start, start, end, 0, 0, 0, 0, one.start)
                    )
                    break
    return found


def _anonymous(mapping: Mapping) -> bool:
    return not mapping.file or mapping.file.startswith("[anon:")


def _pages(space: AddressSpace) -> Iterator[tuple[Page, bytes]]:
    """The pages, each with the bytes of its header."""
    owners: dict[int, tuple[int, int] | None] = {}
    covered = 0
    for base, limit in _candidates(space.mappings()):
        head = space.read(base, _HEADER) if base >= covered else None
        found = None if head is None else _page(space, base, head, owners)
        if found is not None and base + found[0].size <= limit:
            covered = base + found[0].size
            yield found


def _candidates(mappings: Sequence[Mapping]) -> Iterator[tuple[int, int]]:
    """Where a page may start, and where what is mapped from there on without a gap ends."""
    limits: list[int] = []
    start_of_next = 0
    for mapping in reversed(mappings):
        follows = limits and mapping.end == start_of_next
        limits.append(limits[-1] if follows else mapping.end)
        start_of_next = mapping.start
    left = _MOST_CANDIDATES
    for mapping, limit in zip(mappings, reversed(limits), strict=True):
        if mapping.access[:2] == "rw" and mapping.access[3:] == "p" and _anonymous(mapping):
            first = -(-mapping.start // ALIGNMENT) * ALIGNMENT
            for base in range(first, mapping.end, ALIGNMENT):
                yield base, limit
                left -= 1
                if not left:
                    return


def _page(
    space: AddressSpace, base: int, head: bytes, owners: dict[int, tuple[int, int] | None]
) -> tuple[Page, bytes] | None:
    w = struct.unpack_from("<12Q", head)
    if w[1] == base:
        # Node.js 22: flags, own address, size, heap, start, end, allocated, wasted, high-water
        # mark, owner.
        found = _checked(space, base, owners, base, w[2], w[0], w[3], w[4], w[5], w[8], w[9])
    else:
        # Node.js 18 and 20: size, flags, heap, start, end, ...
        found = _checked(space, base, owners, base, w[0], w[1], w[2], w[3], w[4], w[7], w[8])
    if found is None and 0 < w[1] < _HIGHEST:
        # Node.js 24 and 26: flags and where the rest is, in memory from malloc.
        head = space.read(w[1], _HEADER) or space.read(w[1], 96) or bytes(96)
        m = struct.unpack_from("<12Q", head)
        if m[1] == base:
            found = _checked(space, base, owners, w[1], m[2], w[0], m[8], m[9], m[7], m[5], m[10])
    return None if found is None else (found, head)


def _checked(
    space: AddressSpace,
    base: int,
    owners: dict[int, tuple[int, int] | None],
    header: int,
    size: int,
    flags: int,
    heap: int,
    start: int,
    end: int,
    mark: int,
    owner: int,
) -> Page | None:
    sound = (
        0 < size <= _LARGEST
        and size % _UNIT == 0
        and base < start < end <= base + size <= _HIGHEST
        and start % 8 == 0
        and end % 8 == 0
        and mark <= size
        and 0 < heap < _HIGHEST
        and 0 < owner < _HIGHEST
        and (heap | owner) % 8 == 0
    )
    if not sound:
        return None
    if owner not in owners:
        # A space: its virtual functions, its heap, its number, ...
        head = space.read(owner, 24)
        owners[owner] = None if head is None else struct.unpack("<8xQB7x", head)
    known = owners[owner]
    if known is None or known[0] != heap:
        return None
    return Page(base, size, start, end, flags, heap, owner, known[1], header)


def _heap(space: AddressSpace, address: int, headers: dict[Page, bytes]) -> Heap:
    links = page_order.links({page.header: data for page, data in headers.items()})
    by_owner: dict[int, dict[int, Page]] = defaultdict(dict)
    for page in headers:
        by_owner[page.owner][page.header] = page
    spare: set[Page] = set()
    pooled: set[Page] = set()
    order: list[Page] = []
    for owner, own in by_owner.items():
        in_order = [own[header] for header in page_order.follow(own, links)]
        spare.update(page for page in in_order if page.flags & _FROM_SPACE)
        pooled.update(_pooled(space, owner, in_order, links))
        spare |= pooled
        order += [page for page in in_order if page not in spare]
    areas = _allocation_areas(space, address, {page.base: page for page in order})
    unused = [(top, limit) for _, top, limit, _ in areas]
    for _, top, _, current in areas:
        if current.young:
            # The pages that come after it are still to be filled, and so is the rest of it.
            unused.append((top, current.end))
            own_order = [page for page in order if page.owner == current.owner]
            spare.update(own_order[own_order.index(current) + 1 :])
    return Heap(
        address=address,
        pages=[page for page in order if page not in spare],
        spare=[page for page in headers if page in spare],
        unused=_merged(unused),
        pooled=[page for page in headers if page in pooled],
        moving=_is_collecting(space, headers, pooled) or _has_more(space, by_owner),
    )


def _has_more(space: AddressSpace, by_owner: dict[int, dict[int, Page]]) -> bool:
    """Whether a space says that it has more than its pages that were found; of a half of the new
    generation it may be all of them."""
    told = {owner: sum(page.size for page in own.values()) for owner, own in by_owner.items()}
    for owner, own in by_owner.items():
        if any(page.flags & _FROM_SPACE for page in own.values()):
            told.setdefault(_other_half(space, owner) or owner, 0)
    return any((committed(space, owner) or 0) > size for owner, size in told.items())


def _other_half(space: AddressSpace, owner: int) -> int | None:
    """The half that is in use, by the one that is not: it lies just before that and begins alike,
    with the virtual functions that no other space has, and the heap."""
    words = _words(space, owner - _HALF_SIZE, owner + 16)
    for i in range(len(words) - 4, -1, -1):
        if words[i : i + 2] == words[-2:]:
            return owner - _HALF_SIZE + 8 * i
    return None


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _pooled(space: AddressSpace, owner: int, pages: list[Page], links: Links) -> set[Page]:
    """Pages that V8 has freed but keeps, with headers as they were.

    They are in no list. A space of one page has no links either, so that is only taken for it
    where the space knows of fewer bytes than its pages have.
    """
    told = committed(space, owner)
    if not told or sum(page.size for page in pages) <= told:
        return set()
    followers = set(links.values())
    linked = {page for page in pages if page.header in links or page.header in followers}
    if not linked:
        return set()
    return set(pages) - linked


def _allocation_areas(
    space: AddressSpace, heap: int, used: dict[int, Page]
) -> list[tuple[int, int, int, Page]]:
    """Where V8 is about to put objects, as (start, top, limit, page): they fill [start, top).

    Compiled code reaches two of them through the isolate, which lies just below its heap; others
    are in the spaces. They are found by what they are: three ascending addresses on one page.
    """
    found = {}
    ranges = [(heap - _BELOW_HEAP, heap + _SPACE_SIZE)]
    ranges += [(owner, owner + _SPACE_SIZE) for owner in {page.owner for page in used.values()}]
    for low, high in ranges:
        words = _words(space, max(0, low), high)
        for i in range(len(words) - 2):
            page = used.get(words[i] & -ALIGNMENT)
            if page is not None:
                start, top, limit = words[i : i + 3]
                in_order = page.start <= start <= top <= limit <= page.end
                if in_order and (start | top | limit) % 8 == 0 and start < limit:
                    found[start] = (start, top, limit, page)
    return [found[start] for start in sorted(found)]


def _words(space: AddressSpace, low: int, high: int) -> tuple[int, ...]:
    """The words from `low` to `high`; zeros where they are not in memory."""
    parts = []
    while low < high:
        end = min(high, (low // _UNIT + 1) * _UNIT)
        parts.append(space.read(low, end - low) or bytes(end - low))
        low = end
    data = b"".join(parts)
    return struct.unpack(f"<{len(data) // 8}Q", data)
