"""How many objects and references a process's heaps hold, from a sample of their pages.

Nothing in the process is asked or stopped: its pages are read from outside. What lies on them is
counted, alive or not: garbage that V8 has not collected yet is in it. Objects with a page of their
own are few and matter much, so each of them is looked at. What the errors are: `survey`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nodemem import kernels
from nodemem.memory import isolates, survey
from nodemem.memory.layouts import KIND, KINDS
from nodemem.memory.metadata import Metadata
from nodemem.memory.survey import ALL, Budget, Estimate, HeapSurvey, Survey
from nodemem.memory.walk import LargeObject
from nodemem.records import AddressSpace, MappedMemory, ThreadName

__all__ = ["Budget", "Census", "Count", "Estimate", "HeapCensus", "Large", "of", "take"]

_NAME_LIMIT: int = kernels.load("objects").NAME_LIMIT


@dataclass(frozen=True)
class Count:
    """What a heap has of one kind (see `layouts.KINDS`), ordinary and large objects together.

    `elements` are slots of arrays and characters of strings, `short` the same with at most 1,024 of
    each object, which is what V8 keeps of a text in a snapshot.
    `references` are the slots that hold no small integer; `constants` those of them that hold
    undefined, null, a hole or another of V8's constants. The map of each object is not among them.
    `longest` is the greatest number of elements that was seen in one object.
    """

    objects: Estimate
    bytes: Estimate
    elements: Estimate
    short: Estimate
    references: Estimate
    constants: Estimate
    longest: int


@dataclass(frozen=True)
class Large:
    """An object with a page of its own: its kind, bytes, length, references and those of them to
    constants (estimates), as in `Count`."""

    kind: str
    bytes: int
    elements: int
    references: Estimate
    constants: int


@dataclass(frozen=True)
class HeapCensus:
    """The objects of one isolate.

    `main` says whether it is the main thread's, None if that cannot be told. `total` is all kinds
    together but `free`. `pages` are those in use, `walked` those that were read, `bytes` what the
    pages have room for. `unread` are the bytes of walked pages that belong to no object that could
    be told, and of those that could not be read, as a share of what was to be read. `young` is the
    part of `total` that is in the new generation: how much of it is alive is not known, and most
    is garbage as a rule. `moved` says whether a collection ran meanwhile: what it moved may be
    counted twice or not at all. `large` are the objects with a page of their own, the biggest
    first.
    """

    address: int
    main: bool | None
    kinds: dict[str, Count]
    total: Count
    pages: int
    walked: int
    bytes: int
    unread: float
    young: Count
    moved: bool
    large: list[Large] = field(repr=False)


@dataclass(frozen=True)
class Census:
    """All heaps of a process, the biggest first; how many objects V8 has besides that all heaps
    share (a snapshot of each of them has these too); and how long the counting took in seconds."""

    heaps: list[HeapCensus]
    constants: int
    seconds: float

    @property
    def main(self) -> HeapCensus | None:
        """The main thread's heap; None where it cannot be told."""
        return next((heap for heap in self.heaps if heap.main), None)


def take(
    space: AddressSpace,
    symbols: Metadata,
    budget: Budget | None = None,
    *,
    mappings: Iterable[MappedMemory] = (),
    threads: Iterable[ThreadName] = (),
    main: int = 0,
) -> Census:
    """Count the objects in all heaps of an address space.

    `symbols` are those of the program that runs in it (`metadata.load`). By its `mappings` (no
    figures needed), its `threads` and the id of the `main` one it is told whose heap is whose;
    without them only an only heap is known to be the main thread's. Which pages are walked follows
    from how many there are and from the time it takes, not from chance.
    """
    started = time.monotonic()
    taken = survey.take(space, symbols, budget or Budget())
    heaps = [one.heap for one in taken.heaps]
    names = isolates.names(mappings, threads, main, space, heaps)
    return Census(of(taken, names), taken.constants, time.monotonic() - started)


def of(taken: Survey, names: Mapping[int, str]) -> list[HeapCensus]:
    """The census of each heap that was surveyed, the biggest heap first. `names` are those of the
    isolates, by the address of their heap (`isolates.names`)."""
    is_known = "main" in names.values()
    heaps = [
        _heap(heap, taken, names.get(heap.heap.address) == "main" if is_known else None)
        for heap in taken.heaps
    ]
    return sorted(heaps, key=lambda heap: heap.bytes, reverse=True)


def _heap(own: HeapSurvey, taken: Survey, main: bool | None) -> HeapCensus:
    kinds = taken.walker.maps.kinds
    by_kind: dict[int, list[LargeObject]] = defaultdict(list)
    for one in own.large:
        by_kind[kinds[one.slot]].append(one)
    objects = [one for one in own.large if kinds[one.slot] != KIND["free"]]
    to_read = sum(stratum.to_read for stratum in own.strata) + own.lost
    to_read += sum(one.size for one in own.large)
    unread = sum(stratum.unread for stratum in own.strata) + own.lost
    return HeapCensus(
        address=own.heap.address,
        main=main,
        kinds={name: _count(own, kind, by_kind[kind]) for kind, name in enumerate(KINDS)},
        total=_count(own, ALL, objects),
        pages=len(own.heap.pages),
        walked=sum(stratum.walked for stratum in own.strata) + len(own.large),
        bytes=sum(page.end - page.start for page in own.heap.pages),
        unread=unread / to_read if to_read else 0.0,
        young=_count(own, ALL, [], young=True),
        moved=own.moved,
        large=sorted(
            (
                Large(
                    KINDS[kinds[one.slot]],
                    one.size,
                    one.elements,
                    Estimate(one.references, one.reference_error),
                    one.constants,
                )
                for one in objects
            ),
            key=lambda one: one.bytes,
            reverse=True,
        ),
    )


def _count(own: HeapSurvey, kind: int, large: list[LargeObject], *, young: bool = False) -> Count:
    strata = [stratum for stratum in own.strata if stratum.young or not young]

    def add_up(tally: int, alone: Estimate) -> Estimate:
        return sum((stratum.of_kind(kind, tally) for stratum in strata), alone)

    error = sum(one.reference_error**2 for one in large) ** 0.5
    return Count(
        objects=add_up(0, Estimate(len(large))),
        bytes=add_up(1, Estimate(sum(one.size for one in large))),
        elements=add_up(2, Estimate(sum(one.elements for one in large))),
        short=add_up(5, Estimate(sum(min(_NAME_LIMIT, one.elements) for one in large))),
        references=add_up(3, Estimate(sum(one.references for one in large), error)),
        constants=add_up(4, Estimate(sum(one.constants for one in large))),
        longest=max(
            (
                *(stratum.longest(kind) for stratum in strata),
                *(one.elements for one in large),
                0,
            )
        ),
    )
