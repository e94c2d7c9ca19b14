"""`heap retainers`: who refers to an object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.heap.anatomy.retainers import retainer_tree
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.heap.queries._asked import ordinal_of
from nodemem.results import SILENT, AtLeastOne, NotNegative, Progress, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    id: Annotated[int | None, about(description="V8's id of the object, from any other query")] = (
        None
    )
    depth: Annotated[NotNegative, about(description="levels to show")] = 2
    top: Annotated[AtLeastOne, about(description="rows below one object, the nearest first")] = 10
    ignore: Annotated[
        tuple[int, ...],
        about(description="as if the object with this id were not there; may be repeated"),
    ] = ()


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """See nodemem.heap.anatomy.retainers.retainer_tree.

    Raises:
        UsageError: no id is given, no node has it.
    """
    snapshot = snapshots[0]
    ordinal = ordinal_of(snapshot, params.id, "retainers")
    ignored = [snapshot.ordinal(node_id) for node_id in params.ignore]
    progress.phase("retainers", unit="nodes")
    return retainer_tree(
        Names(snapshot), ordinal, depth=params.depth, top=params.top, ignored=ignored
    )
