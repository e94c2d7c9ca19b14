"""The objects on V8's pages, counted page by page."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from nodemem import kernels
from nodemem.memory.layouts import Layouts
from nodemem.memory.maps import MapTable
from nodemem.memory.pages import Page
from nodemem.records import AddressSpace

_OBJECTS = kernels.load("objects")
_WIDTH: int = _OBJECTS.WIDTH
_MOST_STRANGERS = 1 << 14
_MOST_WALKS = 4
_RUN = 6  # so many objects in a row are taken for objects
_MOST_BREAKS = 512
_UNIT = 4096
_WHOLE = 1 << 18  # bytes of a large object up to which all of its slots are looked at
_PIECES = 32


@dataclass(frozen=True)
class Walked:
    """What became of one page: bytes from its first object to its end, without `empty` ones that
    hold nothing yet; `unread` of them belong to no object that could be told."""

    size: int
    empty: int
    unread: int


@dataclass(frozen=True)
class LargeObject:
    """An object that has a page of its own. `slot` is that of its map; `elements` the length of an
    array or string. The references are estimates where only parts were read, `reference_error`
    being one standard error."""

    slot: int
    size: int
    elements: int
    references: int
    constants: int
    reference_error: float


class Walker:
    """Walks pages of one address space. What was met last is in `tallies`, by slot of `maps`, as
    the kernel `objects` lays it out, until somebody folds it into sums."""

    def __init__(self, space: AddressSpace, layouts: Layouts, constants: list[Page]) -> None:
        self._space = space
        self.maps = MapTable(space, layouts)
        self.tallies = array("Q", bytes(8 * _WIDTH * 1024))
        ranges = ((page.base, page.base + page.size) for page in constants)
        self._constants = memoryview(array("Q", [bound for pair in ranges for bound in pair]))
        self._info = memoryview(array("q", [0, 0, 0]))
        self._found = memoryview(array("Q", [0, 0]))
        self._strangers = memoryview(array("Q", bytes(8 * _MOST_STRANGERS)))

    def page(self, page: Page, unused: list[tuple[int, int]]) -> Walked | None:
        """Count the objects on a page into `tallies`; None, and nothing counted, where it cannot
        be read or hardly anything on it can be told.

        `unused` are ranges [start, end) of addresses that hold no objects.
        """
        data = self._space.read_sparse(page.start, page.end - page.start)
        if data is None:
            return None
        words = memoryview(data).cast("Q")
        done = self._walk_parts(words, _parts(page, unused))
        for _ in range(_MOST_WALKS - 1):
            if not self.maps.add_any(set(self._strangers[: self._info[2]])):
                break
            self._forget()  # objects were overlooked; now their maps are known
            done = self._walk_parts(words, _parts(page, unused))
        if done.unread * 4 > 3 * (done.size - done.empty):
            self._forget()
            return None
        return done

    def _walk_parts(self, words: memoryview, parts: list[tuple[int, int]]) -> Walked:
        self._info[2] = 0
        size = empty = unread = breaks = 0
        for start, end in parts:
            size += (end - start) * 8
            at = start
            while at < end:
                outcome = self._walk(words, at, end)
                at = self._info[0]
                empty += self._info[1] * 8
                if outcome == _OBJECTS.DONE:
                    break
                if outcome == _OBJECTS.UNKNOWN_MAP and self._learn(words[at]):
                    continue
                resumed = _OBJECTS.resume(
                    words,
                    at,
                    end,
                    _RUN,
                    memoryview(self.maps.keys),
                    memoryview(self.maps.slots),
                    memoryview(self.maps.rules),
                )
                unread += (resumed - at) * 8
                at = resumed
                breaks += 1
                if breaks > _MOST_BREAKS:
                    unread += (end - at) * 8
                    break
        return Walked(size, empty, unread)

    def objects_on(self, pages: list[Page]) -> int:
        """How many objects are on pages, which are counted nowhere else."""
        for page in pages:
            data = self._space.read_sparse(page.start, page.end - page.start)
            if data is not None:
                self._walk_parts(memoryview(data).cast("Q"), _parts(page, []))
        count = sum(self.tallies[::_WIDTH])
        self._forget()
        return count

    def large(self, page: Page) -> LargeObject | None:
        """The object on a page of its own; None where it cannot be told."""
        head = self._space.read(page.start, min(_UNIT, page.end - page.start))
        if head is None:
            return None
        words = memoryview(head[: len(head) // 8 * 8]).cast("Q")
        slot = self._slot(words[0])
        if slot is None:
            return None
        field, shift, mask, base, stride, first, last, step = self.maps.rules[
            slot * _WIDTH : (slot + 1) * _WIDTH
        ]
        if field >= len(words):
            return None
        elements = words[field] >> shift & mask
        size = page.end - page.start if step else base + elements * stride
        if not 0 < size <= page.end - page.start:
            return None
        start, end = page.start + 8 * first, page.start + min(8 * last, size // 8 * 8)
        references, constants, error = self._references(start, max(start, end))
        return LargeObject(slot, size, elements, references, constants, error)

    def _walk(self, words: memoryview, at: int, end: int) -> int:
        outcome: int = _OBJECTS.walk(
            words,
            at,
            end,
            memoryview(self.maps.keys),
            memoryview(self.maps.slots),
            memoryview(self.maps.rules),
            memoryview(self.tallies),
            self._constants,
            self._found,
            self._strangers,
            self._info,
        )
        return outcome

    def _slot(self, word: int) -> int | None:
        slot = self.maps.slot(word)
        if slot is None and self._learn(word):
            slot = self.maps.slot(word)
        return slot

    def _learn(self, word: int) -> bool:
        known = self.maps.add(word)
        self._make_room()
        return known

    def _forget(self) -> None:
        self.tallies = array("Q", bytes(8 * len(self.tallies)))
        self._make_room()

    def _make_room(self) -> None:
        """For all maps that are known; several may have been learnt at once."""
        while len(self.maps) * _WIDTH > len(self.tallies):
            self.tallies.extend(array("Q", bytes(8 * len(self.tallies))))

    def _references(self, start: int, end: int) -> tuple[int, int, float]:
        """References and those to constants in a range, and the standard error of the first. Of a
        long one, pieces at even distances are read."""
        if end - start <= _WHOLE:
            found = self._count(start, end)
            return (*found, 0.0) if found else (0, 0, float(end - start) / 8)
        step = (end - start) / _PIECES
        starts = (start + int(i * step) // 8 * 8 for i in range(_PIECES))
        found_at = (self._count(at, at + _UNIT) for at in starts)
        pieces = [piece for piece in found_at if piece is not None]
        n, scale = len(pieces), (end - start) / _UNIT
        if n < 2:
            return 0, 0, float(end - start) / 8
        mean = sum(piece[0] for piece in pieces) / n
        fixed = sum(piece[1] for piece in pieces) / n
        spread = sum((piece[0] - mean) ** 2 for piece in pieces) / (n - 1)
        return round(mean * scale), round(fixed * scale), scale * (spread / n) ** 0.5

    def _count(self, start: int, end: int) -> tuple[int, int] | None:
        data = self._space.read_sparse(start, end - start)
        if data is None:
            return None
        words = memoryview(data).cast("Q")
        _OBJECTS.references(words, 0, len(words), self._constants, self._found)
        return self._found[0], self._found[1]


def _parts(page: Page, unused: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of a page that may hold objects, as words from its first object on."""
    parts = []
    at = page.start
    for start, end in unused:
        if page.start <= start < page.end:
            if at < start:
                parts.append(((at - page.start) // 8, (start - page.start) // 8))
            at = max(at, end)
    if at < page.end:
        parts.append(((at - page.start) // 8, (page.end - page.start) // 8))
    return parts
