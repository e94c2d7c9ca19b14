"""Holders by signature: by which member of which class objects are held, whatever their ids.

Each object that a program can name is put down to one reference: of those that keep it, the one
from the smallest distance, the first in the file among equals. What V8 has in between (backing
stores, hash tables) is passed over. The signature is the class of the object that refers and the
name of its member: `Store.items`, `Map[…]`, `variable cache`, `globalThis.sessions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from nodemem.heap.arrays import Array, Arrays
from nodemem.heap.engine.columns import (
    CLOSURE,
    CONTEXT_EDGE,
    INTERNAL_EDGE,
    NATIVE,
    OBJECT,
    PROPERTY_EDGE,
    TABLE_EDGE,
    TYPE_SHIFT,
    WEAK_EDGE,
)
from nodemem.heap.engine.memory import zeros
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.visibility import SCOPE, VISIBLE, visibility
from nodemem.kernels import load

_NONE = 0xFFFFFFFF
_BLOCK = 1 << 22
_DEEPEST = 8
_MOST_MEMBERS = 100
"""An object with more members is a dictionary: its keys are data."""
_NAME = re.compile(r"[A-Za-z_$#][\w$]{0,79}|<symbol [\w$ .-]{0,80}>", re.ASCII)
_BY_NAME, _FUNCTION, _BY_TYPE, _SCOPE, _NOBODY = range(5)
_MEMBER, _ENTRY, _VARIABLE = range(3)


def holders(snapshot: Snapshot) -> Iterator[tuple[str, int, int, int]]:
    """Signature, number of objects held so, their shallow and retained bytes. Of objects that hold
    each other in the same way, as links of a list do, retained bytes count once."""
    graph, n = snapshot.graph, snapshot.node_count
    sizes, retained = graph.shallow_sizes, graph.retained_sizes
    tree = graph.tree
    labels, groups = _assigned(snapshot)
    words, width = sizes.cast("B").cast("I"), sizes.itemsize // 4
    total = len(labels)
    counts, shallow, held = zeros("I", total), zeros("Q", total), zeros("Q", total)
    kernel, numbers = load("classes"), groups.data
    kernel.tally(n, numbers, words, width, counts, shallow, zeros("I", total))
    kernel.retained(
        n, tree.preorder, tree.subtree, numbers, words, width,
        retained.cast("B").cast("I"), retained.itemsize // 4, zeros("I", total), held,
    )  # fmt: skip
    for number in range(1, total):
        if counts[number]:
            yield labels[number], counts[number], shallow[number], held[number]


def _assigned(snapshot: Snapshot) -> tuple[list[str], Array]:
    """Signatures, and the number of its signature for each node; 0 for what no program can name."""
    types, names = np.asarray(snapshot.columns.types), np.asarray(snapshot.columns.names)
    seen = np.asarray(visibility(snapshot))
    nodes = np.flatnonzero(seen & VISIBLE)
    owners, positions, direct = _owners(snapshot, nodes, seen != 0)
    known = owners != _NONE
    owner, position = np.where(known, owners, 0), np.where(known, positions, 0)
    owner_type = types[owner]
    kind = np.full(len(nodes), _BY_TYPE, np.uint64)
    kind[np.isin(owner_type, (OBJECT, NATIVE))] = _BY_NAME
    kind[owner_type == CLOSURE] = _FUNCTION
    kind[seen[owner] & SCOPE != 0] = _SCOPE
    kind[~known] = _NOBODY
    called = np.where(kind == _BY_TYPE, owner_type, names[owner]).astype(np.uint64)
    called[kind >= _SCOPE] = 0

    edge_kind = np.asarray(snapshot.columns.edges)[position] >> TYPE_SHIFT
    member = np.full(len(nodes), _ENTRY, np.uint64)
    named = np.isin(edge_kind, (PROPERTY_EDGE, INTERNAL_EDGE)) & direct
    member[named & ~(_dictionaries(snapshot)[owner] & (kind == _BY_NAME))] = _MEMBER
    member[edge_kind == CONTEXT_EDGE] = _VARIABLE
    member[~known] = _ENTRY
    member_name = np.asarray(snapshot.columns.edge_names)[position].astype(np.uint64)
    member_name[member == _ENTRY] = 0

    owner_keys, owner_of = np.unique(kind << 32 | called, return_inverse=True)
    member_keys, member_of = np.unique(member << 32 | member_name, return_inverse=True)
    pairs, pair_of = np.unique(owner_of * len(member_keys) + member_of, return_inverse=True)
    numbers: dict[str, int] = {"": 0}
    owner_texts = [_owner_text(snapshot, int(key)) for key in owner_keys]
    member_texts = [_member_text(snapshot, int(key)) for key in member_keys]
    number_of = np.empty(len(pairs), np.uint32)
    for at, pair in enumerate(pairs.tolist()):
        above, below = divmod(pair, len(member_keys))
        variable = int(member_keys[below]) >> 32 == _VARIABLE
        label = ("" if variable else owner_texts[above]) + member_texts[below]
        number_of[at] = numbers.setdefault(label, len(numbers))
    groups = np.zeros(snapshot.node_count, np.uint32)
    groups[nodes] = number_of[pair_of]
    return list(numbers), groups


class _Owners(NamedTuple):
    """By node: who refers to it, _NONE where nobody does; the position of the reference out of
    that; whether it leads to the node at once."""

    owners: Array
    positions: Array
    direct: Array


def _owners(snapshot: Snapshot, nodes: Array, shown: Array) -> _Owners:
    sources, positions = _nearest(snapshot)
    owners, leading = sources[nodes].copy(), positions[nodes].copy()
    direct = np.ones(len(nodes), bool)
    for _ in range(_DEEPEST):
        inner = np.flatnonzero((owners != _NONE) & ~shown[np.where(owners == _NONE, 0, owners)])
        if not len(inner):
            break
        at = owners[inner]
        direct[inner] = False
        owners[inner], leading[inner] = sources[at], positions[at]
    unnamed = (owners != _NONE) & ~shown[np.where(owners == _NONE, 0, owners)]
    owners[unnamed] = _NONE
    return _Owners(owners, leading, direct)


def _nearest(snapshot: Snapshot) -> tuple[Array, Array]:
    """For each node the source, and the position, of the reference from the smallest distance that
    keeps it; _NONE where there is none but the root's."""
    n = snapshot.node_count
    arrays, retainers = Arrays(snapshot), snapshot.graph.retainers
    first, edges = np.asarray(retainers.first), np.asarray(retainers.edges)
    words, distances = np.asarray(snapshot.columns.edges), snapshot.distances
    nearest, leading = np.full(n, _NONE, np.uint32), np.full(n, _NONE, np.uint32)
    begin = 0
    while begin < n:
        end = int(np.searchsorted(first, int(first[begin]) + _BLOCK, side="right")) - 1
        end = min(max(end, begin + 1), n)
        low, high = int(first[begin]), int(first[end])
        source, kinds = arrays.sources(edges[low:high]), words[edges[low:high]] >> TYPE_SHIFT
        far = distances[source].astype(np.int64)
        far[far < 0] = _NONE >> 2
        # Ties: the first in the file, which is the order of these.
        keys = far << 32 | np.arange(high - low)
        targets = np.repeat(np.arange(begin, end), np.diff(first[begin : end + 1]))
        keeps = (kinds != WEAK_EDGE) & (kinds != TABLE_EDGE) & (source != 0) & (source != targets)
        keys[~keeps] = np.iinfo(np.int64).max
        filled = begin + np.flatnonzero(np.diff(first[begin : end + 1]))
        if len(filled):
            least = np.minimum.reduceat(keys, first[filled].astype(np.int64) - low)
            good = least != np.iinfo(np.int64).max
            chosen = least[good] & _NONE
            nearest[filled[good]], leading[filled[good]] = source[chosen], edges[low + chosen]
        begin = end
    # Whatever else refers to a global object: it is there without.
    nearest[snapshot.graph.user_roots] = _NONE
    return nearest, leading


def _dictionaries(snapshot: Snapshot) -> Array:
    names = np.asarray(snapshot.columns.names)
    many: Array = np.diff(np.asarray(snapshot.columns.first_edge)) > _MOST_MEMBERS
    for index in np.unique(names[many]).tolist():
        if _is_global(snapshot.string(index)):
            many &= names != index
    return many


def _is_global(name: str) -> bool:
    return re.match(r"global( \(global\*?\))?( / |$)", name) is not None


def _owner_text(snapshot: Snapshot, key: int) -> str:
    kind, value = key >> 32, key & _NONE
    if kind == _NOBODY:
        return "(roots)"
    if kind == _SCOPE:
        return "variable "
    if kind == _BY_TYPE:
        return f"({snapshot.header.meta.node_types[value]})"
    name = snapshot.string(value)
    if kind == _FUNCTION:
        return f"function {name}".rstrip()
    return "globalThis" if _is_global(name) else name


def _member_text(snapshot: Snapshot, key: int) -> str:
    kind, value = key >> 32, key & _NONE
    name = snapshot.string(value) if kind != _ENTRY else ""
    if not _NAME.fullmatch(name):
        return "variable […]" if kind == _VARIABLE else "[…]"
    return f"variable {name}" if kind == _VARIABLE else f".{name}"
