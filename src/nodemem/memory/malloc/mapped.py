"""What malloc has mapped one by one: big chunks, and pieces of the main arena where the heap of the
kernel (`brk`) could not be continued.

Both begin at a page. The kernel merges neighbouring mappings, so they follow each other in one, and
may lie between others' memory; each page is looked at that is not known to belong to a chunk.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from nodemem.memory.malloc.region import Region, Walker

_PAGE = 4096
_WORDS = _PAGE // 8
_BLOCK = 1 << 18
_LEAST_CHUNK = 32
_HEADER = 16


class Search:
    """Through ranges of anonymous memory. `chunks` are [start, end) of chunks with a mapping of
    their own, headers included, `rooms` the bytes that were given out of each, by the address that
    was given out; `pieces` are regions of the main arena, whose last chunk is `top`, looked
    for only where that is given."""

    def __init__(self, walker: Walker, top: int | None) -> None:
        self._walker = walker
        self._space = walker.space
        self._top = top
        self.chunks: list[tuple[int, int]] = []
        self.rooms: dict[int, int] = {}
        self.pieces: list[Region] = []

    def through(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Look at the ranges, which ascend."""
        for start, end in ranges:
            at = -(-start // _PAGE) * _PAGE
            for run, length in self._space.resident(start, end - start):
                at = max(at, run)
                while at < run + length:
                    after = self._take(at, end)
                    at = self._next(at + _PAGE, run + length) if after is None else after

    def _take(self, at: int, end: int) -> int | None:
        """The end of the chunk or piece at a page; None if there is none."""
        head = self._space.read(at, 16)
        if head is None:
            return None
        before, word = struct.unpack("<QQ", head)
        size = int(word & ~7)
        if before or not _LEAST_CHUNK <= size <= end - at:
            return None
        if word & 7 == 2:
            # Since glibc 2.43 the size is without the header.
            whole = size if size % _PAGE == 0 else size + _HEADER
            if whole % _PAGE or whole > end - at:
                return None
            self.chunks.append((at, at + whole))
            self.rooms[at + _HEADER] = size - (_HEADER if whole == size else _HEADER // 2)
            return at + whole
        top = self._top
        if word & 7 == 1 and size % 16 == 0 and top is not None:
            found = self._walker.walk(at, end, top, open_end=True)
            if found.whole and found.end % _PAGE == 0:
                self.pieces.append(found)
                return found.end
        return None

    def _next(self, at: int, end: int) -> int:
        """The next page that may begin with a chunk."""
        while at < end:
            length = min(_BLOCK, end - at)
            data = self._space.read_sparse(at, length)
            if data is not None:
                words = memoryview(data[: len(data) // 8 * 8]).cast("Q")
                heads = zip(words[::_WORDS], words[1::_WORDS], strict=False)
                for i, (before, word) in enumerate(heads):
                    if not before and word & 7 in (1, 2) and word >= _LEAST_CHUNK:
                        return at + i * _PAGE
            at += length
        return end
