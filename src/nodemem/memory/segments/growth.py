"""What grew between two memory maps, by category; they may be of one process or of two."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Literal

from nodemem.memory.segments.types import SEGMENTS, MemoryMap, Segment
from nodemem.memory.segments.who import Who
from nodemem.results import Column, Table

Doubt = Literal[
    "swapped",
    "other_machine",
    "other_process",
    "other_version",
    "less_seen",
    "files",
    "workers",
    "estimates",
]
"""Why a comparison may mislead: the first map was the later one, and they were exchanged; they are
of different machines, processes or releases of Node.js; one says less than the other, so that only
what both say is compared; other workers run, which are numbered anew; a figure is an estimate."""

_FINE = frozenset(("segments", "rest", "spaces", "malloc"))
"""What is unseen decides which categories there are."""


@dataclass(frozen=True)
class Row:
    """One category, bytes; `category` is None where only segments can be compared, `before` or
    `after` are 0 where there was none."""

    segment: Segment | None
    category: str | None
    isolate: str | None
    before: int
    after: int

    @property
    def growth(self) -> int:
        return self.after - self.before


@dataclass(frozen=True)
class Growth:
    """Rows whose `before` and `after` add up to the RSS of the two maps, the greatest change first.
    `seconds` lie between them, None where they are not known to be of one process."""

    before: MemoryMap
    after: MemoryMap
    whose: tuple[Who, Who]
    rows: tuple[Row, ...]
    seconds: float | None
    doubts: tuple[Doubt, ...]

    @property
    def growth(self) -> int:
        """Bytes by which RSS grew."""
        return self.after.rss - self.before.rss

    def outside(self) -> list[tuple[str, int, int]]:
        """What is known of both besides RSS: (name, before, after), bytes."""
        names = ("page_tables", "swap", "reserved", "group_kernel")
        pairs = [
            (name, getattr(self.before.outside, name), getattr(self.after.outside, name))
            for name in names
        ]
        return [pair for pair in pairs if None not in pair]

    def table(self, warnings: tuple[str, ...] = ()) -> Table:
        """The rows; `summary` has RSS before and after, its growth, and the seconds between."""
        return Table(
            columns=(
                Column("segment", role="kind"),
                Column("category", role="name"),
                Column("isolate"),
                Column("before", unit="bytes"),
                Column("after", unit="bytes"),
                Column("growth", unit="bytes"),
            ),
            records=[
                (one.segment, one.category, one.isolate, one.before, one.after, one.growth)
                for one in self.rows
            ],
            summary={
                "rss_before": self.before.rss,
                "rss_after": self.after.rss,
                "growth": self.growth,
                "seconds": self.seconds,
            },
            warnings=warnings,
        )

    def to_data(self) -> dict[str, Any]:
        """The JSON form."""
        table = self.table()
        return {
            **table.summary,
            "rows": table.rows(),
            "outside": [
                {"name": name, "before": before, "after": after}
                for name, before, after in self.outside()
            ],
            "doubts": self.doubts,
        }


def compare(
    first: tuple[Who, MemoryMap], second: tuple[Who, MemoryMap], *, same: bool = False
) -> Growth:
    """What grew from the first map to the second; of one process, from the earlier to the later.
    `same` says that they are of one process, where they themselves do not tell."""
    doubts: list[Doubt] = []
    same = same or (first[0].identity is not None and first[0].identity == second[0].identity)
    ages = first[0].age, second[0].age
    seconds = None
    if same and ages[0] is not None and ages[1] is not None:
        seconds = abs(ages[1] - ages[0])
        if ages[1] < ages[0]:
            first, second = second, first
            doubts.append("swapped")
    if not same:
        doubts += _others(first[0], second[0])
    before, after = first[1], second[1]
    unseen = [_FINE.intersection(one.unseen) for one in (before, after)]
    coarse = unseen[0] != unseen[1]
    if coarse:
        doubts.append("less_seen")
    if ("files" in before.unseen) != ("files" in after.unseen):
        doubts.append("files")
    total = bool({"segments", "rest"} & (unseen[0] | unseen[1]))
    sums = [_sums(one, coarse=coarse, total=total) for one in (before, after)]
    if not coarse and _workers(before) != _workers(after):
        doubts.append("workers")
    if any(one.exactness == "estimate" for many in (before, after) for one in many.categories):
        doubts.append("estimates")
    rows = [
        Row(*key, before=sums[0].get(key, 0), after=sums[1].get(key, 0))
        for key in {**sums[0], **sums[1]}
    ]
    rows.sort(key=_order)
    return Growth(before, after, (first[0], second[0]), tuple(rows), seconds, tuple(doubts))


Key = tuple[Segment | None, str | None, str | None]


def _sums(found: MemoryMap, *, coarse: bool, total: bool) -> dict[Key, int]:
    """RSS by what both maps can tell: category and isolate, segment only, or nothing."""
    sums: dict[Key, int] = defaultdict(int)
    for one in found.categories:
        if not coarse:
            sums[one.segment, one.category, one.isolate] += one.rss
        else:
            sums[None if total else one.segment, None, None] += one.rss
    return sums


def _others(first: Who, second: Who) -> list[Doubt]:
    """Who they are of, as far as it is known not to be the same."""
    found: list[Doubt] = []
    if None not in (first.boot, second.boot) and first.boot != second.boot:
        found.append("other_machine")
    elif None not in (first.identity, second.identity) or first.pid != second.pid:
        found.append("other_process")
    if None not in (first.version, second.version) and first.version != second.version:
        found.append("other_version")
    return found


def _workers(found: MemoryMap) -> set[str]:
    return {
        one.isolate
        for one in found.categories
        if one.isolate is not None and one.isolate.startswith("worker ")
    }


def _order(row: Row) -> tuple[Any, ...]:
    segment = len(SEGMENTS) if row.segment is None else SEGMENTS.index(row.segment)
    return -abs(row.growth), segment, row.category or "", row.isolate or ""
