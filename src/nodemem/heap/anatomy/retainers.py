"""Who refers to an object, as a tree from the object up to the roots."""

from __future__ import annotations

from collections.abc import Sequence

from nodemem.heap.anatomy.rows import source_text, title
from nodemem.heap.engine.graph import SYSTEM_DISTANCE
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.references import Step
from nodemem.heap.naming.referrers import referrers
from nodemem.results import Column, Table, Truncated

COLUMNS = (
    Column("depth", role="depth"),
    Column("reference", role="kind"),
    Column("name", role="edge"),
    Column("class", role="class"),
    Column("retained", unit="bytes"),
    Column("distance", unit="hops"),
    Column("note", role="kind"),
    Column("id", role="node_id"),
    Column("source", role="source"),
)
_MOST_ROWS = 2_000


def retainer_tree(
    names: Names, ordinal: int, *, depth: int, top: int, ignored: Sequence[int] = ()
) -> Table:
    """The object, below it those who refer to it, below each those who refer to that one.

    `reference` and `name` say how the row's object refers to the one above. Of each object the
    `top` nearest to the roots are shown. `note` marks what is not gone into: `weak` references,
    which keep nothing; `circle`, an object that is above on this very way; `shown above`.
    Without `ignored` objects (ordinals) whoever is only reachable through them is left out, and
    `distance` counts ways that avoid them; `kept` in the summary says whether anything is left
    that keeps the object.
    """
    snapshot = names.snapshot
    distances = snapshot.graph.distances
    if ignored:
        from nodemem.heap.reachability import Reachability

        distances = Reachability(snapshot).distances_without(ignored)
    start = Step("root", "", ordinal, ordinal)
    records: list[tuple[object, ...]] = []
    way: list[int] = []
    expanded: set[int] = set()
    left_out = 0
    waiting: list[tuple[int, Step]] = [(0, start)]
    while waiting and len(records) < _MOST_ROWS:
        level, step = waiting.pop()
        del way[level:]
        node = step.source
        note = None
        if step.kind == "weak":
            note = "weak"
        elif node in way:
            note = "circle"
        elif node in expanded and _has_more(names, node):
            note = "shown above"
        hops = distances[node]
        records.append(
            (
                level,
                None if level == 0 else step.kind,
                step.name or None,
                title(names, node),
                snapshot.retained_size(node),
                hops if 0 <= hops < SYSTEM_DISTANCE else None,
                note,
                snapshot.node_id(node),
                source_text(names, node),
            )
        )
        way.append(node)
        if note is not None or level == depth or not _has_more(names, node):
            continue
        expanded.add(node)
        steps = referrers(names, node).steps
        if ignored:
            steps = [step for step in steps if distances[step.source] >= 0]
        steps.sort(key=lambda one: (one.kind == "weak", distances[one.source] < 0,
                                    distances[one.source]))  # fmt: skip
        left_out += max(0, len(steps) - top)
        waiting += [(level + 1, one) for one in reversed(steps[:top])]
    left_out += len(waiting)
    direct = referrers(names, ordinal)
    summary: dict[str, object] = {"references": direct.total}
    if ignored:
        summary["kept"] = distances[ordinal] >= 0
    truncated = None
    if left_out:
        more = "--top N shows more of those who refer to one object"
        truncated = Truncated(len(records), len(records) + left_out, more)
    return Table(COLUMNS, records, summary=summary, truncated=truncated)


def _has_more(names: Names, ordinal: int) -> bool:
    """Whether it is worth asking who refers to a node: not of roots, which exist anyway."""
    return ordinal != 0 and ordinal not in names.snapshot.graph.user_roots
