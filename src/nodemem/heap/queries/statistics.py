"""`heap statistics`: the heap by kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from nodemem import results
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.statistics import statistics
from nodemem.results import SILENT, Column, Progress, Table, about

_COLUMNS = (
    Column("depth", role="depth"),
    Column("part", role="kind"),
    Column("shallow", unit="bytes"),
    Column("share", unit="share"),
)
_V8 = {"strings": "strings", "js_arrays": "arrays", "code": "code", "system": "system"}


class Params(results.Params, frozen=True, kw_only=True):
    compat: Annotated[
        Literal["devtools"] | None, about(description="count exactly as Chrome DevTools does")
    ] = None


def run(snapshots: Sequence[Snapshot], params: Params, progress: Progress = SILENT) -> Table:
    """A tree: all, of it V8's heap and what is outside of it, of these their parts. Shares are of
    all; the parts of a row add up to it."""
    progress.phase("statistics", unit="nodes")
    figures = statistics(snapshots[0], params.compat)
    inside, outside = figures["v8_total"], figures["native_total"]
    others = inside - sum(figures[key] for key in _V8)
    rows = [(0, "total", figures["total"]), (1, "V8 heap", inside)]
    rows += [(2, _V8[key], figures[key]) for key in _V8] + [(2, "other objects", others)]
    rows += [(1, "outside the V8 heap", outside), (2, "typed arrays", figures["typed_arrays"])]
    rows += [(2, "other", outside - figures["typed_arrays"])]
    total = figures["total"] or 1
    return Table(_COLUMNS, [(depth, part, size, size / total) for depth, part, size in rows])
