"""Whose the contents of ArrayBuffers are, and of which kind, by their objects in V8's heaps;
Buffers of Node.js and typed arrays are views of them.

The objects are looked for on V8's pages by their maps. What is found there may be garbage: as long
as its page was not swept an object is still there, but its memory may be free, or somebody else's.
So each is believed only if there is a backing store (`backing_stores`) of its address and length.
What has none, such as constants of the program that are handed to JavaScript, is left out.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from nodemem import kernels
from nodemem.memory import spaces
from nodemem.memory.backing_stores import BackingStore
from nodemem.memory.layouts import Layouts
from nodemem.memory.maps import MapTable
from nodemem.memory.metadata import Metadata
from nodemem.memory.pages import ALIGNMENT, Heap, Page
from nodemem.records import AddressSpace

_INSTANCES = kernels.load("instances")

BufferKind = Literal["plain", "shared", "resizable", "wasm"]

_TYPE = "JS_ARRAY_BUFFER_TYPE"
_SHARED, _RESIZABLE = 1 << 4, 1 << 5  # bits of an ArrayBuffer's flags, the same in all releases
_KNOWN_FLAGS = 0xFFF
_FLAGS = 16  # bytes from the address of the contents to the flags
_MOST_AT_ONCE = 1 << 12
_MOST_MAPS_AT_ONCE = 1 << 8
_MOST_ROUNDS = 8
_MOST_BYTES = 1 << 40
_SPACES = ("new_space", "old_space", "map_space", "shared_space")
_FIRST_PAGES = 8  # of a space, where V8 has put what it starts with
_HIGHEST = 1 << 47


@dataclass(frozen=True, slots=True)
class ArrayBuffer:
    """The contents of one, `length` bytes from `address`.

    `kind`: `shared` is a SharedArrayBuffer, `resizable` one that was made with a `maxByteLength`,
    which then is its length, `wasm` the memory of a WebAssembly instance. `shared` says whether it
    is a SharedArrayBuffer, which may be resizable or WebAssembly's too; `mapped` whether
    V8 has mapped it itself, as it does for the last two; otherwise it is malloc's. `heap` is the
    V8 heap that refers to it (`Heap.address`), None if several do.
    """

    address: int
    length: int
    kind: BufferKind
    shared: bool
    mapped: bool
    heap: int | None


def find(
    space: AddressSpace,
    symbols: Metadata,
    heaps: Sequence[Heap],
    stores: Iterable[BackingStore],
) -> list[ArrayBuffer]:
    """The contents of all ArrayBuffers that objects in `heaps` tell of and that are in `stores`,
    by ascending address; none where the program does not say how it lays them out.

    They are of one moment only if no collection ran meanwhile (`pages.moved`).
    """
    reader = _Reader(space, symbols)
    if not reader.knows:
        return []
    by_address = {one.address: one for one in stores}
    found = (one for heap in heaps for one in reader.buffers(heap) if one.address in by_address)
    claimed = sorted(found, key=lambda one: one.address)
    buffers = []
    for address, same in groupby(claimed, key=lambda one: one.address):
        store = by_address[address]
        fitting = [one for claim in same if (one := _checked(claim, store)) is not None]
        if fitting:
            buffers.append(_one(fitting))
    return buffers


def _checked(claim: _Claim, store: BackingStore) -> ArrayBuffer | None:
    """The buffer that an object tells of, if its contents can be that."""
    shared, resizable = bool(claim.flags & _SHARED), claim.flags & _RESIZABLE
    length = claim.most if resizable else claim.length
    if length > store.length or (length < store.length and not store.mapped):
        return None
    kind: BufferKind = "resizable" if resizable else "wasm"
    if not store.mapped and not resizable:
        kind = "shared" if shared else "plain"
    return ArrayBuffer(claim.address, length, kind, shared, store.mapped, claim.heap)


def _one(same: list[ArrayBuffer]) -> ArrayBuffer:
    """What several objects say of one address: the longest that fits."""
    best = max(same, key=lambda one: one.length)
    heaps = {one.heap for one in same}
    if len(heaps) == 1:
        return best
    return replace(best, heap=None)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What an object says: `most` is the greatest length that it may get."""

    address: int
    length: int
    most: int
    flags: int
    heap: int


class _Reader:
    """Finds the objects of ArrayBuffers on V8's pages."""

    def __init__(self, space: AddressSpace, symbols: Metadata) -> None:
        self._space = space
        self._type = symbols.type(_TYPE)
        self._store = symbols.offset("JSArrayBuffer__backing_store", 0) // 8
        self._length = symbols.offset("JSArrayBuffer__byte_length", 0) // 8
        self._names = spaces.names(symbols)
        self._maps = MapTable(space, Layouts(symbols))
        self._objects = memoryview(array("Q", bytes(8 * _MOST_AT_ONCE)))
        self._candidates = memoryview(array("Q", bytes(8 * _MOST_MAPS_AT_ONCE)))
        self._counts = memoryview(array("q", [0, 0]))

    @property
    def knows(self) -> bool:
        return self._type is not None and self._store > 0 and self._length > 0

    def buffers(self, heap: Heap) -> Iterable[_Claim]:
        """What the ArrayBuffers of a heap say."""
        wanted = [page for page in heap.pages if self._may_hold(page)]
        for page in _first(wanted):
            for _ in self._objects_on(page):
                pass  # only for their maps
        found: dict[int, _Claim] = {}
        known: dict[Page, int] = {}  # how many maps were known when a page was looked at
        for _ in range(_MOST_ROUNDS):
            stale = [page for page in wanted if known.get(page) != len(self._maps)]
            for page in stale:
                known[page] = len(self._maps)
                for address, words in self._objects_on(page):
                    claim = self._claim(words, heap)
                    if claim is not None and not _is_in(address, heap.unused):
                        found[address] = claim
            if not stale:
                break
        return found.values()

    def _may_hold(self, page: Page) -> bool:
        name = self._names[page.space_id] if page.space_id < len(self._names) else ""
        return page.size <= ALIGNMENT and name in _SPACES

    def _objects_on(self, page: Page) -> Iterator[tuple[int, memoryview]]:
        """Objects of known maps, their address and words, those of the page after them too; maps
        that are met become known."""
        data = self._space.read_sparse(page.start, (page.end - page.start) // 8 * 8)
        if data is None:
            return
        words = memoryview(data).cast("Q")
        at = 0
        while at < len(words):
            at = _INSTANCES.scan(
                words, at, self._type, memoryview(self._maps.keys), self._objects,
                self._candidates, self._counts,
            )  # fmt: skip
            n_objects, n_maps = self._counts
            for place in self._candidates[:n_maps].tolist():
                word = page.start + 8 * place + 1
                if self._maps.slot(word) is None:
                    self._maps.add(word)
            for place in self._objects[:n_objects].tolist():
                yield page.start + 8 * place, words[place:]

    def _claim(self, words: memoryview, heap: Heap) -> _Claim | None:
        """What an object says; None if it contradicts itself or has no contents."""
        if len(words) <= self._store + _FLAGS // 8:
            return None
        length, most = words[self._length : self._length + 2]
        address, flags = words[self._store], words[self._store + _FLAGS // 8]
        sound = 0 < address < _HIGHEST and length <= most <= _MOST_BYTES and most
        if not sound or flags & ~_KNOWN_FLAGS:
            return None
        return _Claim(address, length, most, flags, heap.address)


def _first(pages: Sequence[Page]) -> Iterator[Page]:
    """The pages of each space where V8 has put what it starts with, the first maps among it."""
    by_owner = sorted(pages, key=lambda page: page.owner)
    for _, own in groupby(by_owner, key=lambda page: page.owner):
        yield from list(own)[:_FIRST_PAGES]


def _is_in(address: int, ranges: Sequence[tuple[int, int]]) -> bool:
    """Whether an address is in one of some ascending ranges."""
    place = bisect_right(ranges, (address, _HIGHEST)) - 1
    return place >= 0 and address < ranges[place][1]
