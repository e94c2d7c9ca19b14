"""The contents of all ArrayBuffers, by V8's own descriptions of them.

V8 keeps a description of each piece of memory that backs ArrayBuffers, in memory from malloc: where
it begins, how long it is, how long it may become, how much of it is there (class BackingStore; the
same four words come first in V8 10 to 14). A description counts only if malloc has given it out,
and if what it tells of is memory of just that kind: given out by malloc at that address with that
length, or mapped by V8. So they are found without a look at V8's heap, however big that is; which
object of which isolate has them is another question (`buffers`).
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from nodemem.memory.cached import Cached
from nodemem.memory.malloc import Malloc
from nodemem.records import AddressSpace, MappedMemory

_WORDS = struct.Struct("<4Q")
_PAGE = 4096
_MOST_BYTES = 1 << 40


@dataclass(frozen=True, slots=True)
class BackingStore:
    """`length` bytes from `address`; of what can grow, as long as it may get. `mapped` says whether
    V8 has mapped it itself, as resizable buffers and WebAssembly's memory. `described` is where
    V8's description of it is."""

    address: int
    length: int
    mapped: bool
    described: int


def find(
    space: AddressSpace, malloc: Malloc, mappings: Sequence[MappedMemory]
) -> list[BackingStore]:
    """All of them, by ascending address."""
    cached = Cached(space)
    starts = [one.start for one in mappings]
    found: dict[int, BackingStore] = {}
    for place in malloc.likely():
        head = cached.read(place, _WORDS.size)
        if head is not None:
            address, length, most, capacity = _WORDS.unpack(head)
            if 0 < length <= most <= capacity <= _MOST_BYTES and address not in found:
                fits = malloc.was_for(address, length)
                if fits and length == capacity:
                    found[address] = BackingStore(address, length, False, place)
                elif fits is None and address % _PAGE == 0:
                    at = bisect_right(starts, address) - 1
                    if at >= 0 and _is_v8s(mappings[at], address):
                        found[address] = BackingStore(address, most, True, place)
    return [found[address] for address in sorted(found)]


def _is_v8s(one: MappedMemory, address: int) -> bool:
    known = one.flags is None or "dc" in one.flags
    return known and one.start == address and one.access[:2] == "rw" and not one.file
