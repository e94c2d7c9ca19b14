"""`heap detached`: DOM nodes that are in no document any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.heap.anatomy.detached import detached
from nodemem.heap.anatomy.held_as import held_as
from nodemem.heap.anatomy.rows import cut
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.results import SILENT, AtLeastOne, Column, Progress, Table, about

_COLUMNS = (
    Column("class", role="class"),
    Column("count", unit="count"),
    Column("retained", unit="bytes"),
    Column("held_as", role="name"),
    Column("id", role="node_id"),
)
_NOT_TOLD = (
    "this snapshot says of no object whether it is in a document: it is of Node.js, which has none"
)


class Params(results.Params, frozen=True, kw_only=True):
    top: Annotated[AtLeastOne, about(description="rows to show, the largest first")] = 20


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A row for each class of detached objects; a warning where the file does not tell."""
    progress.phase("detached", unit="nodes")
    names = Names(snapshots[0])
    found, told = detached(names)
    records = [
        (
            one.class_name,
            len(one.nodes),
            one.retained,
            held_as(names, one.nodes),
            names.snapshot.node_id(one.largest),
        )
        for one in found[: params.top]
    ]
    warnings = () if told else (_NOT_TOLD,)
    return cut(Table(_COLUMNS, records, warnings=warnings), len(found))
