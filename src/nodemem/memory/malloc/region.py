"""The chunks of one piece of an arena's memory, read in blocks and followed by a kernel."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from nodemem import kernels
from nodemem.memory.malloc import caches
from nodemem.records import AddressSpace

_CHUNKS = kernels.load("chunks")

_UNIT = 4096
_FIRST_BLOCK, _BLOCK = 1 << 16, 1 << 20
_MOST_FOUND = 256
_MOST_LIKELY = 1 << 12
_PIECE = 1 << 12
_MOST_BEHIND = 48  # bytes behind the last chunk of a piece that is not continued


@dataclass
class Region:
    """Chunks from `start` on. `end` is where the piece of memory ends, `top` the bytes of the chunk
    at its end from which new ones are taken, 0 if it has none. `whole` says whether the chunks led
    from the start to the end without a gap; what follows are sums over those that did, in bytes.

    `free_pages` are whole pages within free chunks, [start, end) in turn, `top_pages` those within
    the chunk at the end; `caches` the chunks in use of the size that the caches of threads have;
    `likely` are those that look as if they told of other memory, see the kernel;
    `starts` has a bit for each 16 bytes, set where a chunk begins, `used` where one in use does.
    """

    start: int
    end: int
    in_use: int = 0
    free: int = 0
    top: int = 0
    chunks: int = 0
    whole: bool = False
    free_pages: array[int] = field(default_factory=lambda: array("Q"))
    caches: list[int] = field(default_factory=list)
    likely: array[int] = field(default_factory=lambda: array("Q"), repr=False)
    top_pages: tuple[int, int] = (0, 0)
    starts: bytearray = field(default_factory=bytearray, repr=False)
    used: bytearray = field(default_factory=bytearray, repr=False)

    def room(self, address: int) -> int | None:
        """How many bytes there are from `address` on, where a chunk in use has its memory; None if
        none has it there."""
        place = address - 16 - self.start
        at = place >> 7
        if place % 16 or not 0 <= at < len(self.used):
            return None
        bit = place >> 4 & 7
        if not self.used[at] >> bit & 1:
            return None
        # Up to the next chunk, and the first word of that.
        rest = self.starts[at] >> bit + 1
        if rest:
            return 16 * (1 + _lowest(rest)) - 8
        there = at + 1
        while there < len(self.starts):
            piece = self.starts[there : there + _PIECE]
            empty = len(piece) - len(piece.lstrip(b"\0"))
            there += empty
            if empty < len(piece):
                return 16 * (8 * (there - at) + _lowest(self.starts[there]) - bit) - 8
        return None


class Walker:
    """Follows chunks in one address space; `page` is what the kernel counts memory in, bytes."""

    def __init__(self, space: AddressSpace, page: int) -> None:
        self.space = space
        self._page = page
        self._ranges = memoryview(array("Q", bytes(8 * 2 * (_BLOCK // page + 2))))
        self._found = memoryview(array("Q", bytes(8 * _MOST_FOUND)))
        self._likely = memoryview(array("Q", bytes(8 * _MOST_LIKELY)))
        self._state = memoryview(array("Q", bytes(8 * _CHUNKS.STATE)))

    def walk(self, start: int, limit: int, top: int, *, open_end: bool = False) -> Region:
        """Follow the chunks from `start`; they end with the chunk `top`, or before `limit`.

        With an open end, the region may end before `limit`, at a multiple of 4 KiB.
        """
        region, state = Region(start, limit), self._state
        state[:] = array("Q", [start, *([0] * (_CHUNKS.STATE - 1))])
        outcome, size = _CHUNKS.MORE, _FIRST_BLOCK
        while outcome == _CHUNKS.MORE:
            at = state[0]
            # The header of the next chunk must be in the block.
            if at + 16 > limit:
                break
            data = self.space.read_sparse(at, min(size, limit - at) // 8 * 8)
            if data is None:
                break
            size = min(2 * size, _BLOCK)
            # A bit for each 16 bytes up to the end of the block.
            more = bytes((at + len(data) - start) // 128 + 1 - len(region.used))
            region.starts.extend(more)
            region.used.extend(more)
            with memoryview(region.starts) as starts, memoryview(region.used) as used:
                outcome = _CHUNKS.walk(
                    memoryview(data).cast("Q"), at, limit, top, self._page, caches.SIZE, start,
                    starts, used, self._ranges, self._found, self._likely, state,
                )  # fmt: skip
            region.free_pages.extend(self._ranges[: state[2]])
            region.likely.extend(self._likely[: state[7]])
            state[2] = state[7] = 0
        region.in_use, region.free, region.chunks = state[3:6]
        region.caches = self._found[: state[6]].tolist()
        at = state[0]
        if outcome == _CHUNKS.LAST:
            region.top = _word(self.space, at + 8) & ~7
            region.end = at + region.top
            region.whole = region.top >= _CHUNKS.LEAST and (open_end or region.end == limit)
            # malloc keeps its header and what it must have at least.
            first = -(-(at + _CHUNKS.LEAST + 1) // self._page) * self._page
            region.top_pages = first, max(first, region.end // self._page * self._page)
        elif outcome == _CHUNKS.SMALL:
            behind, region.end = _behind(self.space, at, limit, open_end=open_end)
            region.whole = behind > 0
        return region


def _behind(space: AddressSpace, at: int, limit: int, *, open_end: bool) -> tuple[int, int]:
    """The bytes from a small chunk at `at` to the end of its region, 0 if it does not end with it;
    and where it ends. There are one or two, which are in use as far as their bits tell."""
    end = at
    while end - at < _MOST_BEHIND and end + 16 <= limit:
        head = _word(space, end + 8)
        if head not in (1, 16 | 1, 16 | 5, 16, 16 | 4):
            break
        end += 16
        if end == limit or (open_end and end % _UNIT == 0):
            return end - at, end
    return 0, limit


def _word(space: AddressSpace, address: int) -> int:
    data = space.read(address, 8)
    return int.from_bytes(data, "little") if data else 0


def _lowest(byte: int) -> int:
    """The place of the lowest bit that is set."""
    return (byte & -byte).bit_length() - 1
