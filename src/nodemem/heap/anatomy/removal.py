"""What would go if some objects or references went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nodemem.errors import UsageError
from nodemem.heap.arrays import Array, Arrays
from nodemem.heap.engine.snapshot import Edge
from nodemem.heap.naming.contents import kind_of
from nodemem.heap.naming.names import Names
from nodemem.heap.reachability import Reachability

_STORES = frozenset(["properties", "elements", "table"])


_CELL = "system / PropertyCell"


@dataclass(frozen=True, slots=True)
class Lost:
    """Nodes of one class that would go, with the sum of their shallow sizes in bytes."""

    class_name: str
    count: int
    size: int
    largest: int


@dataclass(frozen=True, slots=True)
class Removal:
    """`size` bytes in `count` nodes would go. `sure` are the bytes that would go even though
    handles, stacks and other roots of V8 and Node.js keep what they refer to: dominators, and
    with them retained sizes, leave these out where the program holds an object, too."""

    size: int
    count: int
    sure: int
    classes: list[Lost]


def removal(names: Names, nodes: Sequence[int], edges: Sequence[int]) -> Removal:
    """What nothing keeps any more without `nodes` (ordinals, gone as well) and `edges` (positions
    in `Columns.edges`). Of one node that is what it dominates."""
    search = Reachability(names.snapshot)
    sizes = Arrays(names.snapshot).shallow_sizes
    lost = search.lost(nodes, edges)
    sure = search.lost(nodes, edges, page_rule=False)
    return Removal(
        int(sizes[lost].sum(dtype=np.int64)),
        len(lost),
        int(sizes[sure].sum(dtype=np.int64)),
        _classes(names, lost),
    )


def edges_called(names: Names, source: int, members: Sequence[str]) -> list[int]:
    """The positions of the references by which an object has these members: properties, elements,
    variables of a function, values of a Map under these keys. What V8 has twice, in the object and
    in its backing store, is one member.

    Raises:
        UsageError: one of them is no member that keeps something.
    """
    own = list(_out(names, source))
    scopes = [e.target for _, e in own if e.name == "context" and names.is_closure(source)]
    for scope in scopes:
        own += _out(names, scope)
    found: list[int] = []
    for member in members:
        some = [at for at, edge in own if _is_member(names, edge, member)]
        if names.name(source) == "Map":
            for _, edge in own:
                some += _map_value(names, edge.target, member) if edge.name == "table" else []
        if not some:
            raise UsageError(
                f"the object with the id {names.snapshot.node_id(source)} has no member "
                f"'{member}' that keeps an object",
                next=f"nodemem heap object {names.snapshot.path_on_disk} "
                f"--id {names.snapshot.node_id(source)}",
            )
        found += some
    return found + _in_stores(names, own, frozenset(found))


def _in_stores(names: Names, own: Sequence[tuple[int, Edge]], cut: frozenset[int]) -> list[int]:
    """The references of an object's backing stores that stand behind those of its members in
    `cut`: to what no other member leads to."""
    direct = [(at, edge) for at, edge in own if edge.type in ("property", "element", "internal")]
    targets = {edge.target for at, edge in direct if at in cut}
    targets -= {edge.target for at, edge in direct if at not in cut and edge.name not in _STORES}
    found: list[int] = []
    for store in (edge.target for _, edge in own if edge.name in ("properties", "elements")):
        inside = _out(names, store)
        # The properties of the global object have cells of their own.
        cells = [edge.target for _, edge in inside if names.name(edge.target) == _CELL]
        for cell in cells:
            inside += _out(names, cell)
        found += [at for at, edge in inside if edge.target in targets]
    return found


def _out(names: Names, ordinal: int) -> list[tuple[int, Edge]]:
    first = names.snapshot.columns.first_edge
    positions = range(first[ordinal], first[ordinal + 1])
    return [(at, names.snapshot.edge(at, ordinal)) for at in positions]


def _is_member(names: Names, edge: Edge, name: str) -> bool:
    if edge.type == "internal" and edge.name in _STORES:
        return False
    return edge.type != "weak" and (str(edge.name) == name or names.variable(edge) == name)


def _map_value(names: Names, table: int, key: str) -> list[int]:
    edges = [(at, edge) for at, edge in _out(names, table) if str(edge.name).isdigit()]
    keys = {int(edge.name) for _, edge in edges
            if names.snapshot.node_type(edge.target) == "string"
            and names.name(edge.target) == key}  # fmt: skip
    return [at for at, edge in edges if int(edge.name) - 1 in keys]


def _classes(names: Names, lost: Array) -> list[Lost]:
    """The nodes by class, the most bytes first."""
    arrays = Arrays(names.snapshot)
    sizes = arrays.shallow_sizes[lost].astype(np.int64)
    order = np.lexsort((lost, -sizes))
    lost, sizes = lost[order], sizes[order]
    keys = arrays.types[lost].astype(np.int64) << 32 | arrays.names[lost]
    unique, first, back = np.unique(keys, return_index=True, return_inverse=True)
    counts = np.bincount(back, minlength=len(unique))
    bytes_ = np.zeros(len(unique), np.int64)
    np.add.at(bytes_, back, sizes)
    merged: dict[tuple[int, int], Lost] = {}
    for at in np.argsort(-bytes_, kind="stable").tolist():
        node = int(lost[first[at]])
        kind = kind_of(names, node)  # strings of all texts are one class
        count, size = int(counts[at]), int(bytes_[at])
        if kind in merged:
            before = merged[kind]
            merged[kind] = replace(before, count=before.count + count, size=before.size + size)
        else:
            merged[kind] = Lost("", count, size, node)
    found = sorted(merged.values(), key=lambda one: (-one.size, one.largest))
    return [replace(one, class_name=names.class_name(one.largest)) for one in found]
