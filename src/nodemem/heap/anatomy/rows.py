"""What rows about single objects have in common."""

from __future__ import annotations

from nodemem.heap.naming.names import Names
from nodemem.results import Table, Truncated


def source_text(names: Names, ordinal: int) -> str | None:
    """`file:line:column` of a function or of an object's constructor; None when unrecorded."""
    place = names.place(ordinal)
    return None if place is None else str(place)


def title(names: Names, ordinal: int) -> str:
    """The class of a node; V8's name for roots, `Session.prototype` for what instances share."""
    if ordinal == 0:
        return "(root)"
    if names.snapshot.node_type(ordinal) == "synthetic":
        return names.name(ordinal) or "(synthetic)"
    name = names.class_name(ordinal)
    if name.startswith("{constructor"):
        for edge in names.snapshot.edges(ordinal):
            if edge.name == "constructor" and names.is_closure(edge.target):
                return f"{names.function(edge.target) or 'function'}.prototype"
    return name


def cut(table: Table, total: int) -> Table:
    """`table` with a note when it has fewer than `total` rows."""
    if len(table) >= total:
        return table
    how = Truncated(len(table), total, "--top N shows more")
    return Table(
        table.columns,
        table.records,
        table.findings,
        table.summary,
        table.warnings,
        truncated=how,
    )
