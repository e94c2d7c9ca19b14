"""`heap suspects`: what holds much of the heap, and from where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.findings.suspects import LEAST_BYTES, LEAST_SHARE, find_suspects
from nodemem.heap.findings.told import SUSPECT_COLUMNS, suspect_finding, suspect_record
from nodemem.heap.naming.names import Names
from nodemem.heap.statistics import statistics
from nodemem.results import SILENT, AtLeastOne, NotNegative, Progress, Share, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    top: Annotated[AtLeastOne | None, about(description="rows to show, the largest first")] = None
    share: Annotated[Share, about(description="part of the heap that a suspect keeps at least")] = (
        LEAST_SHARE
    )
    bytes: Annotated[NotNegative, about(description="bytes that a suspect keeps at least")] = (
        LEAST_BYTES
    )


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A row and a finding for each suspect; none on a heap without accumulation points."""
    snapshot = snapshots[0]
    progress.phase("suspects", unit="nodes")
    names = Names(snapshot)
    found = find_suspects(
        snapshot, least_share=params.share, least_bytes=params.bytes, names=names
    )[: params.top]
    file = snapshot.path_on_disk
    return Table(
        SUSPECT_COLUMNS,
        [suspect_record(names, suspect) for suspect in found],
        findings=tuple(suspect_finding(names, suspect, str(file)) for suspect in found),
        summary={"total": statistics(snapshot)["total"]},
        warnings=names.locations.warnings(s.declared and s.declared.place for s in found),
    )
