"""How many objects of which class a heap holds, and their bytes: a histogram by constructor.

Objects of JavaScript are counted under the name of their class, all others under their kind, both
as heap snapshots name them. Sizes are those of the objects alone, without what they refer to. All
of it is what lies on the pages, garbage not yet collected too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from nodemem.memory.constructors import Constructors
from nodemem.memory.layouts import KIND, KINDS, Layouts
from nodemem.memory.metadata import Metadata
from nodemem.memory.object_reader import ObjectReader
from nodemem.memory.survey import Estimate, HeapSurvey, Survey

_OBJECT, _FREE = KIND["object"], KIND["free"]
_BY_KIND = {
    "closure": "Function",
    "array": "(array)",
    "double_array": "(array)",
    "one_byte_string": "(string)",
    "two_byte_string": "(string)",
    "external_string": "(string)",
    "cons_string": "(concatenated string)",
    "sliced_string": "(sliced string)",
    "number": "(number)",
    "context": "system / Context",
    "shape": "(object shape)",
    "code": "(compiled code)",
}
_BY_TYPE = {
    "BIGINT": "(bigint)",
    "SYMBOL": "(symbol)",
    "BYTE_ARRAY": "(array)",
    "JS_OBJECT": "Object",
    "JS_ARRAY": "Array",
    "JS_ERROR": "Error",
    "JS_PROXY": "Proxy",
    "JS_GLOBAL_OBJECT": "global",
    "JS_GLOBAL_PROXY": "global",
}


@dataclass(frozen=True)
class ClassCount:
    """One class: `objects` and `bytes` are estimates unless all pages were walked."""

    name: str
    objects: Estimate
    bytes: Estimate


def namer(taken: Survey, symbols: Metadata) -> Callable[[int], str]:
    """Gives the class of the objects of a map, by its slot in the walker's table; the maps of all
    heaps of a survey have one."""
    layouts = Layouts(symbols)
    maps = taken.walker.maps
    constructors = Constructors(ObjectReader(maps.memory, symbols, layouts), symbols, layouts)

    @cache
    def name(slot: int) -> str:
        type_name = layouts.name(maps.types[slot])
        found = None
        if maps.kinds[slot] == _OBJECT:
            found = constructors.name(maps.addresses[slot])
            plain = "Object"
        else:
            plain = _BY_KIND.get(KINDS[maps.kinds[slot]], "(system)")
        return found or _BY_TYPE.get(type_name) or plain

    return name


def histogram(
    taken: Survey, symbols: Metadata, heap: HeapSurvey, name: Callable[[int], str] | None = None
) -> list[ClassCount]:
    """The classes of one of the heaps of a survey, those with the most bytes first.

    `name` is what `namer` gave for this survey, to be shared by its heaps.
    """
    name = name or namer(taken, symbols)
    nothing = (Estimate(0.0), Estimate(0.0))
    by_slot: dict[int, tuple[Estimate, Estimate]] = defaultdict(lambda: nothing)
    for stratum in heap.strata:
        for slot in stratum.maps():
            objects, bytes_ = by_slot[slot]
            by_slot[slot] = objects + stratum.of_map(slot, 0), bytes_ + stratum.of_map(slot, 1)
    for one in heap.large:
        objects, bytes_ = by_slot[one.slot]
        by_slot[one.slot] = objects + Estimate(1.0), bytes_ + Estimate(float(one.size))
    sums: dict[str, tuple[Estimate, Estimate]] = defaultdict(lambda: nothing)
    for slot, (objects, bytes_) in sorted(by_slot.items()):
        if taken.walker.maps.kinds[slot] != _FREE:
            before = sums[name(slot)]
            sums[name(slot)] = before[0] + objects, before[1] + bytes_
    found = [ClassCount(label, *both) for label, both in sums.items()]
    return sorted(found, key=lambda one: (-one.bytes.value, one.name))
