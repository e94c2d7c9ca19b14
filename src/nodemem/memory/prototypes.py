"""What objects call themselves: `constructor` and Symbol.toStringTag in their prototypes.

Both are looked up as V8 does it to name an object: own properties of one prototype after the other,
and only those that are plain data. An object's properties are in the order of its map's
descriptors, the first in the object, others in an array beside it; or, where it has become a
dictionary, in a hash table of keys, each followed by its value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise

from nodemem.memory.metadata import Metadata
from nodemem.memory.object_reader import ObjectReader

CONSTRUCTOR, TAG = "constructor", "Symbol.toStringTag"

_ENTRY = 24  # bytes of a descriptor: key, details, value or type
_MOST_SLOTS = 1 << 12  # of a hash table that are looked at
_MOST_LOOKED_AT = 1 << 22  # properties of all objects together; programs have some 100,000
_DICTIONARY = 21  # bits of the third bit field, the same in all releases
_KIND_ACCESSOR = 1


class Prototypes:
    """The own properties `constructor` and Symbol.toStringTag of objects of one address space."""

    def __init__(self, objects: ObjectReader, symbols: Metadata) -> None:
        values = symbols.values
        self._objects = objects
        self._symbol = symbols.type("SYMBOL_TYPE")
        self._dictionary = values.get("bit_field3_is_dictionary_map_shift", _DICTIONARY)
        self._count_mask = values.get("bit_field3_number_of_own_descriptors_mask", 1023 << 10)
        self._count_shift = values.get("bit_field3_number_of_own_descriptors_shift", 10)
        self._in_descriptor = values.get("prop_location_mask", 32)
        self._index_mask = values.get("prop_index_mask", 1023 << 19)
        self._index_shift = values.get("prop_index_shift", 19)
        self._descriptors = symbols.offset("Map__instance_descriptors", 40)
        self._first_entry = symbols.offset("DescriptorArray__header_size", 24)
        self._properties = symbols.offset("JSReceiver__raw_properties_or_hash", 8)
        self._prototype = symbols.offset("Map__prototype", 24)
        self._description = symbols.offset("Symbol__name", 16)
        self._keys: dict[int, str | None] = {}
        self._left = _MOST_LOOKED_AT

    def of(self, map_word: int) -> int | None:
        """The prototype of the objects of a map."""
        return self._objects.field(map_word, self._prototype)

    def is_prototype(self, bits: int) -> bool:
        """Whether the third bit field of a map says that its object is a prototype itself."""
        return bool(bits >> (self._dictionary - 1) & 1)

    def own(self, word: int) -> dict[str, int]:
        """The values of CONSTRUCTOR and TAG that an object has as its own, tagged."""
        map_word = self._objects.field(word, 0)
        head = self._objects.map_head(map_word)
        if head is None or map_word is None:
            return {}
        if head[5] >> self._dictionary & 1:
            return dict(self._in_table(self._objects.field(word, self._properties)))
        return dict(self._in_fields(word, map_word, head))

    def _in_fields(
        self, word: int, map_word: int, head: tuple[int, int, int, int, int, int]
    ) -> Iterator[tuple[str, int]]:
        descriptors = self._objects.field(map_word, self._descriptors)
        count = (head[5] & self._count_mask) >> self._count_shift
        self._left -= count
        if descriptors is None or self._left < 0:
            return
        data = self._objects.raw(descriptors, self._first_entry, count * _ENTRY)
        for key, details, value in struct.iter_unpack("<3Q", data or b""):
            name = self._key(key)
            details >>= 32
            if name is None or details & _KIND_ACCESSOR:
                continue
            if not details & self._in_descriptor:
                index = (details & self._index_mask) >> self._index_shift
                inside = head[0] - head[1]
                at, offset = word, 8 * (head[1] + index)
                if index >= inside:
                    outside = self._objects.field(word, self._properties)
                    at, offset = outside or 0, 16 + 8 * (index - inside)
                value = self._objects.field(at, offset) or 0
            yield name, value

    def _in_table(self, table: int | None) -> Iterator[tuple[str, int]]:
        length = self._objects.integer(table, 8)
        if table is None or length is None:
            return
        length = min(length, _MOST_SLOTS)
        self._left -= length
        if self._left < 0:
            return
        data = self._objects.raw(table, 16, 8 * length) or b""
        slots = struct.unpack(f"<{len(data) // 8}Q", data)
        for key, value in pairwise(slots):
            name = self._key(key)
            if name is not None:
                yield name, value

    def _key(self, word: int) -> str | None:
        """Which of the two a key of a property is."""
        if word & 3 != 1:
            return None
        if word not in self._keys:
            kind = self._objects.type(word)
            text = None
            if kind == self._symbol:
                text = self._objects.text(self._objects.field(word, self._description))
                text = TAG if text == TAG else None
            elif kind is not None and kind < 0x80 and self._objects.text(word) == CONSTRUCTOR:
                text = CONSTRUCTOR
            self._keys[word] = text
        return self._keys[word]
