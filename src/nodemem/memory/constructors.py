"""What V8 would call the objects of a map: the name of their class, as heap snapshots have it.

A map knows its constructor, or the map that it came from when a property was added, and so on back
to the first. Where objects were made with `new` of just that function, its name is theirs. Those of
derived classes have the base's constructor, and those of literals have Object; their prototypes
tell more: the first that has a `constructor` with a name of its own, or a Symbol.toStringTag. A
function's name is in what V8 knows of its text: there as such, or, when it was compiled, in the
description of its scope.
"""

from __future__ import annotations

from nodemem.memory.layouts import Layouts
from nodemem.memory.metadata import Metadata
from nodemem.memory.object_reader import ObjectReader
from nodemem.memory.prototypes import CONSTRUCTOR, TAG, Prototypes

_LONGEST_CHAIN = 1 << 16  # maps from the last property to the first
_MOST_PROTOTYPES = 64
_MOST_LOCALS = 4096
_FIELDS_OF_TEMPLATE = range(24, 104, 8)
_NO_NAME = ("", "Object")


class Constructors:
    """Names of classes in one address space.

    `name` is of the objects of the map at a tagged address: None where they have none or it cannot
    be read.
    """

    def __init__(self, objects: ObjectReader, symbols: Metadata, layouts: Layouts) -> None:
        self._objects = objects
        self._layouts = layouts
        self._prototypes = Prototypes(objects, symbols)
        self._map = symbols.type("MAP_TYPE")
        self._scope_info = symbols.type("SCOPE_INFO_TYPE")
        self._template = symbols.type("FUNCTION_TEMPLATE_INFO_TYPE")
        self._back = symbols.offset("Map__constructor_or_back_pointer", 32)
        self._shared = symbols.offset("JSFunction__shared", 24)
        self._name = symbols.offset("SharedFunctionInfo__name_or_scope_info", 16)
        self._of_map: dict[int, int | None] = {}
        self._of_function: dict[int, str | None] = {}
        self._of_prototype: dict[int, str | None] = {}

    def name(self, map_word: int) -> str | None:
        head = self._objects.map_head(map_word)
        if head is None:
            return None
        made_by = self._function(self._constructor(map_word))
        new_is_base, is_prototype = head[4] & 1, self._prototypes.is_prototype(head[5])
        if new_is_base and not is_prototype and made_by not in (None, *_NO_NAME):
            return made_by
        found = self._by_prototypes(self._prototypes.of(map_word))
        # A prototype's constructor is that of the objects which have it, not its own.
        return found or (None if is_prototype else made_by or None)

    def _constructor(self, map_word: int) -> int | None:
        """What the first of the maps that led to one has as its constructor."""
        passed: list[int] = []
        at: int | None = map_word
        while at is not None and at not in self._of_map and len(passed) < _LONGEST_CHAIN:
            passed.append(at)
            self._of_map[at] = None  # where the chain is a circle
            back = self._objects.field(at, self._back)
            if self._objects.type(back) != self._map:
                self._of_map[at] = back
                break
            at = back
        found = None if at is None else self._of_map.get(at)
        self._of_map.update(dict.fromkeys(passed, found))
        return found

    def _by_prototypes(self, word: int | None) -> str | None:
        passed: list[int] = []
        found: str | None = None
        while word is not None and word not in passed and len(passed) < _MOST_PROTOTYPES:
            if word in self._of_prototype:
                found = self._of_prototype[word]
                break
            passed.append(word)
            own = self._prototypes.own(word)
            found = self._objects.text(own.get(TAG)) or self._function(own.get(CONSTRUCTOR))
            if found not in (None, *_NO_NAME):
                break
            found = None
            word = self._prototypes.of(self._objects.field(word, 0) or 0)
        self._of_prototype.update(dict.fromkeys(passed, found))
        return found

    def _function(self, word: int | None) -> str | None:
        """The name of a function, or of the template from which C++ makes objects."""
        if word is None or word & 3 != 1:
            return None
        if word not in self._of_function:
            kind = self._objects.type(word)
            name = None
            if kind is not None and kind == self._template:
                fields = (self._objects.field(word, at) for at in _FIELDS_OF_TEMPLATE)
                name = next((text for text in map(self._objects.text, fields) if text), None)
            elif kind is not None and self._layouts.is_function(kind):
                name = self._of_shared(self._objects.field(word, self._shared))
            self._of_function[word] = name
        return self._of_function[word]

    def _of_shared(self, word: int | None) -> str | None:
        found = self._objects.field(word, self._name)
        if found is not None and self._objects.type(found) == self._scope_info:
            return self._of_scope(found)
        return self._objects.text(found)

    def _of_scope(self, word: int) -> str | None:
        """The name of the function that a scope belongs to, or, if it has none, what V8 calls it.

        After some numbers, the third of them how many variables there are, come their names, a
        number for each, and then the function's name. How many numbers come first differs between
        releases; where names begin tells.
        """
        count = self._objects.integer(word, 24)
        if count is None or not 0 <= count <= _MOST_LOCALS:
            return None
        for first in (32, 48, 40):
            names = (self._objects.field(word, first + 8 * i) for i in range(min(count, 75)))
            if all(map(self._objects.is_string, names)):
                in_place = count if count < 75 else 1  # more are in a table of their own
                after = first + 8 * (in_place + count)
                fields = (self._objects.field(word, at) for at in range(after, after + 40, 8))
                return next((text for text in map(self._objects.text, fields) if text), None)
        return None
