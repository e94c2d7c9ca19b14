"""Single objects of V8's heap, read field by field by their tagged addresses.

All that is read may be anything, so whatever is no object, string or number of the kind asked for
is None.
"""

from __future__ import annotations

import struct

from nodemem.memory.cached import Cached
from nodemem.memory.layouts import Layouts
from nodemem.memory.metadata import Metadata

_LONGEST_TEXT = 256  # characters
_DEEPEST_STRING = 16
_HIGHEST = 1 << 47  # end of the user's addresses
_MAP_HEAD = struct.Struct("<8xBB2xHBBI")


class ObjectReader:
    """Objects by tagged address; `symbols` are those of the program they belong to."""

    def __init__(self, memory: Cached, symbols: Metadata, layouts: Layouts) -> None:
        self._memory = memory
        self._layouts = layouts
        self._first = symbols.offset("ConsString__first", 16)

    def field(self, word: int | None, offset: int) -> int | None:
        """The word `offset` bytes into an object."""
        if word is None or word & 3 != 1 or word >= _HIGHEST:
            return None
        return self._memory.word(word - 1 + offset)

    def raw(self, word: int, offset: int, length: int) -> bytes | None:
        """Some bytes of an object."""
        return self._memory.read(word - 1 + offset, length)

    def integer(self, word: int | None, offset: int) -> int | None:
        """The small integer in a field, or the upper half of what else is there."""
        value = self.field(word, offset)
        return None if value is None else value >> 32

    def type(self, word: int | None) -> int | None:
        """The instance type of an object."""
        head = self.map_head(self.field(word, 0))
        return None if head is None else head[2]

    def is_string(self, word: int | None) -> bool:
        kind = self.type(word)
        return kind is not None and kind < 0x80

    def map_head(self, word: int | None) -> tuple[int, int, int, int, int, int] | None:
        """Of a map: its objects' size in words and where their own fields begin, their instance
        type, and V8's three bit fields."""
        if word is None or word & 3 != 1 or word >= _HIGHEST:
            return None
        data = self._memory.read(word - 1, _MAP_HEAD.size)
        return None if data is None else _MAP_HEAD.unpack(data)

    def text(self, word: int | None, deep: int = _DEEPEST_STRING) -> str | None:
        """The characters of a string, the first of them if they are many."""
        kind = self.type(word)
        if word is None or kind is None or kind >= 0x80:
            return None
        if not self._layouts.is_flat(kind):
            return self.text(self.field(word, self._first), deep - 1) if deep else None
        head = self._memory.read(word - 1, 16)
        if head is None:
            return None
        length = min(_LONGEST_TEXT, struct.unpack("<12xI", head)[0])
        wide = 1 if self._layouts.is_one_byte(kind) else 2
        data = self._memory.read(word - 1 + 16, length * wide) if length else b""
        if data is None:
            return None
        return data.decode("latin-1" if wide == 1 else "utf-16-le", "replace")
