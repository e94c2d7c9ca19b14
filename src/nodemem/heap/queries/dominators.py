"""`heap dominators`: who keeps how much, from the root or one object down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.heap.anatomy.dominators import dominator_tree
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.heap.queries._asked import at_least
from nodemem.results import SILENT, Progress, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    id: Annotated[int | None, about(description="begin at this object instead of the root")] = None
    depth: Annotated[int, about(description="levels to show")] = 3
    top: Annotated[int, about(description="rows of each level, the largest first")] = 10
    share: Annotated[
        float, about(description="part of what the first row retains that a row must, 0 to 1")
    ] = 0.01


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """See nodemem.heap.anatomy.dominators.dominator_tree.

    Raises:
        UsageError: no node has the id, or a number is below zero.
    """
    snapshot = snapshots[0]
    depth, top = at_least(params.depth, 0, "depth"), at_least(params.top, 1, "top")
    start = 0 if params.id is None else snapshot.ordinal(params.id)
    progress.phase("dominators", unit="nodes")
    return dominator_tree(Names(snapshot), start, depth=depth, top=top, least_share=params.share)
