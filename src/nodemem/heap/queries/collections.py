"""`heap collections`: how full Maps, Sets, Arrays and dictionaries are."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import numpy as np

from nodemem import results
from nodemem.heap.anatomy.collections import KNOWN, Collections, collections, holders
from nodemem.heap.anatomy.held_as import held_as
from nodemem.heap.anatomy.rows import cut, title
from nodemem.heap.arrays import Arrays
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.results import SILENT, AtLeastOne, Column, Evidence, Finding, Progress, Table, about

_COLUMNS = (
    Column("kind", role="kind"),
    Column("held_as", role="name"),
    Column("count", unit="count"),
    Column("entries", unit="count"),
    Column("slots", unit="count"),
    Column("fill", unit="share"),
    Column("empty_bytes", unit="bytes"),
    Column("known", role="kind"),
    Column("id", role="node_id"),
)
_WORTH_TELLING, _SHARE_WORTH_TELLING = 200_000, 0.03
_USUAL = {"Map": 0.4, "Set": 0.4, "Array": 0.5, "dictionary": 0.2}
"""A part of the slots below which growth alone does not leave them."""
_Row = tuple[Any, ...]


class Params(results.Params, frozen=True, kw_only=True):
    by: Annotated[
        Literal["holder", "class", "object"],
        about(
            description="a row for all that are held by one property or variable, for each class, "
            "or for each collection"
        ),
    ] = "holder"
    top: Annotated[AtLeastOne, about(description="rows to show, most empty bytes first")] = 20


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """Rows with entries that are seen, slots, and the bytes of slots in which nothing is seen."""
    snapshot = snapshots[0]
    progress.phase("collections", unit="nodes")
    names, arrays = Names(snapshot), Arrays(snapshot)
    found = collections(arrays)
    groups = [item for some in found for item in _grouped(arrays, some, params.by)]
    groups.sort(key=lambda item: (-item[0], item[1].kind, int(item[2][0])))
    records = [
        _record(names, some, members, params.by) for _, some, members in groups[: params.top]
    ]
    table = Table(
        _COLUMNS,
        records,
        summary={
            "collections": sum(len(some.owners) for some in found),
            "empty_bytes": sum(int(some.empty_bytes.sum()) for some in found),
        },
        findings=tuple(_findings(names, records)),
    )
    return cut(table, len(groups))


def _grouped(arrays: Arrays, some: Collections, by: str) -> Iterator[tuple[int, Collections, Any]]:
    """Empty bytes, collections, and the places in them of those of one group, emptiest first."""
    if not len(some.owners):
        return
    if by == "object":
        keys = np.arange(len(some.owners))
    elif by == "class":
        keys = arrays.names[some.owners]
    else:
        order = np.argsort(some.owners, kind="stable")
        keys = np.empty(len(order), np.int64)
        keys[order] = holders(arrays, some.owners[order])
    empty = some.empty_bytes
    order = np.lexsort((some.owners, -empty, keys))
    for members in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
        yield int(empty[members].sum()), some, members


def _record(names: Names, some: Collections, members: Any, by: str) -> _Row:
    entries, slots = int(some.entries[members].sum()), int(some.slots[members].sum())
    owners = some.owners[members].tolist()
    least, most = int(some.known[members].min()), int(some.known[members].max())
    known = KNOWN[least] if least == most else "at least"
    held = title(names, owners[0]) if by == "class" else held_as(names, owners)
    return (
        some.kind,
        held,
        len(owners),
        entries,
        slots,
        entries / slots if slots else None,
        None if known == "no" else int(some.empty_bytes[members].sum()),
        known,
        names.snapshot.node_id(owners[0]),
    )


def _findings(names: Names, records: Sequence[_Row]) -> Iterator[Finding]:
    total, file = names.snapshot.retained_size(0), str(names.snapshot.path_on_disk)
    for kind, held, count, entries, slots, fill, empty, known, node_id in records[:3]:
        least = max(_WORTH_TELLING, _SHARE_WORTH_TELLING * total)
        if empty is None or empty < least or fill > _USUAL[kind]:
            continue
        yield Finding(
            id="collections.empty",
            params={
                "kind": kind,
                "holder": held,
                "count": count,
                "entries": entries,
                "slots": slots,
                "empty": empty,
            },
            evidence=(Evidence("empty_bytes", empty, "bytes", file),),
            saving_bytes=empty,
            confidence=0.8 if known == "yes" else 0.4,
            next=f"nodemem heap object {shlex.quote(file)} --id {node_id}",
        )
