"""`heap path`: who keeps an object alive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.errors import UsageError
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.path import retaining_path
from nodemem.results import SILENT, Progress, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    id: Annotated[int | None, about(description="V8's id of the object, from any other query")] = (
        None
    )


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """See nodemem.heap.naming.path.retaining_path.

    Raises:
        UsageError: no id is given, no node has it, or nothing keeps the node.
    """
    if params.id is None:
        raise UsageError(
            "heap path needs the id of an object",
            next="add --id N with an id that `nodemem heap suspects` shows",
        )
    progress.phase("path", unit="nodes")
    snapshot = snapshots[0]
    return retaining_path(snapshot, snapshot.ordinal(params.id))
