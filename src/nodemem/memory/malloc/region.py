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
_NEAR = 16  # bytes of `starts` in which the end of most chunks is: 2 KiB
_MOST_AT_ONE_PLACE = 4  # tries; going back 0, 1, 3 and 7 blocks
_BEHIND = (0, 1, 4, 5, 16, 17, 20, 21)  # headers of the small chunks there
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
        rest = int.from_bytes(self.starts[at : at + _NEAR], "little") >> bit + 1
        if rest:
            return 16 * (1 + _lowest(rest)) - 8
        there = at + _NEAR
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

    def walk(
        self,
        start: int,
        limit: int,
        top: int,
        *,
        open_end: bool = False,
        tries: int = 0,
    ) -> Region:
        """Follow the chunks from `start`; they end with the chunk `top`, or before `limit`.

        With an open end, the region may end before `limit`, at a multiple of 4 KiB. Where chunks do
        not fit together, they may just have been changed: there are so many `tries` to go on from
        some before.
        """
        region, state = Region(start, limit), self._state
        state[:] = array("Q", [start, *([0] * (_CHUNKS.STATE - 1))])
        trail: list[tuple[array[int], int, int]] = []  # the state before each block
        last, size, farthest, failures = top, _FIRST_BLOCK, start, 0
        while True:
            trail.append((array("Q", state), len(region.free_pages), len(region.likely)))
            outcome = self._block(region, limit, last, size)
            if state[0] > farthest:
                farthest, failures = state[0], 0
            if outcome == _CHUNKS.MORE:
                size = min(2 * size, _BLOCK)
                continue
            ended = (outcome == _CHUNKS.LAST and self._ends_with_top(region, limit, open_end)) or (
                outcome == _CHUNKS.SMALL and self._ends_behind(region, limit, open_end)
            )
            ended = ended or (state[0] == top and self._ends_with_unwritten_top(region, limit))
            if ended or not tries or failures == _MOST_AT_ONE_PLACE:
                break
            tries -= 1
            if outcome == _CHUNKS.LAST and last:
                last = 0  # it was given out since; the one at the end is told by where it ends
                continue
            self._go_back(region, trail, (1 << failures) - 1)
            size, failures = _FIRST_BLOCK, failures + 1
        region.in_use, region.free, region.chunks = state[3:6]
        region.caches = self._found[: state[6]].tolist()
        return region

    def _block(self, region: Region, limit: int, top: int, size: int) -> int:
        """Follow the chunks of the next `size` bytes, or fewer."""
        at = self._state[0]
        # The header of the next chunk must be in the block.
        data = None
        if at + 16 <= limit:
            data = self.space.read_sparse(at, min(size, limit - at) // 8 * 8)
        if data is None:
            return int(_CHUNKS.BROKEN)
        # A bit for each 16 bytes up to the end of the block.
        more = bytes((at + len(data) - region.start) // 128 + 1 - len(region.used))
        region.starts.extend(more)
        region.used.extend(more)
        with memoryview(region.starts) as starts, memoryview(region.used) as used:
            outcome: int = _CHUNKS.walk(
                memoryview(data).cast("Q"), at, limit, top, self._page, caches.SIZE, region.start,
                starts, used, self._ranges, self._found, self._likely, self._state,
            )  # fmt: skip
        region.free_pages.extend(self._ranges[: self._state[2]])
        region.likely.extend(self._likely[: self._state[7]])
        self._state[2] = self._state[7] = 0
        return outcome

    def _ends_with_top(self, region: Region, limit: int, open_end: bool) -> bool:
        at = self._state[0]
        size = _word(self.space, at + 8) & ~7
        end = at + size
        if size < _CHUNKS.LEAST or end > limit or not (end == limit or _may_end(end, open_end)):
            return False
        self._end_with_top(region, at, end)
        return True

    def _ends_with_unwritten_top(self, region: Region, limit: int) -> bool:
        """Whether malloc has just taken a chunk from the top chunk and not yet written the header
        of what is left. Threads are often held there: its page is new, and the kernel at work."""
        at = self._state[0]
        if _word(self.space, at + 8):
            return False
        self._end_with_top(region, at, limit)
        return True

    def _end_with_top(self, region: Region, at: int, end: int) -> None:
        region.whole, region.top, region.end = True, end - at, end
        # malloc keeps its header and what it must have at least.
        first = -(-(at + _CHUNKS.LEAST + 1) // self._page) * self._page
        region.top_pages = first, max(first, end // self._page * self._page)

    def _ends_behind(self, region: Region, limit: int, open_end: bool) -> bool:
        """Whether a small chunk is one of the one or two that malloc puts behind a region."""
        at = end = self._state[0]
        while end - at < _MOST_BEHIND and end + 16 <= limit:
            if _word(self.space, end + 8) not in _BEHIND:
                return False
            end += 16
            if end == limit or _may_end(end, open_end):
                region.whole, region.end = True, end
                return True
        return False

    def _go_back(
        self, region: Region, trail: list[tuple[array[int], int, int]], blocks: int
    ) -> None:
        """To the state before some block, as if nothing had been read since."""
        place = max(0, len(trail) - 1 - blocks)
        state, n_pages, n_likely = trail[place]
        del trail[place:]
        self._state[:] = state
        del region.free_pages[n_pages:]
        del region.likely[n_likely:]
        # Of a chunk that waits for the next its start is known, not yet whether it is in use.
        bit = ((state[1] or state[0]) - region.start) >> 4
        at = bit >> 3
        for bits, kept in (
            (region.starts, (2 if state[1] else 1) << (bit & 7)),
            (region.used, 1 << (bit & 7)),
        ):
            del bits[at + 1 :]
            if len(bits) > at:
                bits[at] &= kept - 1


def _may_end(end: int, open_end: bool) -> bool:
    return open_end and end % _UNIT == 0


def _word(space: AddressSpace, address: int) -> int:
    data = space.read(address, 8)
    return int.from_bytes(data, "little") if data else 0


def _lowest(bits: int) -> int:
    """The place of the lowest bit that is set."""
    return (bits & -bits).bit_length() - 1
