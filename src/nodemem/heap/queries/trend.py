"""`heap trend`: classes over several snapshots, also of different processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.findings.trend import trend
from nodemem.results import SILENT, AtLeastOne, Progress, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    top: Annotated[AtLeastOne | None, about(description="rows to show, the largest first")] = None
    rising: Annotated[
        bool, about(description="only classes with more objects in each snapshot than before")
    ] = False


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """See nodemem.heap.findings.trend."""
    table = trend(snapshots, progress)
    if params.rising:
        steps = len(snapshots) - 1
        risen = table.values("rises")
        records = [r for r, rises in zip(table.records, risen, strict=True) if rises == steps]
        table = Table(table.columns, records, summary=table.summary)
    return table.head(params.top, "--top N shows more")
