"""`heap timers`: what waits for its time, and what it keeps."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from nodemem import results
from nodemem.heap.anatomy.rows import cut, source_text
from nodemem.heap.anatomy.timers import TimerGroup, timers
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
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
    Column("kind", role="kind"),
    Column("period_ms"),
    Column("count", unit="count"),
    Column("function", role="name"),
    Column("retained", unit="bytes"),
    Column("id", role="node_id"),
    Column("source", role="source"),
)
_MANY = 100
_WORTH_TELLING, _SHARE_WORTH_TELLING = 500_000, 0.02


class Params(results.Params, frozen=True, kw_only=True):
    top: Annotated[AtLeastOne, about(description="rows to show, the largest first")] = 20


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A row for all timers of one kind, period and function."""
    snapshot = snapshots[0]
    progress.phase("timers", unit="nodes")
    names = Names(snapshot)
    found = timers(names)
    table = Table(
        _COLUMNS,
        [_record(names, one) for one in found[: params.top]],
        summary={"timers": sum(one.count for one in found)},
        findings=tuple(_findings(names, found)),
    )
    return cut(table, len(found))


def _record(names: Names, one: TimerGroup) -> tuple[Any, ...]:
    return (
        one.kind,
        one.period,
        one.count,
        names.class_name(one.function),
        one.retained,
        names.snapshot.node_id(one.example),
        source_text(names, one.function),
    )


def _findings(names: Names, found: Sequence[TimerGroup]) -> Iterator[Finding]:
    total, file = names.snapshot.retained_size(0), str(names.snapshot.path_on_disk)
    least = max(_WORTH_TELLING, _SHARE_WORTH_TELLING * total)
    told = [one for one in found if one.count >= _MANY or one.retained >= least]
    for one in [one for one in told if names.by_user(one.function)][:3]:
        place = names.place(one.function)
        yield Finding(
            id="timers.many",
            params={
                "kind": one.kind,
                "count": one.count,
                "period": one.period,
                "function": names.class_name(one.function),
                "retained": one.retained,
            },
            where=Where() if place is None else Where(place.file, place.line, place.column),
            evidence=(Evidence("retained", one.retained, "bytes", file),),
            saving_bytes=one.retained,
            confidence=0.7,
            next=f"nodemem heap path {shlex.quote(file)} "
            f"--id {names.snapshot.node_id(one.example)}",
        )
