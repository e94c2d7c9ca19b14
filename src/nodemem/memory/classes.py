"""How many objects of which class a heap holds, and their bytes: a histogram by constructor.

Objects of JavaScript are counted under their constructor's name, or their type's where there is
none to be read; all others under their kind, in parentheses. Sizes are those of the objects alone,
without what they refer to. All of it is what lies on the pages, garbage not yet collected too.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from nodemem.memory.constructors import Constructors
from nodemem.memory.layouts import KIND, KINDS, Layouts
from nodemem.memory.metadata import Metadata
from nodemem.memory.survey import Estimate, HeapSurvey, Survey

_OBJECT, _FREE = KIND["object"], KIND["free"]


@dataclass(frozen=True)
class ClassCount:
    """One class: `objects` and `bytes` are estimates unless all pages were walked."""

    name: str
    objects: Estimate
    bytes: Estimate


def histogram(taken: Survey, symbols: Metadata, heap: HeapSurvey) -> list[ClassCount]:
    """The classes of one of the heaps of a survey, those with the most bytes first."""
    layouts = Layouts(symbols)
    maps = taken.walker.maps
    constructors = Constructors(maps.memory, symbols, layouts)
    large = defaultdict(list)
    for one in heap.large:
        large[one.slot].append(one.size)
    sums: dict[str, tuple[Estimate, Estimate]] = {}
    for slot, address in enumerate(maps.addresses):
        if maps.kinds[slot] == _FREE:
            continue
        objects = bytes_ = Estimate(0.0)
        for stratum in heap.strata:
            objects += stratum.of_map(slot, 0)
            bytes_ += stratum.of_map(slot, 1)
        objects += Estimate(len(large[slot]))
        bytes_ += Estimate(sum(large[slot]))
        if objects.value:
            name = f"({KINDS[maps.kinds[slot]]})"
            if maps.kinds[slot] == _OBJECT:
                name = constructors.name(address) or f"({layouts.name(maps.types[slot])})"
            before = sums.get(name, (Estimate(0.0), Estimate(0.0)))
            sums[name] = before[0] + objects, before[1] + bytes_
    found = [ClassCount(name, *both) for name, both in sums.items()]
    return sorted(found, key=lambda one: (-one.bytes.value, one.name))
