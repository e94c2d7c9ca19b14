"""`heap object`: one object, and what it refers to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.heap.anatomy.single import describe_object
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.heap.queries._asked import ordinal_of
from nodemem.results import SILENT, AtLeastOne, Progress, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    id: Annotated[int | None, about(description="V8's id of the object, from any other query")] = (
        None
    )
    raw: Annotated[bool, about(description="references as V8 wrote them, not in words")] = False
    top: Annotated[AtLeastOne | None, about(description="rows to show")] = 100


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """See nodemem.heap.anatomy.single.describe_object.

    Raises:
        UsageError: no id is given, or no node has it.
    """
    snapshot = snapshots[0]
    ordinal = ordinal_of(snapshot, params.id, "object")
    progress.phase("object", unit="nodes")
    return describe_object(Names(snapshot), ordinal, raw=params.raw, top=params.top)
