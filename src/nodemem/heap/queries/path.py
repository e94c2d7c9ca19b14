"""`heap path`: who keeps an object alive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from nodemem import results
from nodemem.errors import UsageError
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.path import retaining_path
from nodemem.heap.queries._asked import ordinal_of
from nodemem.results import SILENT, AtLeastOne, Progress, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    id: Annotated[int | None, about(description="V8's id of the object, from any other query")] = (
        None
    )
    all: Annotated[
        bool, about(description="several ways to the object, each by another reference")
    ] = False
    class_: Annotated[
        str | None, about(description="the ways to all objects of this class, merged")
    ] = None
    top: Annotated[
        AtLeastOne, about(description="with --all ways, with --class rows below one row to show")
    ] = 10


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """See nodemem.heap.naming.path.retaining_path, and all_paths and class_paths in
    nodemem.heap.anatomy.paths.

    Raises:
        UsageError: no id or class is given, or both; no node has it, or nothing keeps the node.
    """
    snapshot = snapshots[0]
    if params.class_ is not None or params.all:
        # numpy comes with these; the shortest path to one object does without.
        from nodemem.heap.anatomy import paths
    if params.class_ is not None:
        if params.id is not None or params.all:
            raise UsageError("--class goes without --id and --all")
        progress.phase("path", unit="nodes")
        return paths.class_paths(Names(snapshot), params.class_, top=params.top)
    ordinal = ordinal_of(snapshot, params.id, "path")
    progress.phase("path", unit="nodes")
    if params.all:
        return paths.all_paths(Names(snapshot), ordinal, most=params.top)
    return retaining_path(snapshot, ordinal)
