"""How many objects and references a process's heaps hold, from a sample of their pages.

Nothing in the process is asked or stopped: its pages are read from outside. All pages of a heap are
alike enough that some hundred of them tell what is on all, with an error that is told too. What
lies on the pages is counted, alive or not: garbage that V8 has not collected yet is in it. Objects
with a page of their own are few and matter much, so each of them is looked at.

For one space of N pages of which n were walked, a total is N/n times what these have, and its
standard error sqrt(N (N - n) s2 / n), with s2 the variance between pages (simple random sampling
without replacement). All pages are walked where the heap is small, and then the error is 0.
"""

from __future__ import annotations

import random
import time
from array import array
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from nodemem import kernels
from nodemem.memory import pages, spaces
from nodemem.memory.layouts import KIND, KINDS, Layouts
from nodemem.memory.metadata import Metadata
from nodemem.memory.pages import Heap, Page
from nodemem.memory.walk import LargeObject, Walker
from nodemem.records import AddressSpace

_OBJECTS = kernels.load("objects")
_WIDTH: int = _OBJECTS.WIDTH
_FEWEST_PAGES = 48  # walked whatever the time


@dataclass(frozen=True)
class Budget:
    """How much may be read: bytes of pages, and seconds, whichever ends first."""

    bytes: int = 256 << 20
    seconds: float = 0.3


@dataclass(frozen=True)
class Estimate:
    """A number and its standard error; 0.0 where it was counted."""

    value: float
    error: float = 0.0

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(self.value + other.value, (self.error**2 + other.error**2) ** 0.5)


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
    is garbage as a rule. `large` are the objects with a page of their own, the biggest first.
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
    large: list[Large] = field(repr=False)


@dataclass(frozen=True)
class Census:
    """All heaps of a process, the biggest first, and how long the counting took in seconds."""

    heaps: list[HeapCensus]
    seconds: float

    @property
    def main(self) -> HeapCensus | None:
        """The main thread's heap; None where it cannot be told."""
        found = [heap for heap in self.heaps if heap.main]
        return found[0] if len(found) == 1 else None


def take(space: AddressSpace, symbols: Metadata, budget: Budget | None = None) -> Census:
    """Count the objects in all heaps of an address space.

    `symbols` are those of the program that runs in it (`metadata.load`). The pages to be walked
    are chosen by chance, but in the same order each time.
    """
    started = time.monotonic()
    found = pages.find(space)
    walker = Walker(space, Layouts(symbols), pages.read_only(space))
    names = spaces.names(symbols)
    surveys = [_Survey(heap, names) for heap in found]
    for survey in surveys:
        for page in survey.large_pages:
            survey.add_large(page, walker)
    _sample(surveys, walker, budget or Budget(), started)
    main = _main_heap(space, found)
    heaps = [survey.census(walker, main) for survey in surveys]
    heaps.sort(key=lambda heap: heap.bytes, reverse=True)
    return Census(heaps, time.monotonic() - started)


def _sample(surveys: list[_Survey], walker: Walker, budget: Budget, started: float) -> None:
    queue = [
        (survey, stratum, page)
        for survey in surveys
        for stratum in survey.strata
        for page in stratum.pages
    ]
    random.Random(0).shuffle(queue)
    read = 0
    for n, (survey, stratum, page) in enumerate(queue):
        late = time.monotonic() - started > budget.seconds and n >= _FEWEST_PAGES
        if late or read > budget.bytes:
            break
        stratum.walk(page, survey.heap.unused, walker)
        read += page.size


def _main_heap(space: AddressSpace, heaps: list[Heap]) -> int | None:
    """The heap of the main thread: its isolate was allocated where only that thread allocates."""
    ranges = [(one.start, one.end) for one in space.mappings() if one.file == "[heap]"]
    found = [h.address for h in heaps if any(a <= h.address < b for a, b in ranges)]
    if len(heaps) == 1:
        return heaps[0].address
    return found[0] if len(found) == 1 else None


class _Stratum:
    """The ordinary pages of one space, and sums over those of them that were walked."""

    def __init__(self, pages: list[Page]) -> None:
        self.pages = pages
        self.young = pages[0].young
        self.walked = 0
        self.to_read = 0
        self.unread = 0
        self.totals = array("Q")
        self.squares = array("d")
        width = _WIDTH * (len(KINDS) + 1)
        self._page = array("Q", bytes(8 * width))
        self._kind_totals = array("Q", bytes(8 * width))
        self._kind_squares = array("d", bytes(8 * width))

    def walk(self, page: Page, unused: list[tuple[int, int]], walker: Walker) -> None:
        done = walker.page(page, unused)
        if done is None:
            self.to_read += page.end - page.start
            self.unread += page.end - page.start
            return
        self.walked += 1
        self.to_read += done.size - done.empty
        self.unread += done.unread
        missing = len(walker.tallies) - len(self.totals)
        if missing:
            self.totals.extend(array("Q", bytes(8 * missing)))
            self.squares.extend(array("d", bytes(8 * missing)))
        _OBJECTS.fold(
            walker.tallies,
            len(walker.maps),
            walker.maps.kinds,
            len(KINDS),
            self._page,
            self.totals,
            self.squares,
            self._kind_totals,
            self._kind_squares,
        )

    def estimate(self, kind: int, tally: int) -> Estimate:
        at = kind * _WIDTH + tally
        return expand(self._kind_totals[at], self._kind_squares[at], self.walked, len(self.pages))

    def longest(self, kind: int) -> int:
        return self._kind_totals[kind * _WIDTH + 6]


def expand(total: float, squares: float, walked: int, pages: int) -> Estimate:
    """The total over all `pages` from the sum and the sum of squares over those `walked`."""
    if walked == 0:
        return Estimate(0.0, 0.0)
    value = total * pages / walked
    if walked == pages:
        return Estimate(value)
    if walked == 1:
        return Estimate(value, value)
    variance = max(0.0, squares - total * total / walked) / (walked - 1)
    return Estimate(value, (pages * (pages - walked) * variance / walked) ** 0.5)


class _Survey:
    """One heap while it is counted."""

    def __init__(self, heap: Heap, names: Sequence[str]) -> None:
        self.heap = heap
        self.large_pages: list[Page] = []
        ordinary: dict[int, list[Page]] = defaultdict(list)
        for page in heap.pages:
            name = names[page.space_id] if page.space_id < len(names) else ""
            if "large_object" in name or page.size > pages.ALIGNMENT:
                self.large_pages.append(page)
            else:
                ordinary[page.owner].append(page)
        self.strata = [_Stratum(own) for own in ordinary.values()]
        self._large: list[LargeObject] = []
        self._lost = 0

    def add_large(self, page: Page, walker: Walker) -> None:
        found = walker.large(page)
        if found is None:
            self._lost += page.end - page.start
        else:
            self._large.append(found)

    def census(self, walker: Walker, main: int | None) -> HeapCensus:
        kinds = walker.maps.kinds
        by_kind: dict[int, list[LargeObject]] = defaultdict(list)
        for one in self._large:
            by_kind[kinds[one.slot]].append(one)
        objects = [one for one in self._large if kinds[one.slot] != KIND["free"]]
        to_read = sum(stratum.to_read for stratum in self.strata) + self._lost
        to_read += sum(one.size for one in self._large)
        unread = sum(stratum.unread for stratum in self.strata) + self._lost
        used = self.heap.pages
        return HeapCensus(
            address=self.heap.address,
            main=None if main is None else self.heap.address == main,
            kinds={name: self._count(kind, by_kind[kind]) for kind, name in enumerate(KINDS)},
            total=self._count(len(KINDS), objects),
            pages=len(used),
            walked=sum(stratum.walked for stratum in self.strata) + len(self._large),
            bytes=sum(page.end - page.start for page in used),
            unread=unread / to_read if to_read else 0.0,
            young=self._count(len(KINDS), [], young=True),
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

    def _count(self, kind: int, large: list[LargeObject], *, young: bool = False) -> Count:
        strata = [stratum for stratum in self.strata if stratum.young or not young]

        def add_up(tally: int, alone: Estimate) -> Estimate:
            return sum((stratum.estimate(kind, tally) for stratum in strata), alone)

        errors = sum(one.reference_error**2 for one in large) ** 0.5
        limit: int = _OBJECTS.NAME_LIMIT
        return Count(
            objects=add_up(0, Estimate(len(large))),
            bytes=add_up(1, Estimate(sum(one.size for one in large))),
            elements=add_up(2, Estimate(sum(one.elements for one in large))),
            short=add_up(5, Estimate(sum(min(limit, one.elements) for one in large))),
            references=add_up(3, Estimate(sum(one.references for one in large), errors)),
            constants=add_up(4, Estimate(sum(one.constants for one in large))),
            longest=max(
                (
                    *(stratum.longest(kind) for stratum in strata),
                    *(one.elements for one in large),
                    0,
                )
            ),
        )
