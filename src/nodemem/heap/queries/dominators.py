"""`heap dominators`: who keeps how much, from the root or one object down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.heap.anatomy.dominators import dominator_tree
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.results import SILENT, AtLeastOne, NotNegative, Progress, Share, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    id: Annotated[int | None, about(description="begin at this object instead of the root")] = None
    depth: Annotated[NotNegative, about(description="levels to show")] = 3
    top: Annotated[AtLeastOne, about(description="rows of each level, the largest first")] = 10
    share: Annotated[
        Share, about(description="part of what the first row retains that a row must")
    ] = 0.01


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """See nodemem.heap.anatomy.dominators.dominator_tree.

    Raises:
        UsageError: no node has the id.
    """
    snapshot = snapshots[0]
    start = 0 if params.id is None else snapshot.ordinal(params.id)
    progress.phase("dominators", unit="nodes")
    return dominator_tree(
        Names(snapshot), start, depth=params.depth, top=params.top, least_share=params.share
    )
