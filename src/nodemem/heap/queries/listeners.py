"""`heap listeners`: who listens to what."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from nodemem import results
from nodemem.heap.anatomy.listeners import ListenerGroup, grouped, listening
from nodemem.heap.anatomy.rows import cut, source_text
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.holders import describe
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
    Column("emitter", role="name"),
    Column("event", role="name"),
    Column("emitters", unit="count"),
    Column("listeners", unit="count"),
    Column("most", unit="count"),
    Column("twice", unit="count"),
    Column("retained", unit="bytes"),
    Column("function", role="name"),
    Column("id", role="node_id"),
    Column("source", role="source"),
)
_MANY = 10
"""Node.js itself warns of more listeners of one event at one emitter."""


class Params(results.Params, frozen=True, kw_only=True):
    by: Annotated[
        Literal["event", "emitter"],
        about(description="a row for each event of all emitters of one class, or of each emitter"),
    ] = "event"
    builtin: Annotated[bool, about(description="functions of Node.js itself as well")] = False
    top: Annotated[AtLeastOne, about(description="rows to show, the largest first")] = 20


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """Rows of emitters, events and the functions that listen."""
    snapshot = snapshots[0]
    progress.phase("listeners", unit="nodes")
    names = Names(snapshot)
    groups = grouped(names, listening(names), each=params.by == "emitter")
    own = [one for one in groups if names.by_user(one.function)]
    shown = groups if params.builtin else own
    table = Table(
        _COLUMNS,
        [_record(names, one) for one in shown[: params.top]],
        summary={"listeners": sum(one.listeners for one in groups)},
        findings=tuple(_findings(names, own)),
    )
    return cut(table, len(shown))


def _emitter(names: Names, one: ListenerGroup) -> str:
    return describe(names, one.example).label() if one.emitters == 1 else one.class_name


def _record(names: Names, one: ListenerGroup) -> tuple[Any, ...]:
    return (
        _emitter(names, one),
        one.event,
        one.emitters,
        one.listeners,
        one.most,
        one.twice,
        one.retained,
        names.class_name(one.function),
        names.snapshot.node_id(one.example),
        source_text(names, one.function),
    )


def _findings(names: Names, own: Sequence[ListenerGroup]) -> Iterator[Finding]:
    file = str(names.snapshot.path_on_disk)
    many = [one for one in own if one.most > _MANY or one.twice]
    for one in sorted(many, key=lambda one: -one.most)[:3]:
        place = names.place(one.function)
        yield Finding(
            id="listeners.twice" if one.twice else "listeners.many",
            params={
                "emitter": _emitter(names, one),
                "event": one.event,
                "count": one.most,
                "twice": one.twice,
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
