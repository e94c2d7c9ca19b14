"""Names for plain objects by what properties they have: `{id, name}` instead of `Object`.

The rules are those of Chrome DevTools: a shape that at least two objects, and one in a thousand of
all plain objects, begin with becomes a definition; an object belongs to the definition with the
most properties that it has all of.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Sized
from typing import NamedTuple

from nodemem.heap.engine.columns import Columns
from nodemem.heap.engine.memory import copied, zeros
from nodemem.heap.engine.strings import NONE, StringTable
from nodemem.kernels import load

_SPECIAL = re.compile(r"""[,'"{}]""")
_PART = 1 << 18
_UNKNOWN, _WIDEST = 255, 254
"""Widths are bytes; whatever is wider than the 120 characters of a shape's text is alike."""


class Definition(NamedTuple):
    """`label` is the text `{a, b, c}`; a property may occur in it more than once."""

    label: str
    properties: tuple[str, ...]


class PlainObjects:
    """The objects called `Object` of one snapshot. They are gone through part by part: `release`
    is called after each, and may let go of memory that holds columns."""

    def __init__(self, columns: Columns, strings: StringTable, release: Callable[[], None]) -> None:
        self._release = release
        self._columns, self._strings = columns, strings
        self._kernel = load("interfaces")
        self._proto = strings.known["__proto__"]
        # A copy, because memory that is let go of takes along what was written to it.
        self._widths = copied(strings.widths)
        name = strings.known["Object"]
        n, count = len(columns.types), 0
        ordinals = zeros("I", n if name != NONE else 0)
        if name != NONE:
            count = self._kernel.objects_named(n, columns.types, columns.names, name, ordinals)
        self.ordinals = ordinals[:count]
        release()

    @property
    def _edges(self) -> tuple[memoryview, memoryview, memoryview]:
        columns = self._columns
        return columns.first_edge, columns.edges, columns.edge_names

    def _parts(self) -> Iterator[memoryview]:
        for begin in range(0, len(self.ordinals), _PART):
            yield self.ordinals[begin : begin + _PART]
            self._release()

    def _property_names(self, *, unknown_only: bool) -> memoryview:
        out = zeros("I", self._strings.count)
        seen = zeros("Q", self._strings.count // 64 + 1)
        count = 0
        for part in self._parts():
            count = self._kernel.property_names(
                part, *self._edges, self._widths, unknown_only, seen, out, count
            )
        return out[:count]

    def definitions(self) -> list[Definition]:
        """What DevTools would call these objects, the most frequent shape first."""
        strings, kernel, total = self._strings, self._kernel, len(self.ordinals)
        if not total:
            return []
        for name in self._property_names(unknown_only=True):
            self._widths[name] = min(_units(_formatted(strings[name])), _WIDEST)
        example, counts = zeros("I", total), zeros("I", total)
        names, other = zeros("I", kernel.MOST_NAMES), zeros("I", kernel.MOST_NAMES)
        table = zeros("I", 1 << (2 * total).bit_length())
        found = 0
        for part in self._parts():
            found = kernel.shapes(
                part, *self._edges, self._proto, self._widths, table, example, counts,
                names, other, found,
            )  # fmt: skip
        least = max(2, total / 1000)
        chosen = [shape for shape in range(found) if counts[shape] >= least]
        chosen.sort(key=lambda shape: -counts[shape])
        result = []
        for shape in chosen:
            size = kernel.names_of(example[shape], *self._edges, self._proto, self._widths, names)
            properties = tuple(strings[name] for name in names[:size])
            strings.known.update(zip(properties, names[:size], strict=True))
            # An empty name at the start takes no separator, as in DevTools.
            text = ""
            for formatted in map(_formatted, properties):
                text += f", {formatted}" if text else formatted
            result.append(Definition(f"{{{text}}}", properties))
        return result

    def classify(
        self, definitions: list[Definition], first_group: int, groups: memoryview
    ) -> list[str]:
        """Put each object into the group of the definition that fits it best; the labels of these
        groups, which count from `first_group`. The definitions may be another snapshot's.

        Most properties win, then the earlier definition. Objects that fit none stay where they are.
        """
        if not definitions or not len(self.ordinals):
            return []
        index = self._find({name for definition in definitions for name in definition.properties})
        usable = [d for d in definitions if all(name in index for name in d.properties)]
        usable.sort(key=lambda definition: -len(definition.properties))
        needs = [Counter(definition.properties) for definition in usable]
        users = Counter(name for need in needs for name in need)
        number = {name: place for place, name in enumerate(users)}
        # A definition is tried only for objects that have the rarest of its properties.
        tried: list[list[int]] = [[] for _ in number]
        for place, need in enumerate(needs):
            tried[number[min(need, key=users.__getitem__)]].append(place)
        rank = zeros("I", self._strings.count)
        for name, place in number.items():
            rank[index[name]] = place + 1
        how = (
            rank, zeros("I", len(number)), zeros("I", len(number)),
            _starts(tried), _column([place for places in tried for place in places]),
            _starts(needs), _column([number[name] for need in needs for name in need]),
            _column([often for need in needs for often in need.values()]),
        )  # fmt: skip
        for part in self._parts():
            self._kernel.classify(part, *self._edges, *how, first_group, groups)
        return [definition.label for definition in usable]

    def _find(self, names: set[str]) -> dict[str, int]:
        """String indexes of those of `names` that are known already, or properties of these
        objects."""
        known, widths = self._strings.known, self._widths
        found = {name: known[name] for name in names if known.get(name, NONE) != NONE}
        if missing := names - found.keys():
            # Reading every name would be slow where objects are dictionaries of many keys.
            alike = {_UNKNOWN, *(min(_units(_formatted(name)), _WIDEST) for name in missing)}
            for index in self._property_names(unknown_only=False):
                if widths[index] in alike and (name := self._strings[index]) in missing:
                    found[name] = index
        return found


def _formatted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False) if _SPECIAL.search(name) else name


def _units(text: str) -> int:
    """Length in UTF-16 code units, as JavaScript counts."""
    return len(text) + sum(char > "\uffff" for char in text)


def _column(values: list[int]) -> memoryview:
    column = zeros("I", len(values))
    for place, value in enumerate(values):
        column[place] = value
    return column


def _starts(lists: Sequence[Sized]) -> memoryview:
    starts = [0]
    for items in lists:
        starts.append(starts[-1] + len(items))
    return _column(starts)
