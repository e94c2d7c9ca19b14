"""`heap summary`: what a snapshot holds, in one screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from nodemem import results
from nodemem.heap.classes import class_table
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.node_process import node_version
from nodemem.heap.statistics import statistics
from nodemem.results import SILENT, AtLeastOne, Progress, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    top: Annotated[AtLeastOne, about(description="classes to show, the largest first")] = 10


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """The rows of `heap classes`; in `summary` counts, bytes by kind and the Node.js version."""
    snapshot = snapshots[0]
    progress.phase("summary", unit="nodes")
    figures: dict[str, Any] = {"nodes": snapshot.node_count, "edges": snapshot.edge_count}
    table = class_table(snapshot)
    figures |= statistics(snapshot)
    version = node_version(snapshot)
    if version is not None:
        figures["node_version"] = version
    return Table(table.columns, table.records, summary=figures).head(
        params.top, "nodemem heap classes FILE shows all"
    )
