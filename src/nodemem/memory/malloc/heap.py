"""All memory that glibc's malloc manages: arenas, what is free in them, and big chunks.

What is read is checked against what glibc counts. An arena is *consistent* if the chunks of all its
memory led from its begin to its end without a gap, if what they add up to is `system_mem`, and if
its data, its lists of free chunks among them, were the same after as before. Otherwise it is tried
again, and if that does not help its figures are an estimate: those of several moments.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nodemem.memory.malloc import caches, states
from nodemem.memory.malloc.mapped import Search
from nodemem.memory.malloc.region import Region, Walker
from nodemem.memory.malloc.states import HEAP_ALIGNMENT, Parameters, State
from nodemem.records import AddressSpace, Mapping

_TRIES = 3
_HEAP = "[heap]"  # what the kernel calls the memory that begins where the program's data end
_RESUMED = 40  # times within one piece of memory
_HEAD, _PAGE = 16, 4096  # bytes of a chunk's head and, at least, of a page
_SLACK = 64  # bytes that may be given out in excess
_PATIENCE = 1.0  # seconds after which nothing is tried again

Range = tuple[int, int]


@dataclass(frozen=True)
class Arena:
    """One arena: the address of its data, whether it is the main one, `system_mem`, the bytes it
    has from the kernel, and `ranges`, where they are.

    `in_use` are the bytes of chunks in use, with malloc's own data at the begin and end of a range;
    `free` those of free chunks, `top` those of the chunk at the end of its memory, from which it
    takes when none of the free ones fits. They add up to `system_mem` if `consistent`. `fast` are
    bytes in lists of small chunks, which count as in use; None if there are too many to follow.
    """

    address: int
    main: bool
    system_mem: int
    ranges: list[Range]
    in_use: int
    free: int
    top: int
    fast: int | None
    consistent: bool
    regions: list[Region] = field(repr=False)

    def free_pages(self) -> Iterator[Range]:
        """The whole pages within free chunks, as [start, end)."""
        for one in self.regions:
            pages = one.free_pages
            yield from zip(pages[::2], pages[1::2], strict=True)

    def top_pages(self) -> Range:
        """The whole pages of the top chunk but what malloc keeps of it, as [start, end)."""
        found = (one.top_pages for one in self.regions if one.top)
        return next(found, (0, 0))


@dataclass(frozen=True)
class Malloc:
    """`arenas`, the main one first if it was found, and `mapped`, chunks with a mapping of their
    own as [start, end), by ascending address.

    `mapped_bytes` is what glibc counts of these, None if that was not found. `caches` are bytes in
    the caches of threads, at least, which count as in use; None if none was found. `known` says
    whether there is a glibc whose data could be told: if not, all else is empty and says nothing.
    """

    arenas: list[Arena] = field(default_factory=list)
    mapped: list[Range] = field(default_factory=list)
    mapped_bytes: int | None = None
    mapped_consistent: bool = False
    caches: int | None = None
    known: bool = False
    _regions: list[Region] = field(default_factory=list, repr=False)
    _starts: list[int] = field(default_factory=list, repr=False)
    _rooms: dict[int, int] = field(default_factory=dict, repr=False)

    @property
    def consistent(self) -> bool:
        """Whether all of it is."""
        return self.known and self.mapped_consistent and all(one.consistent for one in self.arenas)

    def room(self, address: int) -> int | None:
        """How many bytes were given out at `address`, as malloc rounds them up; None if it does
        not hold it."""
        if address in self._rooms:
            return self._rooms[address]
        place = bisect_right(self._starts, address) - 1
        return None if place < 0 else self._regions[place].room(address)

    def was_for(self, address: int, length: int) -> bool | None:
        """Whether what was given out at `address` was asked for as `length` bytes, as far as its
        room tells; None if malloc does not hold it."""
        room = self.room(address)
        if room is None:
            return None
        # A chunk with a mapping of its own is as long as its pages.
        slack = _PAGE if address % _PAGE == _HEAD else _SLACK
        return length <= room < length + slack

    def likely(self) -> Iterator[int]:
        """Addresses of memory in use of 72 to 88 bytes that seems to begin with an address and
        three lengths."""
        for one in self._regions:
            for chunk in one.likely:
                if one.room(chunk + 16) is not None:
                    yield chunk + 16

    def free_pages(self) -> Iterator[Range]:
        """The whole pages that are in no chunk in use, as [start, end): in free chunks, and at the
        end of arenas. Not all of them are in physical memory."""
        for arena in self.arenas:
            yield from arena.free_pages()
            start, end = arena.top_pages()
            if start < end:
                yield start, end

    def trimmable_pages(self) -> Iterator[Range]:
        """Those of them that malloc_trim(0) gives back: all but the ends of other arenas than the
        main one."""
        for arena in self.arenas:
            yield from arena.free_pages()
            if arena.main:
                yield arena.top_pages()


def find(space: AddressSpace, mappings: Sequence[Mapping], *, page_size: int = 4096) -> Malloc:
    """Follow all chunks of glibc's malloc.

    `mappings` are those of the process. Of anonymous memory without the kernel's flag `dc` (where
    flags are known) all may be malloc's; leave out what is known to be something else.
    """
    return _Finder(space, mappings, page_size).find()


class _Finder:
    def __init__(self, space: AddressSpace, mappings: Sequence[Mapping], page_size: int) -> None:
        self._space = space
        self._walker = Walker(space, page_size)
        self._mappings = mappings
        self._deadline = time.monotonic() + _PATIENCE
        self._begin = 0  # of the main arena, where glibc says it
        self._heap = [one for one in mappings if one.file == _HEAP]
        self._others: list[Range] = []  # the memory of the other arenas

    def find(self) -> Malloc:
        found = states.ring(self._space, self._mappings)
        arenas = [self._arena(state) for state in found if states.is_threads(state)]
        main = next((state for state in found if not states.is_threads(state)), None)
        if main is not None:
            parameters = self._parameters(main)
            self._begin = parameters.start if parameters else 0
            self._others = [one for arena in arenas for one in arena.ranges]
            arenas.insert(0, self._arena(main))
        taken = [one for arena in arenas for one in arena.ranges]
        consistent = False
        for _ in self._tries():
            before = self._parameters(main)
            search = self._search(taken, None)
            mapped = search.chunks
            counted = sum(end - start for start, end in mapped)
            consistent = (
                before is not None
                and before == self._parameters(main)
                and (len(mapped), counted) == (before.mapped_count, before.mapped_bytes)
            )
            if consistent:
                break
        regions = sorted(
            (one for arena in arenas for one in arena.regions), key=lambda one: one.start
        )
        return Malloc(
            arenas=arenas,
            mapped=mapped,
            mapped_bytes=before.mapped_bytes if before else None,
            mapped_consistent=consistent,
            caches=caches.threads(self._space, (at for one in regions for at in one.caches)),
            known=bool(found),
            _regions=regions,
            _starts=[one.start for one in regions],
            _rooms=search.rooms,
        )

    def _tries(self) -> Iterator[int]:
        for n in range(_TRIES):
            if n == 0 or time.monotonic() < self._deadline:
                yield n

    def _parameters(self, main: State | None) -> Parameters | None:
        return states.parameters(self._space, self._mappings, main) if main else None

    def _arena(self, state: State) -> Arena:
        regions = self._main if not states.is_threads(state) else self._thread
        found: list[Arena] = []
        for again in self._tries():
            if again and regions == self._main:
                # It may have become longer.
                self._heap = [one for one in self._space.mappings() if one.file == _HEAP]
            before = states.read(self._space, state.address, state.list_offset) or state
            found.append(self._checked(before, *regions(before)))
            if found[-1].consistent:
                return found[-1]
        # What was seen most of.
        return max(found, key=lambda one: (one.in_use + one.free + one.top) / (one.system_mem or 1))

    def _checked(self, state: State, regions: list[Region], ranges: list[Range]) -> Arena:
        """An arena of `regions`, which are all of its `ranges` but malloc's own data."""
        size = sum(end - start for start, end in ranges)
        free = sum(one.free for one in regions)
        top = sum(one.top for one in regions)
        after = states.read(self._space, state.address, state.list_offset)
        tops = [one.end - one.top for one in regions if one.top]
        whole = all(one.whole for one in regions) and tops == [state.top]
        consistent = (
            after is not None
            and after.data == state.data
            and size == state.system_mem
            and (whole or not size)
        )
        in_use = sum(one.in_use for one in regions)
        return Arena(
            address=state.address,
            main=not states.is_threads(state),
            system_mem=state.system_mem,
            ranges=ranges,
            in_use=size - free - top if consistent else in_use,
            free=free,
            top=top,
            fast=caches.fast(self._space, state),
            consistent=consistent,
            regions=regions,
        )

    def _thread(self, state: State) -> tuple[list[Region], list[Range]]:
        pieces = states.heaps(self._space, state) or []
        regions = [
            self._walker.walk(start, end, state.top, tries=_RESUMED) for start, end in pieces
        ]
        return regions, [(start - start % HEAP_ALIGNMENT, end) for start, end in pieces]

    def _main(self, state: State) -> tuple[list[Region], list[Range]]:
        regions = []
        size = 0
        for start, end in self._program_break():
            regions.append(self._walker.walk(start, end, state.top, open_end=True, tries=_RESUMED))
            size += regions[-1].end - start
        if size < state.system_mem:
            regions += self._search(self._others, state.top).pieces
        return regions, [(one.start, one.end) for one in regions]

    def _program_break(self) -> list[Range]:
        """The kernel's heap as far as it is malloc's, in one piece."""
        start = end = 0
        for one in self._heap:
            if not end or one.start == end:
                start, end = start or one.start, one.end
        if self._begin and not start <= self._begin < end:
            return []
        return [(self._begin or start, end)] if end else []

    def _search(self, taken: Sequence[Range], top: int | None) -> Search:
        """All anonymous memory but what is taken, for big chunks, and for pieces of the main arena
        where `top` is its last chunk."""
        search = Search(self._walker, top)
        search.through(_without(_anonymous(self._mappings), taken))
        return search


def _anonymous(mappings: Sequence[Mapping]) -> Iterator[Range]:
    for one in mappings:
        private = one.access[:2] == "rw" and one.access[3:] == "p"
        nameless = not one.file or one.file.startswith("[anon:")
        if private and nameless and not (one.flags and "dc" in one.flags):
            yield one.start, one.end


def _without(ranges: Iterator[Range], taken: Sequence[Range]) -> Iterator[Range]:
    """The parts of ranges that are in none of `taken`."""
    others = sorted(taken)
    for start, end in ranges:
        place = max(0, bisect_right(others, (start,)) - 1)
        at = start
        for low, high in others[place:]:
            if low >= end:
                break
            if at < low:
                yield at, low
            at = max(at, high)
        if at < end:
            yield at, end
