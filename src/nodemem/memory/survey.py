"""Walking a sample of the pages of all heaps: what they hold, by map and by kind.

Node.js' own objects lie close together, on the first pages of a space and on pages that V8 has
marked as not to be moved: all of these are walked. The other pages of a space are taken in the
order in which the space got them, and at even distances: programs build things one after another,
so neighbours are alike, and an even choice meets every phase.

For a part of N pages of which n were walked, a total is N/n times what these have. Its standard
error is sqrt(N (N - n) d / (2 n (n - 1))), where d is the sum of the squared differences between
walked pages that follow each other (Wolter, Introduction to Variance Estimation, chapter 8:
systematic samples). Where all pages were walked it is 0.
"""

from __future__ import annotations

import time
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nodemem import kernels
from nodemem.memory import pages, spaces
from nodemem.memory.layouts import KINDS, Layouts
from nodemem.memory.metadata import Metadata
from nodemem.memory.pages import Heap, Page
from nodemem.memory.walk import LargeObject, Walker
from nodemem.records import AddressSpace
from nodemem.results import SILENT, Progress

_OBJECTS = kernels.load("objects")
WIDTH: int = _OBJECTS.WIDTH
"""How many tallies there are of each map and of each kind; `kernels/objects.py` names them."""
ALL = len(KINDS)
"""The kind that is all together, gaps left out."""

_PAGE_WIDTH = WIDTH * (len(KINDS) + 1)
_FEWEST_PAGES = 128  # of those that a sample may be taken of: walked whatever the time
_FIRST_PAGES = 24
_PAUSES = (0.02, 0.1)  # seconds that a collection may take
_LOOK = 0.001  # seconds, in which there is hardly time for two collections


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


class Stratum:
    """Pages of one space, alike in V8's eyes (the same flags), in the space's order; and sums over
    those of them that were walked.

    `tried` is how many pages were to be walked. `totals` and `squares` are sums over pages by map,
    WIDTH numbers each. `to_read` is how many
    bytes were to be read, `unread` those of them that no object could be told for.
    """

    def __init__(self, own: list[Page]) -> None:
        self.pages = own
        self.young = own[0].young
        self.to_read = 0
        self.unread = 0
        self.totals = array("Q")
        self.squares = array("d")
        self.tried = 0
        self._walked: list[int] = []  # the places of walked pages, as they came
        self._by_page = array("Q")
        self._sums: tuple[array[int], array[float]] | None = None

    @property
    def walked(self) -> int:
        """How many pages were walked."""
        return len(self._walked)

    def walk(self, place: int, unused: list[tuple[int, int]], walker: Walker) -> None:
        """Add the page at `place` in the order."""
        page = self.pages[place]
        self.tried += 1
        done = walker.page(page, unused)
        if done is None:
            self.to_read += page.end - page.start
            self.unread += page.end - page.start
            return
        self.to_read += done.size - done.empty
        self.unread += done.unread
        missing = len(walker.tallies) - len(self.totals)
        if missing:
            self.totals.extend(array("Q", bytes(8 * missing)))
            self.squares.extend(array("d", bytes(8 * missing)))
        by_kind = array("Q", bytes(8 * _PAGE_WIDTH))
        _OBJECTS.fold(
            memoryview(walker.tallies),
            len(walker.maps),
            memoryview(self.totals),
            memoryview(self.squares),
            memoryview(walker.maps.kinds),
            len(KINDS),
            memoryview(by_kind),
        )
        self._walked.append(place)
        self._by_page.extend(by_kind)
        self._sums = None

    def of_kind(self, kind: int, tally: int) -> Estimate:
        """A tally of a kind (or ALL) over all pages."""
        totals, differences = self._added()
        at = kind * WIDTH + tally
        n, of = self.walked, len(self.pages)
        value = totals[at] * of / n if n else 0.0
        if n == of:
            return Estimate(value)
        if n < 2:
            return Estimate(value, value)
        return Estimate(value, (of * (of - n) * differences[at] / (2 * n * (n - 1))) ** 0.5)

    def longest(self, kind: int) -> int:
        """The most elements of one object of a kind (or ALL) that was seen."""
        at = kind * WIDTH + 6
        return max(self._by_page[at::_PAGE_WIDTH], default=0)

    def maps(self) -> Iterator[int]:
        """The slots of the maps that were met."""
        return (slot for slot, objects in enumerate(self.totals[::WIDTH]) if objects)

    def of_map(self, slot: int, tally: int) -> Estimate:
        """A tally of one map over all pages. Its error takes the pages as chosen by chance, which
        is too careful where neighbours are alike."""
        at = slot * WIDTH + tally
        n, of = self.walked, len(self.pages)
        if at >= len(self.totals) or n == 0:
            return Estimate(0.0)
        total = self.totals[at]
        value = total * of / n
        if n == of:
            return Estimate(value)
        if n < 2:
            return Estimate(value, value)
        variance = max(0.0, self.squares[at] - total * total / n) / (n - 1)
        return Estimate(value, (of * (of - n) * variance / n) ** 0.5)

    def _added(self) -> tuple[array[int], array[float]]:
        if self._sums is None:
            totals = array("Q", bytes(8 * _PAGE_WIDTH))
            differences = array("d", bytes(8 * _PAGE_WIDTH))
            order = array("I", sorted(range(self.walked), key=self._walked.__getitem__))
            _OBJECTS.spread(
                memoryview(self._by_page),
                memoryview(order),
                _PAGE_WIDTH,
                memoryview(totals),
                memoryview(differences),
            )
            self._sums = totals, differences
        return self._sums


class HeapSurvey:
    """One heap: its ordinary pages in `strata`, its large objects in `large`.
    `lost` are the bytes of large objects that could not be told; `moved` says whether V8 moved
    objects meanwhile, or was just about to, where the process stands still, or that it may have."""

    def __init__(self, heap: Heap, names: Sequence[str]) -> None:
        self.heap = heap
        self.large: list[LargeObject] = []
        self.lost = 0
        self.moved = False
        self.large_pages: list[Page] = []
        self._watched = next((page for page in heap.pages if page.young), None)
        ordinary: dict[tuple[int, int], list[Page]] = defaultdict(list)
        for page in heap.pages:
            name = names[page.space_id] if page.space_id < len(names) else ""
            if "large_object" in name or page.size > pages.ALIGNMENT:
                self.large_pages.append(page)
            else:
                ordinary[page.owner, page.flags].append(page)
        self.strata = [
            Stratum(part)
            for own in ordinary.values()
            for part in (own[:_FIRST_PAGES], own[_FIRST_PAGES:])
            if part
        ]

    @property
    def is_half_filled(self) -> bool:
        """Whether hardly anything could be told on a page of the new generation. That is so in the
        middle of a collection: its threads take pieces of a page before they fill them, and what
        lies there until then are remains of objects."""
        return any(one.young and one.walked < one.tried for one in self.strata)

    def look(self, space: AddressSpace) -> None:
        """Whether a collection has begun meanwhile: two of them leave no trace at the end."""
        if not self.moved and self._watched is not None:
            self.moved = pages.exchanged(space, self._watched)

    def read_large(self, walker: Walker) -> None:
        for page in self.large_pages:
            found = walker.large(page)
            if found is None:
                self.lost += page.end - page.start
            else:
                self.large.append(found)


@dataclass(frozen=True)
class Survey:
    """All heaps of an address space, the walker that knows their maps, and how many constants V8
    has besides."""

    heaps: list[HeapSurvey]
    walker: Walker
    constants: int


def take(
    space: AddressSpace, symbols: Metadata, budget: Budget, progress: Progress = SILENT
) -> Survey:
    """Walk as many pages as `budget` allows; large objects are always looked at.

    What a collection moved meanwhile may have been counted twice, or not at all. So a heap in which
    one ran is walked again, a few times at most and only while there is time, until it is over.
    """
    started = time.monotonic()
    shared = pages.read_only(space)
    walker = Walker(space, Layouts(symbols), shared)
    constants = walker.objects_on(shared)
    names = spaces.names(symbols)
    surveyed: dict[int, HeapSurvey] = {}
    for pause in (0.0, *_PAUSES):
        if pause:
            in_time = time.monotonic() - started < budget.seconds
            if not in_time or not any(heap.moved for heap in surveyed.values()):
                break
            time.sleep(pause)
            walker.maps.forget()
        found = {heap.address: heap for heap in pages.find(space)}
        still = {at: one for at, one in surveyed.items() if at in found and not one.moved}
        again = [HeapSurvey(heap, names) for at, heap in found.items() if at not in still]
        _walk(space, again, walker, budget, progress)
        surveyed = still | {one.heap.address: one for one in again}
    return Survey([surveyed[at] for at in sorted(surveyed)], walker, constants)


def _walk(
    space: AddressSpace,
    heaps: list[HeapSurvey],
    walker: Walker,
    budget: Budget,
    progress: Progress,
) -> None:
    started = looked = time.monotonic()
    for heap in heaps:
        heap.read_large(walker)
    ordinary = sum(page.size for heap in heaps for one in heap.strata for page in one.pages)
    progress.phase("objects", total=min(ordinary, budget.bytes))
    read = sampled = 0
    for heap, stratum, place in _evenly(heaps):
        now = time.monotonic()
        late = now - started > budget.seconds and sampled >= _FEWEST_PAGES
        if late or read > budget.bytes:
            break
        if now - looked > _LOOK:
            for one in heaps:
                one.look(space)
            looked = now
        stratum.walk(place, heap.heap.unused, walker)
        read += stratum.pages[place].size
        sampled += len(stratum.pages) > _FIRST_PAGES
        progress.update(read)
    for heap in heaps:
        heap.moved = heap.moved or heap.is_half_filled or pages.moved(space, heap.heap)


def _evenly(heaps: list[HeapSurvey]) -> Iterator[tuple[HeapSurvey, Stratum, int]]:
    """All pages of all strata, so that what comes first is spread evenly over each of them.

    The places of a stratum are ordered by their bits read backwards (van der Corput), and strata
    advance at the same pace; but small strata come first.
    """
    queue: list[tuple[float, int, HeapSurvey, Stratum, int]] = []
    for heap in heaps:
        for stratum in heap.strata:
            n = len(stratum.pages)
            bits = max(1, (n - 1).bit_length())
            for place in range(n):
                turn = _reversed(place, bits) / (1 << bits) if n > _FIRST_PAGES else -1.0
                queue.append((turn, len(queue), heap, stratum, place))
    queue.sort(key=lambda entry: entry[:2])
    for _, _, heap, stratum, place in queue:
        yield heap, stratum, place


def _reversed(number: int, bits: int) -> int:
    return int(f"{number:0{bits}b}"[::-1], 2)
