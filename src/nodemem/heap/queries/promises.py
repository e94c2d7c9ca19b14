"""`heap promises`: what waits, for what, and what it keeps meanwhile."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from nodemem import results
from nodemem.heap.anatomy.held_as import held_as
from nodemem.heap.anatomy.promises import Waiting, promise_counts, waiting
from nodemem.heap.anatomy.rows import cut, source_text
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.contents import function_behind
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
    Column("function", role="name"),
    Column("count", unit="count"),
    Column("promises", unit="count"),
    Column("retained", unit="bytes"),
    Column("held_as", role="name"),
    Column("id", role="node_id"),
    Column("source", role="source"),
)
_MANY = 20
"""Promises for which functions of Node.js wait are told when there are so many: the program made
them, as by `Promise.race` with one that never settles."""
_WORTH_TELLING, _SHARE_WORTH_TELLING = 200_000, 0.02


class Params(results.Params, frozen=True, kw_only=True):
    builtin: Annotated[bool, about(description="functions of Node.js itself as well")] = False
    top: Annotated[AtLeastOne, about(description="rows to show, the largest first")] = 20


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A row for each function that waits: suspended in `await`, given to `then`, or a generator.
    `held_as` is how the promise is held that one of them waits for.
    """
    snapshot = snapshots[0]
    progress.phase("promises", unit="nodes")
    names = Names(snapshot)
    every = waiting(names)
    own = [one for one in every if names.by_user(function_behind(names, one.function))]
    many = [one for one in every if one.promises >= _MANY and one not in own]
    shown = every if params.builtin else own + many
    promises, waited = promise_counts(names)
    table = Table(
        _COLUMNS,
        [_record(names, one) for one in shown[: params.top]],
        summary={"promises": promises, "waited_for": waited},
        findings=tuple(_findings(names, own)),
    )
    return cut(table, len(shown))


def _record(names: Names, one: Waiting) -> tuple[Any, ...]:
    function = function_behind(names, one.function)
    return (
        one.kind,
        names.class_name(function),
        one.count,
        one.promises,
        one.retained,
        None if one.promise is None else held_as(names, [one.promise]),
        names.snapshot.node_id(one.example),
        source_text(names, function),
    )


def _findings(names: Names, own: Sequence[Waiting]) -> Iterator[Finding]:
    total, file = names.snapshot.retained_size(0), str(names.snapshot.path_on_disk)
    for one in own[:3]:
        if one.retained < max(_WORTH_TELLING, _SHARE_WORTH_TELLING * total):
            continue
        function = function_behind(names, one.function)
        place = names.place(function)
        yield Finding(
            id="promises.waiting",
            params={
                "function": names.class_name(function),
                "count": one.count,
                "promises": one.promises,
                "promise": None if one.promise is None else held_as(names, [one.promise]),
                "retained": one.retained,
                "share": one.retained / total,
            },
            where=Where() if place is None else Where(place.file, place.line, place.column),
            evidence=(Evidence("retained", one.retained, "bytes", file),),
            saving_bytes=one.retained,
            confidence=0.7,
            next=f"nodemem heap object {shlex.quote(file)} "
            f"--id {names.snapshot.node_id(one.example)}",
        )
