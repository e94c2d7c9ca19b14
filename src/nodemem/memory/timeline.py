"""A recording at a glance: of each figure of memory how it began, went, and ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nodemem.records import MemorySample, ProcessEnd, ProcessFacts, ProcessSample, Record
from nodemem.results import Column, Series, Table, Unit

_POINTS = 128

_FIGURES = (
    "rss", "anonymous", "file", "shared", "swap", "page_tables", "container",
    "heap_used", "heap_total", "external", "array_buffers",
)  # fmt: skip
_COUNTS = ("threads", "fds")


@dataclass
class Course:
    """One figure over time. `points` are the greatest values of equal runs of readings, at most
    128 however long the recording is."""

    first: int
    last: int
    least: int
    greatest: int
    points: list[int] = field(default_factory=list)
    _run: int = 1
    _filled: int = 0

    def add(self, value: int) -> None:
        self.last = value
        self.least, self.greatest = min(self.least, value), max(self.greatest, value)
        if self._filled % self._run:
            self.points[-1] = max(self.points[-1], value)
        else:
            self.points.append(value)
        self._filled += 1
        if len(self.points) == _POINTS and self._filled % self._run == 0:
            pairs = zip(self.points[::2], self.points[1::2], strict=True)
            self.points = [max(pair) for pair in pairs]
            self._run *= 2


@dataclass
class Timeline:
    """What a recording holds. `seconds` is the time of the last record; `end` is set where the
    process was seen to end."""

    facts: ProcessFacts | None = None
    end: ProcessEnd | None = None
    readings: int = 0
    seconds: float = 0.0
    courses: dict[str, Course] = field(default_factory=dict)

    def sizes(self) -> Table:
        """Rows `figure, first, last, least, greatest`, bytes; figures that were never read are
        missing."""
        return self._table(_FIGURES, "bytes")

    def counts(self) -> Table:
        """The same of threads and open files."""
        return self._table(_COUNTS, "count")

    def series(self) -> list[Series]:
        """How RSS and the heap in use went, at most 128 points each."""
        return [
            Series(name, "bytes", _times(self.seconds, len(points)), points)
            for name in ("rss", "heap_used")
            if name in self.courses
            for points in [self.courses[name].points]
        ]

    def to_data(self) -> dict[str, Any]:
        """The JSON form: who, how long, and the rows of `sizes` and `counts`."""
        return {
            "process": self.facts,
            "readings": self.readings,
            "seconds": self.seconds,
            "sizes": self.sizes().rows(),
            "counts": self.counts().rows(),
            "end": self.end,
        }

    def _table(self, figures: Iterable[str], unit: Unit) -> Table:
        names = ("first", "last", "least", "greatest")
        known = [(figure, self.courses[figure]) for figure in figures if figure in self.courses]
        return Table(
            columns=(Column("figure", role="name"), *(Column(name, unit=unit) for name in names)),
            records=[(name, c.first, c.last, c.least, c.greatest) for name, c in known],
        )


def _times(seconds: float, count: int) -> list[float]:
    return [seconds * i / max(1, count - 1) for i in range(count)]


def timeline(records: Iterable[Record]) -> Timeline:
    """Read a recording through, in bounded memory."""
    seen, taken = Timeline(), Counter[type[Record]]()
    for record in records:
        if isinstance(record, ProcessFacts):
            seen.facts = record
            continue
        if record.time is not None:  # a collection is told after it has happened
            seen.seconds = max(seen.seconds, record.time)
        if isinstance(record, ProcessEnd):
            seen.end = record
        for figure, value in _figures(record):
            if value is None:
                continue
            if figure not in seen.courses:
                seen.courses[figure] = Course(value, value, value, value)
            seen.courses[figure].add(value)
        taken[type(record)] += 1
    seen.readings = max(taken[ProcessSample], taken[MemorySample])
    return seen


def _figures(record: Record) -> Iterator[tuple[str, int | None]]:
    if isinstance(record, ProcessSample):
        resident = record.resident
        for name in ("rss", "anonymous", "file", "shared", "swap", "page_tables"):
            yield name, getattr(resident, name)
        yield "container", record.groups[0].used if record.groups else None
        yield "threads", record.threads
        yield "fds", record.fds
    elif isinstance(record, MemorySample):
        for name in ("rss", "heap_used", "heap_total", "external", "array_buffers"):
            yield name, getattr(record, name)
