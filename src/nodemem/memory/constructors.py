"""Which function made the objects of a map, by name, as far as it can be read from outside.

A map knows its constructor, or the map that it came from when a property was added, and so on back
to the first. A function's name is in what V8 knows of its text: there as such, or, when it was
compiled, in the description of its scope.
"""

from __future__ import annotations

import struct

from nodemem.memory.cached import Cached
from nodemem.memory.layouts import Layouts
from nodemem.memory.metadata import Metadata

_LONGEST_CHAIN = 4096  # maps from the last property to the first
_LONGEST_NAME = 256  # characters
_MOST_LOCALS = 4096
_DEEPEST_STRING = 16
_HIGHEST = 1 << 47


class Constructors:
    """Names of constructors in one address space.

    `name` is of the map at a tagged address: of its constructor, None where it has none by that
    name or it cannot be read.
    """

    def __init__(self, memory: Cached, symbols: Metadata, layouts: Layouts) -> None:
        self._memory = memory
        self._layouts = layouts
        self._map = symbols.type("MAP_TYPE")
        self._scope_info = symbols.type("SCOPE_INFO_TYPE")
        self._back = symbols.offset("Map__constructor_or_back_pointer", 32)
        self._shared = symbols.offset("JSFunction__shared", 24)
        self._name = symbols.offset("SharedFunctionInfo__name_or_scope_info", 16)
        self._first = symbols.offset("ConsString__first", 16)
        self._functions: dict[int, str | None] = {}

    def name(self, map_word: int) -> str | None:
        at: int | None = map_word
        for _ in range(_LONGEST_CHAIN):
            at = self._field(at, self._back)
            kind = self._type(at)
            if at is None or kind is None:
                return None
            if kind != self._map:
                return self._function(at) if self._layouts.is_function(kind) else None
        return None

    def _function(self, word: int) -> str | None:
        if word not in self._functions:
            found = self._field(self._field(word, self._shared), self._name)
            if self._type(found) == self._scope_info and found is not None:
                self._functions[word] = self._of_scope(found)
            else:
                self._functions[word] = self._text(found)
        return self._functions[word] or None

    def _of_scope(self, word: int) -> str | None:
        """The name of the function that a scope belongs to.

        After some numbers, the third of them how many variables there are, come their names, a
        number for each, and then the function's name. How many numbers come first differs between
        releases; where names begin tells.
        """
        count = self._integer(word, 24)
        if count is None or not 0 <= count <= _MOST_LOCALS:
            return None
        for first in (32, 48, 40):
            if all(self._is_string(word, first + 8 * i) for i in range(min(count, 75))):
                names = count if count < 75 else 1  # more are in a table of their own
                after = first + 8 * (names + count)
                for at in range(after, after + 40, 8):
                    if (text := self._text(self._field(word, at))) is not None:
                        return text
                return None
        return None

    def _is_string(self, word: int, offset: int) -> bool:
        kind = self._type(self._field(word, offset))
        return kind is not None and kind < 0x80

    def _text(self, word: int | None, deep: int = _DEEPEST_STRING) -> str | None:
        """The characters of a string, the first of them if they are many; None if it is none."""
        kind = self._type(word)
        if word is None or kind is None or kind >= 0x80:
            return None
        if not self._layouts.is_flat(kind):
            return self._text(self._field(word, self._first), deep - 1) if deep else None
        head = self._memory.read(word - 1, 16)
        if head is None:
            return None
        length = min(_LONGEST_NAME, struct.unpack("<12xI", head)[0])
        wide = 1 if self._layouts.is_one_byte(kind) else 2
        data = self._memory.read(word - 1 + 16, length * wide) if length else b""
        if data is None:
            return None
        return data.decode("latin-1" if wide == 1 else "utf-16-le", "replace")

    def _integer(self, word: int, offset: int) -> int | None:
        value = self._memory.word(word - 1 + offset)
        return None if value is None else value >> 32

    def _field(self, word: int | None, offset: int) -> int | None:
        if word is None or word & 3 != 1 or word >= _HIGHEST:
            return None
        return self._memory.word(word - 1 + offset)

    def _type(self, word: int | None) -> int | None:
        """The instance type of the object at a tagged address."""
        found = self._field(word, 0)
        if found is None or found & 3 != 1 or found >= _HIGHEST:
            return None
        data = self._memory.read(found - 1 + 12, 2)
        return None if data is None else int.from_bytes(data, "little")
