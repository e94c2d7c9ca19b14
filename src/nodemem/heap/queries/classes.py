"""`heap classes`: the heap by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from nodemem import results
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.classes import located_classes
from nodemem.results import SILENT, AtLeastOne, Progress, Table, about


class Params(results.Params, frozen=True, kw_only=True):
    top: Annotated[AtLeastOne | None, about(description="rows to show, the largest first")] = None
    match: Annotated[str | None, about(description="only classes whose name has this text")] = None
    compat: Annotated[
        Literal["devtools"] | None, about(description="count exactly as Chrome DevTools does")
    ] = None


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """See nodemem.heap.naming.classes.located_classes."""
    progress.phase("classes", unit="nodes")
    table = located_classes(snapshots[0], params.compat)
    if params.match is not None:
        wanted = params.match.casefold()
        called = zip(table.values("class"), table.values("original"), strict=True)
        records = [
            record
            for record, names in zip(table.records, called, strict=True)
            if any(name is not None and wanted in name.casefold() for name in names)
        ]
        table = Table(table.columns, records)
    return table.head(params.top, "--top N shows more")
