"""The object graph from its roots down, as far as asked."""

from __future__ import annotations

from nodemem.heap.anatomy.rows import source_text, title
from nodemem.heap.naming.members import members
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.references import Step
from nodemem.heap.naming.text import value_of
from nodemem.results import Column, Table, Truncated

COLUMNS = (
    Column("depth", role="depth"),
    Column("reference", role="kind"),
    Column("name", role="edge"),
    Column("class", role="class"),
    Column("value"),
    Column("retained", unit="bytes"),
    Column("note", role="kind"),
    Column("id", role="node_id"),
    Column("source", role="source"),
)
_MOST_ROWS = 2_000
_MOST_MEMBERS = 10_000
"""References of one object that are looked at, those to what retains most."""


def containment_tree(names: Names, start: int, *, depth: int, top: int) -> Table:
    """Preorder rows: a node, below it what it refers to, those that retain most first, `top` of
    them. `note` marks what is not gone into again: `circle` for a node that is above on this very
    way, `shown above` for one that has rows below it elsewhere; and `weak` references."""
    snapshot = names.snapshot
    retained = snapshot.graph.retained_sizes
    records: list[tuple[object, ...]] = []
    way: list[int] = []
    expanded: set[int] = set()
    left_out = 0
    waiting: list[tuple[int, Step]] = [(0, Step("root", "", start, start))]
    while waiting and len(records) < _MOST_ROWS:
        level, step = waiting.pop()
        del way[level:]
        node = step.target
        note = None
        if step.kind == "weak":
            note = "weak"
        elif node in way:
            note = "circle"
        elif node in expanded:
            note = "shown above"
        records.append(
            (
                level,
                step.kind if level else None,
                step.name or None,
                title(names, node),
                value_of(snapshot, node),
                retained[node],
                note,
                snapshot.node_id(node),
                source_text(names, node),
            )
        )
        way.append(node)
        if note is not None or level == depth:
            continue
        expanded.add(node)
        steps = list(members(names, node, _MOST_MEMBERS))
        steps.sort(key=lambda one: (one.kind == "weak", one.name == "__proto__",
                                    -retained[one.target]))  # fmt: skip
        left_out += max(0, len(steps) - top)
        waiting += [(level + 1, one) for one in reversed(steps[:top])]
    left_out += len(waiting)
    truncated = None
    if left_out:
        truncated = Truncated(len(records), len(records) + left_out, "--top N shows more of each")
    return Table(COLUMNS, records, truncated=truncated)
