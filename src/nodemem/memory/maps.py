"""The maps met on V8's pages: each is read once, then known by its address to the kernel."""

from __future__ import annotations

import struct
from array import array

from nodemem import kernels
from nodemem.memory.cached import Cached
from nodemem.memory.layouts import Layouts, Rule
from nodemem.records import AddressSpace

_OBJECTS = kernels.load("objects")
_WIDTH: int = _OBJECTS.WIDTH
_MOST_MAPS = 1 << 18
_MOST_TRIED = 1 << 20
_HIGHEST = 1 << 47  # end of the user's addresses
_TAG = 1
_MAP_HEAD = struct.Struct("<QBBBBH")


class MapTable:
    """Maps by tagged address: for the kernel as open addressing in `keys` and `slots`, with
    `rules` and `kinds` by slot. `types` are instance types by slot; `memory` reads around maps."""

    def __init__(self, space: AddressSpace, layouts: Layouts) -> None:
        self._space = space
        self._layouts = layouts
        self.addresses: list[int] = []
        self.types: list[int] = []
        self.rules = array("Q")
        self.kinds = array("I")
        self.forget()

    def forget(self) -> None:
        """Read all maps anew: objects were moved, so others may lie where they were. What is known
        by slot stays."""
        self.memory = Cached(self._space)
        self._forgotten = len(self.addresses)  # slots
        self._meta: set[int] = set()
        self._others: set[int] = set()  # maps of what is no map
        self._tried: set[int] = set()
        self.keys = array("Q", bytes(8 * 1024))
        self.slots = array("I", bytes(4 * 1024))

    def __len__(self) -> int:
        return len(self.addresses)

    def add(self, word: int) -> bool:
        """Learn the map at tagged address `word`; False if there is none or its objects cannot be
        measured."""
        head = self._head(word)
        if head is None or len(self) >= _MOST_MAPS:
            return False
        meta, words, instance_type = head
        if not self._is_meta(meta):
            return False
        rule = self._layouts.rule(instance_type, words * 8)
        if rule is None:
            return False
        self._append(word, instance_type, rule)
        return True

    def add_any(self, words: set[int]) -> bool:
        """Learn those of some tagged addresses that are maps; whether there were any new ones."""
        before = len(self)
        unknown = words - self._tried
        if len(self._tried) > _MOST_TRIED:
            self._tried.clear()
        self._tried |= unknown
        for word in unknown:
            head = self.memory.word(word - _TAG) if word < _HIGHEST else None
            if head is None or head in self._others:
                continue
            if self._is_meta(head):
                self.add(word)
            else:
                self._others.add(head)
        return len(self) > before

    def slot(self, word: int) -> int | None:
        """The slot of the map at tagged address `word`; None if it is not known."""
        mask = len(self.keys) - 1
        at = (word >> 3 ^ word >> 18) & mask
        while self.keys[at]:
            if self.keys[at] == word:
                return self.slots[at]
            at = (at + 1) & mask
        return None

    def _append(self, word: int, type: int, rule: Rule) -> None:
        slot = len(self.addresses)
        self.addresses.append(word)
        self.types.append(type)
        self.rules.extend(rule)
        self.kinds.append(self._layouts.kind(type))
        if 2 * (len(self.addresses) - self._forgotten) > len(self.keys):
            self._grow()
        else:
            self._place(word, slot)

    def _grow(self) -> None:
        size = 2 * len(self.keys)
        self.keys = array("Q", bytes(8 * size))
        self.slots = array("I", bytes(4 * size))
        for slot in range(self._forgotten, len(self.addresses)):
            self._place(self.addresses[slot], slot)

    def _place(self, word: int, slot: int) -> None:
        mask = len(self.keys) - 1
        at = (word >> 3 ^ word >> 18) & mask
        while self.keys[at]:
            at = (at + 1) & mask
        self.keys[at] = word
        self.slots[at] = slot

    def _is_meta(self, word: int) -> bool:
        """Whether the map at `word` is the map of maps; it is its own."""
        if word not in self._meta:
            head = self._head(word)
            if head is None or head[0] != word or head[2] != self._layouts.map_type:
                return False
            self._meta.add(word)
        return True

    def _head(self, word: int) -> tuple[int, int, int] | None:
        """The map's own map, its objects' size in words, their instance type."""
        if word & 3 != _TAG or word >= _HIGHEST:
            return None
        data = self.memory.read(word - _TAG, _MAP_HEAD.size)
        if data is None:
            return None
        meta, words, _, _, _, instance_type = _MAP_HEAD.unpack(data)
        return meta, words, instance_type
