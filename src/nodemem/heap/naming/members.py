"""What an object refers to, in words: its properties, entries, variables, and what V8 adds."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from nodemem.heap.engine.columns import TARGET
from nodemem.heap.engine.snapshot import Edge, Snapshot
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.references import Kind, Step, collapse, table_entries

_LOOKED_THROUGH = frozenset(
    ["table", "reactions_or_result", "parameters_and_registers", "bindings"]
)
_DEEPEST = 8


def members(names: Names, ordinal: int, largest: int | None = None) -> Iterator[Step]:
    """The references out of a node to what a program can name, in the order of the file.

    What lies between is looked through where it belongs to the object: hash tables, registers of
    suspended functions, cells of variables. Other inner nodes are given as they are, with the kind
    `internal`; weak references have the kind `weak`. Of a node with more than `largest` references
    only so many are looked at, those to what retains most. Ends on every graph: no inner node is
    looked through twice.
    """
    snapshot = names.snapshot
    seen = {ordinal}
    waiting: list[Iterator[list[Edge]]] = [_chains(names, [], ordinal, largest)]
    while waiting:
        chain = next(waiting[-1], None)
        if chain is None:
            waiting.pop()
            continue
        edge = chain[-1]
        if edge.type == "internal" and edge.name == "":
            # What V8 writes for the property with an empty name.
            yield Step("property", "''", ordinal, edge.target)
        elif edge.type == "weak":
            yield Step("weak", str(edge.name), ordinal, edge.target)
        elif names.shown(edge.target) or snapshot.node_type(edge.target) == "synthetic":
            if edge.target != ordinal:
                yield from (_told(snapshot, step) for step in collapse(names, chain))
        elif edge.target not in seen and len(chain) < _DEEPEST and _through(names, chain):
            seen.add(edge.target)
            if edge.name == "table" and names.name(ordinal) in ("Map", "Set"):
                entries = _edges(names, edge.target, largest, with_key=True)
                yield from table_entries(snapshot, ordinal, edge.target, entries)
            else:
                waiting.append(_chains(names, chain, edge.target, largest))
        elif len(chain) == 1:
            kind: Kind = "property" if edge.type in ("property", "element") else "internal"
            yield Step(kind, str(edge.name), ordinal, edge.target)


def _chains(
    names: Names, above: list[Edge], ordinal: int, largest: int | None
) -> Iterator[list[Edge]]:
    for edge in _edges(names, ordinal, largest):
        if not above or edge.name != "map":
            yield [*above, edge]


def _told(snapshot: Snapshot, step: Step) -> Step:
    """The step; out of a node that only V8 knows it is no root of a program."""
    root = step.kind == "root" and snapshot.node_type(step.source) != "synthetic"
    return step._replace(kind="internal") if root else step


def _edges(
    names: Names, ordinal: int, largest: int | None, *, with_key: bool = False
) -> Iterator[Edge]:
    """References out of a node but for short ways that V8 adds; of very many those to what retains
    most, in a hash table each with the one before it, which may be the key."""
    snapshot, columns = names.snapshot, names.snapshot.columns
    every = range(columns.first_edge[ordinal], columns.first_edge[ordinal + 1])
    positions: Iterable[int] = every
    if largest is not None and len(every) > largest:
        edges, retained = columns.edges, snapshot.graph.retained_sizes
        best = set(heapq.nlargest(largest, every, key=lambda at: retained[edges[at] & TARGET]))
        first = columns.first_edge[ordinal]
        keys = {at - 1 for at in best if with_key and at > first}
        positions = sorted(best | keys)
    for edge in (snapshot.edge(at, ordinal) for at in positions):
        if edge.type != "shortcut" or not ordinal:
            yield edge


def _through(names: Names, chain: list[Edge]) -> bool:
    """Whether the last node of a chain only holds what belongs to the first."""
    edge = chain[-1]
    if edge.type == "internal" and edge.name in _LOOKED_THROUGH:
        return True
    return names.is_cell(edge.target) or "PromiseReaction" in names.name(edge.target)
