"""`heap contexts`: the global objects of a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.heap.anatomy.realms import realms
from nodemem.heap.anatomy.rows import cut, title
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.results import SILENT, AtLeastOne, Column, Progress, Table, about

_COLUMNS = (
    Column("kind", role="kind"),
    Column("global", role="class"),
    Column("count", unit="count"),
    Column("size", unit="bytes"),
    Column("share", unit="share"),
    Column("retained", unit="bytes"),
    Column("id", role="node_id"),
)


class Params(results.Params, frozen=True, kw_only=True):
    top: Annotated[AtLeastOne, about(description="rows to show, the largest first")] = 20


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A row for each context: the program's own (`main`) and those of node:vm (`vm`), and what
    belongs to none (`none`).
    """
    progress.phase("contexts", unit="nodes")
    names = Names(snapshots[0])
    found = realms(names)
    total = sum(one.size for one in found) or 1
    records = [
        (
            "main" if one.main else "none" if one.node is None else "vm",
            None if one.globals is None else title(names, one.globals),
            one.count,
            one.size,
            one.size / total,
            one.retained,
            None if one.node is None else names.snapshot.node_id(one.node),
        )
        for one in found[: params.top]
    ]
    return cut(Table(_COLUMNS, records, summary={"contexts": len(found) - 1}), len(found))
