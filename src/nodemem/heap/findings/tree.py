"""The dominator tree as a table: who keeps how much, largest first, small ones by class."""

from __future__ import annotations

from nodemem.heap.naming.contents import groups, held
from nodemem.heap.naming.names import Names
from nodemem.results import Column, Table

COLUMNS = (
    Column("depth", role="depth"),
    Column("name", role="class"),
    Column("id", role="node_id"),
    Column("count", unit="count"),
    Column("shallow", unit="bytes"),
    Column("retained", unit="bytes"),
    Column("share", unit="share"),
    Column("source", role="source"),
)


def dominator_tree(names: Names, *, levels: int = 6, least_share: float = 0.004) -> Table:
    """Preorder rows of every node that retains at least `least_share` of the heap, `levels` deep.

    Nodes that only V8 knows are looked through. Children too small for a row of their own are
    joined by class where the class reaches that share (`count` above 1, no `id`).
    """
    snapshot = names.snapshot
    retained_sizes = snapshot.graph.retained_sizes
    total = retained_sizes[0]
    least = max(1, round(total * least_share))

    def row(depth: int, ordinal: int) -> tuple[object, ...]:
        retained = retained_sizes[ordinal]
        place = names.place(ordinal)
        return (
            depth,
            _label(names, ordinal),
            snapshot.node_id(ordinal),
            1,
            snapshot.shallow_size(ordinal),
            retained,
            retained / total if total else 0.0,
            None if place is None else str(place),
        )

    records: list[tuple[object, ...]] = []
    waiting: list[tuple[int, tuple[object, ...], int | None]] = [(0, row(0, 0), 0)]
    while waiting:
        depth, record, ordinal = waiting.pop()
        records.append(record)
        if ordinal is None or depth == levels:
            continue
        below: list[tuple[int, tuple[object, ...], int | None]] = []
        small: list[int] = []
        for child in held(names, ordinal):
            if retained_sizes[child] >= least:
                below.append((depth + 1, row(depth + 1, child), child))
            else:
                small.append(child)
        for group in groups(names, small, least):
            shallow = sum(map(snapshot.shallow_size, group.members))
            place = None if group.place is None else str(group.place)
            share = group.retained / total
            name = group.class_name
            record = (depth + 1, name, None, group.count, shallow, group.retained, share, place)
            below.append((depth + 1, record, None))
        below.sort(key=lambda item: (item[1][5], str(item[1][1])))
        waiting.extend(below)
    return Table(COLUMNS, records, summary={"total": total})


def _label(names: Names, ordinal: int) -> str:
    if ordinal == 0:
        return "(root)"
    return "(closure scope)" if names.is_context(ordinal) else names.class_name(ordinal)
