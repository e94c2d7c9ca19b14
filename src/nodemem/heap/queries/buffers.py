"""`heap buffers`: memory outside of V8's heap, and who holds it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from nodemem import results
from nodemem.heap.anatomy.buffers import BufferGroup, buffers
from nodemem.heap.anatomy.held_as import held_as
from nodemem.heap.anatomy.rows import cut
from nodemem.heap.arrays import Arrays
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.results import SILENT, AtLeastOne, Column, Evidence, Finding, Progress, Table, about

_COLUMNS = (
    Column("class", role="class"),
    Column("held_as", role="name"),
    Column("buffers", unit="count"),
    Column("views", unit="count"),
    Column("size", unit="bytes"),
    Column("share", unit="share"),
    Column("pools", unit="count"),
    Column("id", role="node_id"),
)
_WORTH_TELLING, _SHARE_WORTH_TELLING = 500_000, 0.03
_FEW_VIEWS = 4


class Params(results.Params, frozen=True, kw_only=True):
    top: Annotated[AtLeastOne, about(description="rows to show, the largest first")] = 20


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A row for all ArrayBuffers whose views are of one class and held in one way."""
    snapshot = snapshots[0]
    progress.phase("buffers", unit="nodes")
    names = Names(snapshot)
    found = buffers(Arrays(snapshot))
    table = Table(
        _COLUMNS,
        [_record(names, one) for one in found[: params.top]],
        summary={
            "size": sum(one.size for one in found),
            "buffers": sum(len(one.buffers) for one in found),
        },
        findings=tuple(_findings(names, found)),
    )
    return cut(table, len(found))


def _record(names: Names, one: BufferGroup) -> tuple[Any, ...]:
    total = names.snapshot.retained_size(0) or 1
    name = names.class_name(one.held)
    return (
        f"{name} (shared)" if one.shared and one.view is not None else name,
        held_as(names, [one.held]),
        len(one.buffers),
        one.views,
        one.size,
        one.size / total,
        one.pools,
        names.snapshot.node_id(one.held),
    )


def _findings(names: Names, found: Sequence[BufferGroup]) -> Iterator[Finding]:
    """Pools of which only a few small Buffers are left: each keeps 8 or 64 KiB."""
    total, file = names.snapshot.retained_size(0), str(names.snapshot.path_on_disk)
    for one in found:
        few = one.pools == len(one.buffers) and one.views <= _FEW_VIEWS * len(one.buffers)
        if few and one.size >= max(_WORTH_TELLING, _SHARE_WORTH_TELLING * total):
            yield Finding(
                id="buffers.pool",
                params={
                    "count": len(one.buffers),
                    "views": one.views,
                    "size": one.size,
                    "holder": held_as(names, [one.held]),
                },
                evidence=(Evidence("size", one.size, "bytes", file),),
                saving_bytes=one.size,
                confidence=0.6,
                next=f"nodemem heap path {shlex.quote(file)} "
                f"--id {names.snapshot.node_id(one.held)}",
            )
