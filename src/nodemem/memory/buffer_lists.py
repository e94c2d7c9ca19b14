"""Which isolate has which backing store, by the lists in which V8 keeps them to free them later.

For each ArrayBuffer V8 has a record in memory from malloc: where its backing store is described (a
shared pointer, two words), and the next record. Each heap has two lists of them, of the young and
of the old; the first and the last record of each are neighbours in an object that the heap refers
to and that refers to the heap or, after V8 has swept, in one that this object refers to. All that
is the same in V8 10 to 14; where the words are is not, so they are found by what they are: from the
first record on, the last must be reached. What a list tells is no guess then, and how big the heap
is does not matter.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from nodemem.memory.backing_stores import BackingStore
from nodemem.memory.cached import Cached
from nodemem.records import AddressSpace

_HEAP_WORDS, _OWNER_WORDS = 0x200, 20
_DESCRIBED = (0, 8)  # where in a record the description is; before it there may be flags
_RECORD = struct.Struct("<Q8xQ")  # from there on: the description, what counts it, the next record
_MORE = 1024  # records of what is no known store, above as many as there are of known ones
_HIGHEST = 1 << 47


def owners(
    space: AddressSpace, heaps: Iterable[int], stores: Sequence[BackingStore]
) -> dict[int, set[int]]:
    """Which of `heaps`, given by address, have each store, by the store's address; those that no
    list tells of are left out."""
    memory = Cached(space)
    by_description = {one.described: one.address for one in stores}
    found: dict[int, set[int]] = defaultdict(set)
    for heap in heaps:
        for first, last in _pairs(memory, heap):
            for at in _DESCRIBED if _may_be(first) and _may_be(last) else ():
                for address in _listed(memory, first, last, at, by_description):
                    found[address].add(heap)
    return found


def _pairs(memory: Cached, heap: int) -> Iterator[tuple[int, int]]:
    """What may be the first and the last record of a list of a heap."""
    for owner in _words(memory, heap, _HEAP_WORDS):
        if _may_be(owner) and memory.word(owner) == heap:
            words = _words(memory, owner, _OWNER_WORDS)
            yield from pairwise(words)
            for part in filter(_may_be, words):
                yield from pairwise(_words(memory, part, _OWNER_WORDS))


def _listed(
    memory: Cached, first: int, last: int, at: int, by_description: Mapping[int, int]
) -> list[int]:
    """The addresses of the known stores in a list; none unless its last record is reached."""
    known: list[int] = []
    unknown = 0
    record = first
    while unknown <= len(known) + _MORE and len(known) <= len(by_description):
        data = memory.read(record + at, _RECORD.size) if _may_be(record) else None
        if data is None:
            break
        described, following = _RECORD.unpack(data)
        if described in by_description:
            known.append(by_description[described])
        else:
            unknown += 1
        if record == last:
            return known
        record = following
    return []


def _may_be(address: int) -> bool:
    return 0 < address < _HIGHEST and address % 8 == 0


def _words(memory: Cached, address: int, count: int) -> list[int]:
    return [memory.word(address + 8 * i) or 0 for i in range(count)]
