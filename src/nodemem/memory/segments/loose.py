"""Small things that are told by what they hold: the loader's own memory and Abseil's blocks.

The dynamic loader allocates before there is a C library to do it: search paths, lists of libraries,
the main thread's variables. It keeps pointers to that in its own data. Node.js 24 and later have
Abseil, whose mutexes keep a graph in memory of Abseil's own: blocks one after the other, each with
its size and a mark that depends on its address (absl/base/internal/low_level_alloc.cc).
"""

from __future__ import annotations

import struct

from nodemem.memory.segments.ledger import Ledger
from nodemem.memory.segments.threads import Thread
from nodemem.memory.segments.types import Kind
from nodemem.records import AddressSpace

LOADER = Kind("data", "loader_data")
ABSEIL = Kind("heap", "abseil_arena")

_PAGE = 4096
_MAGIC = 0x4C833E95
_ALL = (1 << 64) - 1
_MOST_BLOCKS = 1 << 16
_MOST_PAGES = 1 << 13  # that are looked at: with another allocator than glibc's there may be any
_LOADER_UP_TO = 1 << 20  # bytes of one range of the loader's
_LOADERS = ("/ld-linux", "/ld-musl", "/ld-2.")


def claim(ledger: Ledger, space: AddressSpace, main: Thread | None) -> None:
    """Claim those among the ranges that are still nobody's; `main` is the main thread."""
    left = _MOST_PAGES
    for one, start, end in ledger.unclaimed():
        if one.rss and one.access == "rw-p" and not one.file and not one.inode:
            for low, length in space.resident(start, end - start):
                left -= length // _PAGE
                if left >= 0:
                    _claim_abseil(ledger, space, -(-low // _PAGE) * _PAGE, low + length, end)
    told = _told_by_loader(ledger, space)
    if main is not None:
        told.add(main.block)
    for one, start, end in ledger.unclaimed():
        own = one.access == "rw-p" and not one.file and not one.inode
        if own and end - start <= _LOADER_UP_TO and any(start <= word <= end for word in told):
            ledger.claim(start, end, LOADER)


def _claim_abseil(ledger: Ledger, space: AddressSpace, start: int, present: int, end: int) -> None:
    """Claim the blocks that begin at some page from `start` to `present`, up to `end`."""
    at = start
    while at < present:
        behind = at
        for _ in range(_MOST_BLOCKS):
            size = _block(space, behind)
            if not size or behind + size > end:
                break
            behind += size
        if behind > at:
            ledger.claim(at, behind, ABSEIL)
        at = max(at + _PAGE, -(-behind // _PAGE) * _PAGE)


def _block(space: AddressSpace, address: int) -> int:
    """The size of the block at an address; 0 if there is none."""
    head = space.read(address, 16)
    if head is None:
        return 0
    size, mark = struct.unpack("<QQ", head)
    is_block = mark in (_MAGIC ^ address, ~_MAGIC & _ALL ^ address)
    return size if is_block and size % 16 == 0 else 0


def _told_by_loader(ledger: Ledger, space: AddressSpace) -> set[int]:
    """The words in the loader's data."""
    words: set[int] = set()
    for one in ledger.mappings:
        if not one.file or not one.anonymous or "x" in one.access:
            continue
        if any(name in one.file for name in _LOADERS):
            data = space.read_sparse(one.start, min(one.end - one.start, _LOADER_UP_TO))
            if data is not None:
                words.update(struct.unpack(f"<{len(data) // 8}Q", data))
    return words
