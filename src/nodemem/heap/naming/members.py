"""What an object refers to, in words: its properties, entries, variables, and what V8 adds."""

from __future__ import annotations

from collections.abc import Iterator

from nodemem.heap.engine.snapshot import Edge, Snapshot
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.references import Kind, Step, collapse, table_entries

_LOOKED_THROUGH = frozenset(
    ["table", "reactions_or_result", "parameters_and_registers", "bindings"]
)
_DEEPEST = 8


def members(names: Names, ordinal: int) -> Iterator[Step]:
    """The references out of a node to what a program can name, in the order of the file.

    What lies between is looked through where it belongs to the object: hash tables, registers of
    suspended functions, cells of variables. Other inner nodes are given as they are, with the kind
    `internal`; weak references have the kind `weak`. Ends on every graph: no inner node is looked
    through twice.
    """
    snapshot = names.snapshot
    seen = {ordinal}
    waiting: list[Iterator[Step] | list[Edge]] = [[edge] for edge in _edges(names, ordinal)]
    waiting.reverse()
    while waiting:
        item = waiting.pop()
        if not isinstance(item, list):
            yield from item
            continue
        edge = item[-1]
        if edge.type == "internal" and edge.name == "":
            # What V8 writes for the property with an empty name.
            yield Step("property", "''", ordinal, edge.target)
        elif edge.type == "weak":
            yield Step("weak", str(edge.name), ordinal, edge.target)
        elif names.shown(edge.target) or snapshot.node_type(edge.target) == "synthetic":
            if edge.target != ordinal:
                yield from (_told(snapshot, step) for step in collapse(names, item))
        elif edge.target not in seen and len(item) < _DEEPEST and _through(names, item):
            seen.add(edge.target)
            if edge.name == "table" and names.name(ordinal) in ("Map", "Set"):
                waiting.append(table_entries(snapshot, ordinal, edge.target))
            else:
                below = [[*item, next_] for next_ in _edges(names, edge.target)]
                waiting += reversed([some for some in below if some[-1].name != "map"])
        elif len(item) == 1:
            kind: Kind = "property" if edge.type in ("property", "element") else "internal"
            yield Step(kind, str(edge.name), ordinal, edge.target)


def _told(snapshot: Snapshot, step: Step) -> Step:
    """The step; out of a node that only V8 knows it is no root of a program."""
    root = step.kind == "root" and snapshot.node_type(step.source) != "synthetic"
    return step._replace(kind="internal") if root else step


def _edges(names: Names, ordinal: int) -> list[Edge]:
    return [
        edge for edge in names.snapshot.edges(ordinal) if edge.type != "shortcut" or not ordinal
    ]


def _through(names: Names, chain: list[Edge]) -> bool:
    """Whether the last node of a chain only holds what belongs to the first."""
    edge = chain[-1]
    if edge.type == "internal" and edge.name in _LOOKED_THROUGH:
        return True
    return names.is_cell(edge.target) or "PromiseReaction" in names.name(edge.target)
