"""Structures that hold their own kind: tries, trees of comments, nested menus.

Much memory in small pieces hangs off some node in their middle; a reader knows them by their top.
"""

from __future__ import annotations

from typing import NamedTuple

from nodemem.heap.engine.columns import HIDDEN, SYNTHETIC
from nodemem.heap.naming.contents import kind_of
from nodemem.heap.naming.names import Names

_HIGHEST = 200  # levels
_WIDEST_STEP = 6  # dominators between a part and the part that it is in


class Recursive(NamedTuple):
    """`holder` has the top part, or is it; `parts` are all objects of the kind."""

    holder: int
    parts: list[int]


def recursive_structure(names: Names, ordinal: int, member: int) -> Recursive | None:
    """The structure of parts like `member` that `ordinal` is in; None when it is in none."""
    snapshot = names.snapshot
    if names.is_closure(member):
        return None  # functions within functions are how any program is written
    kind = kind_of(names, member)
    top, since, node = -1, 0, ordinal
    for _ in range(_HIGHEST):
        if not node or snapshot.columns.types[node] in (HIDDEN, SYNTHETIC):
            break
        if kind_of(names, node) == kind:
            top, since = node, 0
        since += 1
        if since > _WIDEST_STEP:
            break
        node = snapshot.dominator(node)
    if top < 0 or not names.by_user(top):
        return None
    _, preorder, subtree = snapshot.graph.tree
    place = snapshot.graph.tree_places[top]
    inside = preorder[place : place + subtree[place]]
    above = snapshot.dominator(top)
    holder = above if names.by_user(above) and not names.is_closure(above) else top
    return Recursive(holder, [part for part in inside if _is(names, part, kind)])


def _is(names: Names, ordinal: int, kind: tuple[int, int]) -> bool:
    columns = names.snapshot.columns
    return columns.types[ordinal] == kind[0] and columns.names[ordinal] == kind[1]
