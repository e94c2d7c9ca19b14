"""`heap diff`: what grew between two snapshots, and which object keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, starmap
from typing import Annotated, Any, Literal

from nodemem import results
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.findings.growth import Growth, growth
from nodemem.heap.findings.pairing import doubts
from nodemem.heap.findings.told import GROWTH_COLUMNS, growth_record
from nodemem.heap.naming.names import Names
from nodemem.results import SILENT, AtLeastOne, Column, Progress, Table, about

_CLASS_COLUMNS = (
    Column("class", role="class"),
    Column("added", unit="count"),
    Column("added_bytes", unit="bytes"),
)
_SURVIVOR_COLUMNS = (
    Column("class", role="class"),
    Column("id", role="node_id"),
    Column("grown_bytes", unit="bytes"),
    Column("shallow", unit="bytes"),
    Column("source", role="source"),
    Column("generated", role="source"),
)


class Params(results.Params, frozen=True, kw_only=True):
    top: Annotated[AtLeastOne | None, about(description="rows to show, the largest first")] = None
    by: Annotated[
        Literal["holder", "class", "survivor"],
        about(
            description="a row for each object that keeps new ones, for each class of new objects, "
            "or for each object that was there before and is now of another size"
        ),
    ] = "holder"


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """Growth from the first snapshot to the last. Figures of the whole heap are in `summary`.

    Of three snapshots, new is what was allocated between the first two and is alive in the third:
    what a program holds for the moment only is gone by then.

    Two snapshots that are not of one process, or in the wrong order, are compared all the same;
    the table then carries a warning.
    """
    before, *between, after = snapshots
    middle = between[0] if between else None
    progress.phase("growth", unit="nodes")
    names = Names(after)
    found = growth(before, after, names, middle=middle)
    columns, records = _rows(params.by, names, found)
    declared = (point.suspect.declared for point in found.points)
    unsure = names.locations.warnings(known and known.place for known in declared)
    doubtful = next(filter(None, starmap(doubts, pairwise(snapshots))), ())
    warnings = doubtful + (unsure if params.by == "holder" else ())
    table = Table(columns, records, summary=_figures(found), warnings=warnings)
    return table.head(params.top, "--top N shows more")


def _rows(by: str, names: Names, found: Growth) -> tuple[tuple[Column, ...], list[Any]]:
    if by == "class":
        return _CLASS_COLUMNS, list(found.classes)
    if by == "survivor":
        return _SURVIVOR_COLUMNS, [_survivor(names, *item) for item in found.grown]
    return GROWTH_COLUMNS, [growth_record(names, point) for point in found.points]


def _survivor(names: Names, ordinal: int, by: int) -> tuple[object, ...]:
    place = names.place(ordinal)
    return (
        names.class_name(ordinal),
        names.snapshot.node_id(ordinal),
        by,
        names.snapshot.shallow_size(ordinal),
        None if place is None else str(place),
        None if place is None else place.generated_text,
    )


def _figures(found: Growth) -> dict[str, Any]:
    return {
        "total_before": found.total_before,
        "total_after": found.total_after,
        "new_count": found.new_count,
        "new_bytes": found.new_bytes,
        "gone_count": found.gone_count,
        "gone_bytes": found.gone_bytes,
        "survivor_bytes": found.survivor_bytes,
    }
