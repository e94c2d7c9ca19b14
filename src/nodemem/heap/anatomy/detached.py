"""DOM nodes, and other native objects, that are in no document any more but are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodemem.heap.arrays import Arrays
from nodemem.heap.classes import assign_groups
from nodemem.heap.engine.columns import NATIVE
from nodemem.heap.engine.detached import DETACHED
from nodemem.heap.naming.names import Names

_NODE = "Detached Node / "
"""Node.js 20 marks some objects of its own as detached, which says nothing."""


@dataclass(frozen=True, slots=True)
class DetachedGroup:
    """Detached objects of one class; `retained` is the sum of theirs in bytes, `largest` the one
    with most."""

    class_name: str
    nodes: list[int]
    retained: int
    largest: int


def detached(names: Names) -> tuple[list[DetachedGroup], bool]:
    """Detached objects by class, what keeps most first; and whether the file says of any object
    that it is in a document or not. Node.js has no documents."""
    snapshot = names.snapshot
    arrays = Arrays(snapshot)
    states = np.asarray(snapshot.columns.detachedness)
    native = arrays.of_types(NATIVE)
    if len(states):
        nodes = native[states[native] == DETACHED]
    else:
        called = np.unique(arrays.names[native])
        marked = [i for i in called.tolist() if snapshot.string(i).startswith("Detached ")]
        nodes = native[np.isin(arrays.names[native], marked)]
    ours = np.array([names.name(node).startswith(_NODE) for node in nodes.tolist()], bool)
    nodes = nodes[~ours]
    told = bool(len(nodes)) or snapshot.graph.dom_trees >= 0
    assigned = assign_groups(snapshot, [])
    by_group: dict[int, list[int]] = {}
    for node in nodes.tolist():
        by_group.setdefault(assigned.groups[node], []).append(node)
    retained = snapshot.graph.retained_sizes
    found = [
        DetachedGroup(
            assigned.labels[group],
            some,
            sum(map(retained.__getitem__, some)),
            max(some, key=retained.__getitem__),
        )
        for group, some in by_group.items()
    ]
    found.sort(key=lambda one: (-one.retained, one.class_name))
    return found, told
