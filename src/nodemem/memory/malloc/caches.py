"""Small chunks that are free but kept at hand, and count as in use: in the lists of an arena for
small sizes (fastbins), and in the caches of threads (tcache)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from nodemem.memory.cached import Cached
from nodemem.memory.malloc.states import HIGHEST, State
from nodemem.records import AddressSpace

SIZE = 0x290
"""Bytes of the chunk in which a thread has its cache, in glibc 2.30 to 2.41."""

_LISTS = 64  # of a cache: how many chunks each has (16 bits), then the first of each
_LEAST_CHUNK = 32
_MOST_STEPS = 1 << 14


def fast(space: AddressSpace, state: State) -> int | None:
    """The bytes in an arena's lists of small chunks; None if they cannot be followed to the end."""
    memory = Cached(space)
    total = steps = 0
    for place, first in enumerate(state.fast):
        size, at = _LEAST_CHUNK + 16 * place, first
        while at:
            data = memory.read(at, 24) if at % 16 == 0 and at < HIGHEST else None
            steps += 1
            if data is None or steps > _MOST_STEPS:
                return None
            head, link = struct.unpack("<8xQQ", data)
            if head & ~7 != size:
                return None
            total += size
            # Since glibc 2.32 a link is combined with the page number of its own place.
            plain = link ^ (at + 16) >> 12
            at = plain if plain % 16 == 0 and plain < HIGHEST else link
    return total


def threads(space: AddressSpace, chunks: Iterable[int]) -> int | None:
    """The bytes in those of some chunks that are caches of threads; None if none is."""
    total, found = 0, False
    for at in chunks:
        data = space.read(at + 16, 10 * _LISTS)
        if data is None:
            continue
        counts = struct.unpack_from(f"<{_LISTS}H", data)
        firsts = struct.unpack_from(f"<{_LISTS}Q", data, 2 * _LISTS)
        if all(
            bool(count) == bool(first) and first % 16 == 0 and first < HIGHEST
            for count, first in zip(counts, firsts, strict=True)
        ):
            found = True
            total += sum(n * (_LEAST_CHUNK + 16 * i) for i, n in enumerate(counts))
    return total if found else None
