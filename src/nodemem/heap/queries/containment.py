"""`heap containment`: the object graph from its roots down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.heap.anatomy.containment import containment_tree
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.results import SILENT, AtLeastOne, NotNegative, Progress, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    id: Annotated[int | None, about(description="begin at this object instead of the root")] = None
    depth: Annotated[NotNegative, about(description="levels to show")] = 2
    top: Annotated[AtLeastOne, about(description="rows below one object, the largest first")] = 10


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """See nodemem.heap.anatomy.containment.containment_tree.

    Raises:
        UsageError: no node has the id.
    """
    snapshot = snapshots[0]
    start = 0 if params.id is None else snapshot.ordinal(params.id)
    progress.phase("containment", unit="nodes")
    return containment_tree(Names(snapshot), start, depth=params.depth, top=params.top)
