"""`heap shapes`: hidden classes, dictionaries, spare fields."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from nodemem import results
from nodemem.heap.anatomy.rows import cut, source_text
from nodemem.heap.anatomy.shapes import ClassShapes, class_shapes
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.heap.statistics import statistics
from nodemem.results import (
    SILENT,
    AtLeastOne,
    Column,
    Evidence,
    Finding,
    Progress,
    Table,
    Where,
    about,
)

_COLUMNS = (
    Column("class", role="class"),
    Column("objects", unit="count"),
    Column("shapes", unit="count"),
    Column("shape_bytes", unit="bytes"),
    Column("dictionaries", unit="count"),
    Column("dictionary_bytes", unit="bytes"),
    Column("slack", unit="bytes"),
    Column("id", role="node_id"),
    Column("source", role="source"),
)
_MANY = 50
_WORTH_TELLING, _SHARE_WORTH_TELLING = 100_000, 0.01


class Params(results.Params, frozen=True, kw_only=True):
    top: Annotated[AtLeastOne, about(description="rows to show, the largest first")] = 20


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A row for each class of the program, and one for plain objects."""
    snapshot = snapshots[0]
    progress.phase("shapes", unit="nodes")
    names = Names(snapshot)
    found = class_shapes(names)
    table = Table(
        _COLUMNS,
        [_record(names, one) for one in found[: params.top]],
        findings=tuple(_findings(names, found)),
    )
    return cut(table, len(found))


def _record(names: Names, one: ClassShapes) -> tuple[Any, ...]:
    return (
        one.class_name,
        one.objects,
        one.shapes,
        one.shape_bytes,
        one.dictionaries,
        one.dictionary_bytes,
        one.slack,
        names.snapshot.node_id(one.example if one.dictionary is None else one.dictionary),
        source_text(names, one.example),
    )


def _findings(names: Names, found: Sequence[ClassShapes]) -> Iterator[Finding]:
    total, file = statistics(names.snapshot)["total"], str(names.snapshot.path_on_disk)
    least = max(_WORTH_TELLING, _SHARE_WORTH_TELLING * total)
    for one in found:
        if not names.by_user(one.example):
            continue
        many = one.shapes >= _MANY and 2 * one.shapes >= one.objects
        if not many and one.dictionary_bytes < least:
            continue
        place = names.place(one.example)
        yield Finding(
            id="shapes.many" if many else "shapes.dictionary",
            params={
                "class": one.class_name,
                "objects": one.objects,
                "shapes": one.shapes,
                "dictionaries": one.dictionaries,
                "bytes": one.shape_bytes if many else one.dictionary_bytes,
            },
            where=Where() if place is None else Where(place.file, place.line, place.column),
            evidence=(
                Evidence("shape_bytes", one.shape_bytes, "bytes", file),
                Evidence("dictionary_bytes", one.dictionary_bytes, "bytes", file),
            ),
            saving_bytes=one.shape_bytes if many else one.dictionary_bytes,
            confidence=0.5,
            next=f"nodemem heap object {shlex.quote(file)} "
            f"--id {names.snapshot.node_id(one.example)}",
        )
