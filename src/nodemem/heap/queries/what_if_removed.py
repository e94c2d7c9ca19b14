"""`heap what-if-removed`: how much would go if objects or references went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.errors import UsageError
from nodemem.heap.anatomy.removal import edges_called, removal
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.results import SILENT, AtLeastOne, Column, Progress, Table, about

_COLUMNS = (
    Column("class", role="class"),
    Column("count", unit="count"),
    Column("shallow", unit="bytes"),
    Column("share", unit="share"),
    Column("id", role="node_id"),
)


class Params(results.Params, frozen=True, kw_only=True):
    id: Annotated[
        tuple[int, ...], about(description="an object that would go; may be repeated")
    ] = ()
    edge: Annotated[
        tuple[str, ...],
        about(
            description="ID:NAME, the member NAME that the object ID would no longer have; may be "
            "repeated"
        ),
    ] = ()
    top: Annotated[AtLeastOne | None, about(description="rows to show, the largest first")] = 20


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A row for each class of what would go; the sums are in `summary`: `freed` and `freed_share`,
    and `freed_surely`, which counts handles and stacks as holders, too.

    Raises:
        UsageError: nothing is to be removed, or it is not there.
    """
    if not params.id and not params.edge:
        raise UsageError(
            "heap what-if-removed needs something to remove",
            next="add --id N, or --edge N:NAME for one reference",
        )
    snapshot = snapshots[0]
    names = Names(snapshot)
    nodes = [snapshot.ordinal(node_id) for node_id in params.id]
    if 0 in nodes:
        raise UsageError("the root cannot be removed", next="name an object of the program")
    edges = _edges(names, params.edge)
    progress.phase("what if removed", unit="nodes")
    found = removal(names, nodes, edges)
    total = snapshot.retained_size(0) or 1
    table = Table(
        _COLUMNS,
        [
            (one.class_name, one.count, one.size, one.size / total,
             snapshot.node_id(one.largest))
            for one in found.classes
        ],
        summary={
            "freed": found.size,
            "freed_count": found.count,
            "freed_share": found.size / total,
            "freed_surely": found.sure,
        },
    )  # fmt: skip
    return table.head(params.top, "--top N shows more")


def _edges(names: Names, spelled: Sequence[str]) -> list[int]:
    members: dict[int, list[str]] = {}
    for one in spelled:
        node_id, colon, name = one.partition(":")
        if not colon or not node_id.isdecimal():
            raise UsageError(
                f"{one!r} is no reference", next="write ID:NAME, for example 12345:sessions"
            )
        members.setdefault(names.snapshot.ordinal(int(node_id)), []).append(name)
    return [at for source, some in members.items() for at in edges_called(names, source, some)]
