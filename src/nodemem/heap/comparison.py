"""What two snapshots of one process have apart, class by class, as DevTools' Comparison counts.

An object that is in both snapshots counts as unchanged here, even when it grew: growth of what
survived is the business of heap/findings/growth.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodemem.heap.classes import Grouping, assign_groups, check_compat, group_nodes
from nodemem.heap.engine.memory import zeros
from nodemem.kernels import load

if TYPE_CHECKING:
    from nodemem.heap.engine.snapshot import Snapshot
    from nodemem.results import Table


def compare(old: Snapshot, new: Snapshot, compat: str | None = None) -> Table:
    """`class, added, removed, added_size, removed_size`, what grew most first.

    Nodes are matched by class and id. Plain objects are named by the newer snapshot's shapes.
    Classes in which nothing was added or removed have no row. Sizes are owner-merged; with
    `compat="devtools"` they count modulo 2**32, and groups that DevTools loses are lost.
    """
    from nodemem.results import Column, Table

    check_compat(compat)
    after = group_nodes(new, compat, retained=False)
    before = group_nodes(old, compat, retained=False, definitions=new.definitions)
    labels = {group.key: group.label for group in before.groups}
    gone = labels.keys() - {group.key for group in after.groups}
    labels |= {group.key: group.label for group in after.groups}
    numbers = {key: number for number, key in enumerate(labels, start=1)}
    total = len(numbers) + 1
    counts, sizes, last = zeros("I", 2 * total), zeros("Q", 2 * total), zeros("I", total)
    load("classes").compare(
        *_side(old, before, numbers, compat), *_side(new, after, numbers, compat),
        counts, sizes, last,
    )  # fmt: skip
    if compat is not None and gone:
        # DevTools names a class that is gone as the older snapshot by itself names its last node.
        own = assign_groups(old, old.definitions)
        for key in gone:
            labels[key] = own.labels[own.groups[last[numbers[key]]]]
    records = []
    for key, number in numbers.items():
        added, removed = counts[2 * number], counts[2 * number + 1]
        if added or removed:
            records.append((labels[key], added, removed, sizes[2 * number], sizes[2 * number + 1]))
    records.sort(key=lambda record: (record[4] - record[3], record[0], -record[1]))
    return Table(
        columns=(
            Column("class", role="class"),
            Column("added", unit="count"),
            Column("removed", unit="count"),
            Column("added_size", unit="bytes"),
            Column("removed_size", unit="bytes"),
        ),
        records=records,
    )


def _side(
    snapshot: Snapshot, grouping: Grouping, numbers: dict[str, int], compat: str | None
) -> tuple[int, memoryview, memoryview, memoryview, memoryview, int]:
    """One snapshot as the kernel takes it, its groups numbered by key, 0 for what does not show."""
    graph, n = snapshot.graph, snapshot.node_count
    new = zeros("I", len(grouping.assignment.labels))
    for group in grouping.groups:
        new[group.number] = numbers[group.key]
    groups = grouping.assignment.groups
    load("classes").rename(n, new, groups)
    sizes = graph.shallow_sizes if compat is None else graph.wrapped_sizes
    words = sizes.cast("B").cast("I")
    return n, graph.id_order, snapshot.columns.ids, groups, words, sizes.itemsize // 4
