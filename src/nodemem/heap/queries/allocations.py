"""`heap allocations`: which functions allocated what is alive, as far as that was tracked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from nodemem import results
from nodemem.heap.anatomy.allocations import (
    Allocated,
    by_call,
    by_function,
    function_place,
    totals,
)
from nodemem.heap.anatomy.rows import cut
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.results import SILENT, AtLeastOne, Column, Progress, Share, Table, about

_FIGURES = (
    Column("live_bytes", unit="bytes"),
    Column("live_count", unit="count"),
    Column("allocated_bytes", unit="bytes"),
    Column("allocated_count", unit="count"),
    Column("source", role="source"),
)
NOT_TRACKED = (
    "this snapshot was taken without tracking of allocations: in DevTools it is 'Allocations on "
    "timeline' with stacks, in the inspector HeapProfiler.startTrackingHeapObjects with "
    "trackAllocations"
)


class Params(results.Params, frozen=True, kw_only=True):
    by: Annotated[
        Literal["function", "tree"],
        about(description="a row for each function, or the tree of calls from the top down"),
    ] = "function"
    share: Annotated[
        Share,
        about(description="of the tree leave out what has less than this part of what is alive"),
    ] = 0.01
    top: Annotated[AtLeastOne, about(description="rows to show")] = 50


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """By function what it allocated itself, the most alive first; in the tree with all calls below.

    Raises:
        InputError: the sections about allocations are not as they must be.
    """
    snapshot = snapshots[0]
    progress.phase("allocations", unit="nodes")
    if not snapshot.traces.calls:
        return Table((Column("function", role="name"), *_FIGURES), [], warnings=(NOT_TRACKED,))
    names, own = Names(snapshot), by_call(snapshot)
    summary = {
        "live_bytes": sum(one.live_bytes for one in own),
        "allocated_bytes": sum(one.allocated_bytes for one in own),
    }
    if params.by == "tree":
        rows = _tree(names, totals(snapshot, own), params.share)
    else:
        groups = sorted(
            by_function(snapshot, own).items(),
            key=lambda item: (-item[1].live_bytes, -item[1].allocated_bytes),
        )
        rows = [_row(names, function, one) for function, one in groups]
    depth = (Column("depth", role="depth"),) if params.by == "tree" else ()
    columns = (*depth, Column("function", role="name"), *_FIGURES)
    return cut(Table(columns, rows[: params.top], summary=summary), len(rows))


def _tree(names: Names, sums: list[Allocated], share: float) -> list[tuple[Any, ...]]:
    calls = names.snapshot.traces.calls
    callees: list[list[int]] = [[] for _ in calls]
    roots: list[int] = []
    for index, call in enumerate(calls):
        (callees[call.parent] if call.parent >= 0 else roots).append(index)
    least = share * sum(sums[index].live_bytes for index in roots)
    rows, waiting = [], [(0, index) for index in reversed(roots)]
    while waiting:
        depth, index = waiting.pop()
        if depth and sums[index].live_bytes < least:
            continue
        rows.append((depth, *_row(names, calls[index].function, sums[index])))
        order = sorted(callees[index], key=lambda callee: sums[callee].live_bytes)
        waiting += [(depth + 1, callee) for callee in order]
    return rows


def _row(names: Names, function: int, one: Allocated) -> tuple[Any, ...]:
    name, place = function_place(names, names.snapshot.traces.functions[function])
    figures = one.live_bytes, one.live_count, one.allocated_bytes, one.allocated_count
    return (name or "(anonymous)", *figures, None if place is None else str(place))
