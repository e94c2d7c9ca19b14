"""`heap timeline`: what is alive by the time at which it was allocated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.heap.anatomy.allocations import timeline
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.results import SILENT, AtLeastOne, Column, Progress, Table, about

_COLUMNS = (
    Column("until_ms", unit="ms"),
    Column("live_count", unit="count"),
    Column("live_bytes", unit="bytes"),
)
_NOT_TRACKED = (
    "this snapshot has no times: take it with 'Allocations on timeline' in DevTools, or in the "
    "inspector between HeapProfiler.startTrackingHeapObjects and stopTrackingHeapObjects"
)


class Params(results.Params, frozen=True, kw_only=True):
    buckets: Annotated[
        AtLeastOne, about(description="rows at most; of longer recordings times are joined")
    ] = 100


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A row for each time at which V8 noted which ids it had given out; the first has all that was
    there before.

    Raises:
        InputError: the section about it is not as it must be.
    """
    most = params.buckets
    progress.phase("timeline", unit="nodes")
    found = timeline(snapshots[0])
    each = -(-len(found) // most) or 1
    joined = [found[at : at + each] for at in range(0, len(found), each)]
    rows = [
        (some[-1].until, sum(one.live_count for one in some), sum(one.live_bytes for one in some))
        for some in joined
    ]
    return Table(_COLUMNS, rows, warnings=() if found else (_NOT_TRACKED,))
