"""Where glibc keeps the data of its arenas (`malloc_state`), found by what they look like.

In all of them the heads of 127 lists of free chunks follow each other, each two addresses: its own,
less 16, where the list is empty, as most are. The arenas are linked in a ring. That of the main
arena lies in libc's data; the others each in memory of theirs, behind a `heap_info`, at multiples
of 64 MiB. Sizes of fields before and after the lists are those of 64-bit glibc 2.23 to 2.43 (tried
on 2.31, 2.36, 2.41 and 2.43).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nodemem.records import AddressSpace, Mapping

HEAP_ALIGNMENT = 64 << 20
"""Bytes between the possible places of an arena's pieces of memory, and the most one can have."""

HIGHEST = 1 << 47
"""The end of the user's addresses."""

_LISTS = 127
_FEWEST_EMPTY = 8
# Bytes to where the lists begin -> words from where to where are the lists for small sizes: in
# glibc 2.27 to 2.42; in 2.43, which has none of them; in 2.23 to 2.26.
_LIST_OFFSETS = {0x70: (2, 12), 0x18: (2, 2), 0x68: (1, 11)}
_AFTER = 2 * _LISTS + 2  # words from the first list to the link to the next arena
_WORDS = _AFTER + 5
_HEAP_HEADS = (0x30, 0x20)  # size of heap_info: glibc 2.35 and later; earlier
_MOST_ARENAS = 4096
_MOST_DATA = 4 << 20  # bytes of one library's data that are looked through
_MOST_MAPPED = 65536  # chunks with a mapping of their own; programs hardly ever change it
_LOW = 0xFFFFFFFF
_UNIT = 4096


@dataclass(frozen=True)
class State:
    """What an arena says of itself: the address of its data, the chunk at the end of its memory
    (`top`), bytes it has from the kernel, and the next arena. `fast` are the first chunks of the
    lists for small sizes; `data` all its bytes, to see whether it has changed."""

    address: int
    list_offset: int
    top: int
    fast: tuple[int, ...]
    next: int
    system_mem: int
    data: bytes

    @property
    def size(self) -> int:
        """Bytes of the data."""
        return len(self.data)


@dataclass(frozen=True)
class Parameters:
    """What malloc counts of chunks with a mapping of their own, and where the main arena's memory
    begins (0: it has none)."""

    mapped_count: int
    mapped_bytes: int
    start: int


def read(space: AddressSpace, address: int, list_offset: int) -> State | None:
    """The arena whose data are at `address`; None if they cannot be an arena's."""
    size = list_offset + 8 * _WORDS
    if address % 8 or not 0 < address < HIGHEST - size:
        return None
    data = space.read(address, size)
    if data is None:
        return None
    words = memoryview(data).cast("Q")
    first = list_offset // 8
    if not _are_lists(words, first, address + list_offset):
        return None
    after = words[first + _AFTER : first + _WORDS]
    top, system_mem = words[first - 2], after[3]
    if not (top < HIGHEST and after[0] < HIGHEST and system_mem <= after[4] < HIGHEST):
        return None
    begin, end = _LIST_OFFSETS[list_offset]
    fast = tuple(words[begin:end])
    return State(address, list_offset, top, fast, after[0], system_mem, data)


def ring(space: AddressSpace, mappings: Sequence[Mapping]) -> list[State]:
    """All arenas, the main one first if it was found."""
    found = _main(space, mappings) or _threads(space, mappings)
    return sorted(found, key=lambda state: (is_threads(state), state.address))


def is_threads(state: State) -> bool:
    """Whether an arena is not the main one: its data are at the begin of its own memory."""
    return state.address % HEAP_ALIGNMENT in _HEAP_HEADS


def parameters(space: AddressSpace, mappings: Sequence[Mapping], main: State) -> Parameters | None:
    """What lies near the main arena's data; None if it is not found, as where a program has
    changed how many chunks may be mapped."""
    for start, words in _data(space, mappings):
        if not start <= main.address < start + 8 * len(words):
            continue
        for i in range(len(words) - 5):
            # size_t ..., arena_max; int hp_flags (glibc 2.35 and later), n_mmaps,
            # n_mmaps_max (65536), max_n_mmaps, no_dyn_threshold (0 or 1);
            # size_t mmapped_mem, max_mmapped_mem; char *sbrk_base
            if words[i + 1] & _LOW == _MOST_MAPPED and words[i + 2] <= 1:
                counts = words[i] >> 32, words[i + 1] >> 32
                found = _parameters(*counts, *words[i + 3 : i + 6])
            elif words[i] >> 32 == _MOST_MAPPED and words[i + 1] >> 33 == 0:
                counts = words[i] & _LOW, words[i + 1] & _LOW
                found = _parameters(*counts, *words[i + 2 : i + 5])
            else:
                continue
            if found is not None:
                return found
    return None


def _parameters(count: int, most: int, size: int, greatest: int, start: int) -> Parameters | None:
    sound = (
        count <= most
        and size <= greatest
        and (size | greatest) % _UNIT == 0
        and (count == 0) == (size == 0)
        and start % 16 == 0
        and start < HIGHEST
    )
    return Parameters(count, size, start) if sound else None


def heaps(space: AddressSpace, state: State) -> list[tuple[int, int]] | None:
    """The pieces of memory of an arena that is not the main one, as (where its chunks begin, end),
    the newest first; None where they do not fit together."""
    found: list[tuple[int, int]] = []
    first = state.address - state.address % HEAP_ALIGNMENT
    head = state.address - first
    at = state.top - state.top % HEAP_ALIGNMENT
    while True:
        piece = _heap_info(space, at, state.address)
        if piece is None or len(found) >= HIGHEST // HEAP_ALIGNMENT:
            return None
        before, size = piece
        begin = at + head
        if at == first:
            # So that what is given out, 16 bytes into a chunk, is aligned.
            begin = -(-(state.address + state.size) // 16) * 16
        found.append((begin, at + size))
        if at == first:
            return found
        if any(start - start % HEAP_ALIGNMENT == before for start, _ in found):
            return None
        at = before


def _heap_info(space: AddressSpace, at: int, arena: int) -> tuple[int, int] | None:
    """The piece of memory before, and the size, of one of an arena's."""
    if not 0 < at < HIGHEST or at % HEAP_ALIGNMENT:
        return None
    data = space.read(at, 32)
    if data is None:
        return None
    owner, before, size, accessible = struct.unpack("<4Q", data)
    sound = owner == arena and size <= accessible <= HEAP_ALIGNMENT and size % _UNIT == 0
    return (before, size) if sound and before < HIGHEST else None


def _main(space: AddressSpace, mappings: Sequence[Mapping]) -> list[State]:
    """The ring of the arena in libc's data, if it leads back to it."""
    for start, words in _data(space, mappings):
        for i in range(min(_LIST_OFFSETS) // 8, len(words) - _WORDS + 1):
            link = words[i + _AFTER]
            lists = start + 8 * i
            linked = lists - link in _LIST_OFFSETS or link % HEAP_ALIGNMENT in _HEAP_HEADS
            if linked and 0 < link < HIGHEST and _are_lists(words, i, lists):
                for offset in _LIST_OFFSETS:
                    found = _follow(space, lists - offset, offset)
                    if found and found[-1].next == found[0].address:
                        return found
    return []


def _threads(space: AddressSpace, mappings: Sequence[Mapping]) -> list[State]:
    """The ring, or a part of it, of any arena that has memory at a multiple of 64 MiB."""
    for one in mappings:
        if one.file or one.access[:2] != "rw":
            continue
        first = -(-one.start // HEAP_ALIGNMENT) * HEAP_ALIGNMENT
        last = min(one.end, first + _MOST_ARENAS * HEAP_ALIGNMENT)
        for at in range(first, last, HEAP_ALIGNMENT):
            data = space.read(at, 8)
            address = int.from_bytes(data, "little") if data else 0
            if address - address % HEAP_ALIGNMENT == at and address % HEAP_ALIGNMENT in _HEAP_HEADS:
                for offset in _LIST_OFFSETS:
                    found = _follow(space, address, offset)
                    if found:
                        return found
    return []


def _follow(space: AddressSpace, address: int, list_offset: int) -> list[State]:
    """The arenas that follow one in the ring, itself the first, as far as they can be read."""
    found: dict[int, State] = {}
    while address not in found and len(found) < _MOST_ARENAS:
        state = read(space, address, list_offset)
        if state is None:
            break
        found[address] = state
        address = state.next
    return list(found.values())


def _data(space: AddressSpace, mappings: Sequence[Mapping]) -> Iterator[tuple[int, memoryview]]:
    """Where the data of libraries and the program are in memory, libc's first."""
    candidates = [
        one
        for one in mappings
        if one.access[:2] == "rw" and one.access[3:] == "p" and one.file.startswith("/")
    ]
    candidates.sort(key=lambda one: not one.file.rpartition("/")[2].startswith(("libc.", "libc-")))
    for one in candidates:
        data = space.read_sparse(one.start, min(one.end - one.start, _MOST_DATA) // 8 * 8)
        if data is not None:
            yield one.start, memoryview(data).cast("Q")


def _are_lists(words: memoryview, first: int, address: int) -> bool:
    """Whether from word `first`, which is at `address`, heads of lists follow each other."""
    if first + 2 * _LISTS > len(words):
        return False
    empty = 0
    for i in range(_LISTS):
        own = address + 16 * i - 16
        head, tail = words[first + 2 * i], words[first + 2 * i + 1]
        if head == own and tail == own:
            empty += 1
        elif head == own or tail == own or (head | tail) % 16 or not (head and tail):
            return False
    return empty >= _FEWEST_EMPTY
