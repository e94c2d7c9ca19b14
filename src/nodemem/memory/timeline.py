"""A recording at a glance: of each figure of memory how it began, went, and ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nodemem.records import MemorySample, ProcessEnd, ProcessFacts, ProcessSample, Record
from nodemem.results import Column, Table

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
        return self._table(_FIGURES, bytes_=True)

    def counts(self) -> Table:
        """The same of threads and open files."""
        return self._table(_COUNTS, bytes_=False)

    def _table(self, figures: Iterable[str], *, bytes_: bool) -> Table:
        unit = "bytes" if bytes_ else "count"
        names = ("first", "last", "least", "greatest")
        known = [(figure, self.courses[figure]) for figure in figures if figure in self.courses]
        return Table(
            columns=(Column("figure", role="name"), *(Column(name, unit=unit) for name in names)),  # type: ignore[arg-type]
            records=[(name, c.first, c.last, c.least, c.greatest) for name, c in known],
        )


def timeline(records: Iterable[Record]) -> Timeline:
    """Read a recording through, in bounded memory."""
    seen = Timeline()
    for record in records:
        if isinstance(record, ProcessFacts):
            seen.facts = record
            continue
        seen.seconds = record.time
        if isinstance(record, ProcessEnd):
            seen.end = record
        for figure, value in _figures(record):
            if value is None:
                continue
            if figure not in seen.courses:
                seen.courses[figure] = Course(value, value, value, value)
            seen.courses[figure].add(value)
        seen.readings += isinstance(record, ProcessSample | MemorySample)
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
