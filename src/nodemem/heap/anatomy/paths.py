"""Several ways to one object, and the ways to all objects of a class, merged into a tree."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nodemem.errors import UsageError
from nodemem.heap.anatomy.rows import source_text, title
from nodemem.heap.arrays import Arrays
from nodemem.heap.engine.columns import NATIVE, OBJECT
from nodemem.heap.engine.graph import SYSTEM_DISTANCE
from nodemem.heap.engine.snapshot import Edge
from nodemem.heap.naming.chains import keeps, shortest_chain
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.references import Step, collapse
from nodemem.heap.reachability import Reachability
from nodemem.results import Column, Table

COLUMNS = (
    Column("depth", role="depth"),
    Column("reference", role="kind"),
    Column("name", role="edge"),
    Column("times"),
    Column("class", role="class"),
    Column("count", unit="count"),
    Column("retained", unit="bytes"),
    Column("id", role="node_id"),
    Column("source", role="source"),
)
_SAMPLE = 5_000
_MOST_STEPS = 200_000
"""References followed to find the ways to the objects of a class: those far away, the ends of
lists, are left out when there are more."""
_MOST_PLAIN = 200_000
_MOST_ROWS = 2_000
_ENTRIES = frozenset(["element", "map value", "map key", "set entry"])


@dataclass
class _Branch:
    """A step on the way to `count` objects that retain `retained` bytes. Where steps to several
    nodes are taken together, `step` is one of them; `times` is the longest run."""

    step: Step
    count: int = 0
    retained: int = 0
    times: int = 1
    targets: set[int] = field(default_factory=set)
    below: dict[tuple[object, ...], _Branch] = field(default_factory=dict)


def all_paths(names: Names, ordinal: int, *, most: int) -> Table:
    """Up to `most` ways to a node that end with different references, those of the nearest objects,
    as a tree from the roots in which what they share is there once. None goes through the node
    itself. `count` is how many of the ways pass a row.

    Raises:
        UsageError: nothing but weak references leads to the node.
    """
    snapshot = names.snapshot
    first, edges, sources = snapshot.graph.retainers
    distances = Reachability(snapshot).distances_without([ordinal])
    reached = (
        at for at in range(first[ordinal], first[ordinal + 1]) if distances[sources[at]] >= 0
    )
    # Backing stores give most references once more.
    nearest = heapq.nsmallest(4 * most, reached, key=lambda at: distances[sources[at]])
    last = (snapshot.edge(edges[at], sources[at]) for at in nearest)
    ways = [
        _steps(names, [*shortest_chain(names, edge.source, distances), edge])
        for edge in last
        if keeps(snapshot, edge)
    ]
    named = {way[-1].source for way in ways if way and way[-1].name}
    ways = [way for way in ways if way and (way[-1].name or way[-1].source not in named)]
    if not ways:
        raise UsageError(
            f"nothing keeps the node with the id {snapshot.node_id(ordinal)}",
            why="only weak references lead to it",
        )
    tree = _Branch(Step("root", "", ways[0][0].source, ways[0][0].source))
    different = {(way[-1].source, way[-1].kind, way[-1].name): way for way in reversed(ways)}
    for way in list(reversed(different.values()))[:most]:
        _insert(tree, way, 0, [(step.kind, step.name, step.target) for step in way])
    return Table(COLUMNS, _records(names, tree, most), summary={"ways": tree.count})


def class_paths(names: Names, class_name: str, *, top: int) -> Table:
    """The shortest ways to all objects of a class, merged: steps of one kind and name between
    objects of one class are one row, whatever the index or key. `count` and `retained` (bytes; what
    one of the objects retains inside of another counts once) are of those whose way passes a row;
    `times` is the longest run of equal steps. Of many objects a sample is taken; the summary says
    how many were looked at.

    Raises:
        UsageError: the snapshot has no object of the class.
    """
    members = objects_of(names, class_name)
    if not members:
        raise UsageError(
            f"the snapshot has no object of the class {class_name!r}",
            next=f"nodemem heap classes {names.snapshot.path_on_disk} --match NAME lists classes",
        )
    distances = names.snapshot.graph.distances
    sample = members[:: -(-len(members) // _SAMPLE)]
    near = sorted((distances[node], node) for node in sample if distances[node] >= 0)
    outermost = set(names.snapshot.graph.outermost(sample))
    tree: _Branch | None = None
    followed = looked_at = 0
    for hops, node in near:
        followed += hops % SYSTEM_DISTANCE
        if followed > _MOST_STEPS and looked_at:
            break
        looked_at += 1
        if steps := _steps(names, shortest_chain(names, node)):
            tree = tree or _Branch(Step("root", "", steps[0].source, steps[0].source))
            retained = names.snapshot.retained_size(node) if node in outermost else 0
            _insert(tree, steps, retained, _alike(names, steps))
    records = [] if tree is None else _records(names, tree, top)
    summary = {"objects": len(members), "looked_at": looked_at}
    return Table(COLUMNS, records, summary=summary)


def objects_of(names: Names, class_name: str) -> list[int]:
    """The nodes that have the class name which other queries show, in file order; of plain objects
    the first 200,000 are looked at."""
    arrays = Arrays(names.snapshot)
    if class_name.startswith("{"):
        plain = arrays.named("Object", OBJECT)[:_MOST_PLAIN].tolist()
        return [node for node in plain if names.class_name(node) == class_name]
    found: list[int] = arrays.named(class_name, OBJECT, NATIVE).tolist()
    if found:
        return found
    keys = arrays.types.astype(np.int64) << 32 | arrays.names
    unique, first = np.unique(keys, return_index=True)
    alike = [
        key
        for key, node in zip(unique.tolist(), first.tolist(), strict=True)
        if names.class_name(node) == class_name
    ]
    others: list[int] = np.flatnonzero(np.isin(keys, alike)).tolist()
    return others


def _steps(names: Names, chain: Sequence[Edge]) -> list[Step]:
    steps = collapse(names, chain)
    # Since V8 14 the context of the global object is before it.
    return steps[1:] if steps and steps[0].name == "global_object" else steps


def _alike(names: Names, steps: Sequence[Step]) -> list[tuple[object, ...]]:
    return [
        (step.kind, "" if step.kind in _ENTRIES else step.name, names.class_name(step.target))
        for step in steps
    ]


def _insert(
    tree: _Branch, steps: Sequence[Step], retained: int, keys: Sequence[tuple[object, ...]]
) -> None:
    at = tree
    for step, key in zip(steps, keys, strict=True):
        at.count += 1
        at.retained += retained
        if key not in at.below:
            at.below[key] = _Branch(step)
        at = at.below[key]
        at.targets.add(step.target)
        at.times = max(at.times, step.times)
    at.count += 1
    at.retained += retained


def _records(names: Names, tree: _Branch, top: int) -> list[tuple[object, ...]]:
    """Preorder rows, of each level the `top` that most ways pass."""
    records: list[tuple[object, ...]] = []
    waiting = [(0, tree)]
    while waiting and len(records) < _MOST_ROWS:
        level, branch = waiting.pop()
        step, several = branch.step, len(branch.targets) > 1
        records.append(
            (
                level,
                step.kind,
                None if several and step.kind in _ENTRIES else step.name or None,
                branch.times if branch.times > 1 else None,
                title(names, step.target),
                branch.count,
                branch.retained if tree.retained else names.snapshot.retained_size(step.target),
                None if several else names.snapshot.node_id(step.target),
                source_text(names, step.target),
            )
        )
        below = sorted(branch.below.values(), key=lambda one: (-one.count, one.step.target))
        waiting += [(level + 1, one) for one in reversed(below[:top])]
    return records
