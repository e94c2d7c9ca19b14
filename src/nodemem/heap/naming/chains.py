"""The shortest chain of references that keeps a node, as V8's edges."""

from __future__ import annotations

from nodemem.heap.engine.snapshot import Edge, Snapshot
from nodemem.heap.naming.names import Names

_RANK = {"context": 0, "property": 1, "element": 2, "internal": 3, "hidden": 4, "shortcut": 5}
_PREFERRED = frozenset(["context", "table", "bound_this", "bound_function", "reactions_or_result"])
_UNNAMED = 9


def keeps(snapshot: Snapshot, edge: Edge) -> bool:
    """Whether an edge keeps its target alive by itself.

    Weak edges do not, nor does a WeakMap's table: there the key keeps the value.
    """
    if edge.type == "weak" or edge.source == edge.target:
        return False
    if edge.type == "shortcut":
        return edge.source == 0
    if edge.type == "internal" and "(table @" in str(edge.name):
        return not str(edge.name).endswith(f"(table @{snapshot.node_id(edge.source)})")
    return True


def shortest_chain(names: Names, ordinal: int, distances: memoryview | None = None) -> list[Edge]:
    """Edges from a user root (or the root, when no user root reaches the node) to `ordinal`.

    Each leads from a node of smaller distance to one of greater. Of equally short ways the one
    with the more telling edges is taken; the choice does not depend on anything but the file.
    Empty when only weak references lead to the node. `distances` are the graph's own, or others
    in which each node but the roots has one greater than that of a node that keeps it.
    """
    snapshot = names.snapshot
    distances = snapshot.graph.distances if distances is None else distances
    chain: list[Edge] = []
    roots = frozenset(snapshot.graph.user_roots)
    while ordinal and ordinal not in roots:
        best = min(
            (
                edge
                for edge in snapshot.retainers(ordinal)
                if 0 <= distances[edge.source] < distances[ordinal]
                and (keeps(snapshot, edge) or _is_bound(edge))
            ),
            key=lambda edge: (distances[edge.source], _rank(edge), edge.source),
            default=None,
        )
        if best is None:
            break
        chain.append(best)
        ordinal = best.source
    chain.reverse()
    return chain


def _is_bound(edge: Edge) -> bool:
    """Whether an edge is the short way to an argument of a bound function. It keeps nothing by
    itself, but stands for the longer one over the list of arguments, which does."""
    return edge.type == "shortcut" and str(edge.name).startswith("bound_argument_")


def _rank(edge: Edge) -> int:
    if edge.type == "internal":
        return _RANK["internal"] if edge.name in _PREFERRED else _UNNAMED
    return _RANK.get(edge.type, _UNNAMED)
