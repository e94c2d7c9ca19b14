"""Holders that are alike: the Maps of many shards, the arrays of many rooms.

Each may be small, or as large as a suspect of its own; a reader wants them as one, with their sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from nodemem.heap.naming.contents import Group, groups, held, kind_of
from nodemem.heap.naming.holders import referred_as
from nodemem.heap.naming.names import Names

FEWEST_HELD = 20
"""Fewer objects of one class at one holder are not called many."""
MOST_HOLDERS = 64
_EVEN = 0.3
_MOST = 0.5
_DEEPEST = 6


_T = TypeVar("_T")


class Spread(NamedTuple):
    """Alike holders, the largest first, and all that they hold of one class. Sizes are bytes."""

    holders: list[int]
    group: Group
    retained: int


def spread(names: Names, pieces: Sequence[int]) -> Spread | None:
    """The alike holders below a few objects, one below each of most; None where there are none."""
    if not 2 <= len(pieces) <= MOST_HOLDERS:
        return None
    retained = names.snapshot.retained_size
    total = sum(map(retained, pieces))
    found: dict[tuple[tuple[int, int], str, tuple[int, int]], list[tuple[int, Group]]] = {}
    for piece in pieces:
        below = _holder_below(names, piece)
        if below is not None:
            holder, group = below
            held_kind = kind_of(names, group.members[0])
            signature = (kind_of(names, holder), referred_as(names, holder), held_kind)
            if held_kind != kind_of(names, piece):
                found.setdefault(signature, []).append(below)
    if not found:
        return None
    alike = max(found.values(), key=lambda some: sum(group.retained for _, group in some))
    alike.sort(key=lambda one: (-retained(one[0]), one[0]))
    sizes = sum(retained(holder) for holder, _ in alike)
    if len(alike) < 2 or sizes < _MOST * total:
        return None
    largest = alike[0][1]
    members = [member for _, group in alike for member in group.members]
    kept = sum(group.retained for _, group in alike)
    together = Group(largest.class_name, len(members), kept, largest.place, members)
    return Spread([holder for holder, _ in alike], together, sizes)


def _holder_below(names: Names, ordinal: int) -> tuple[int, Group] | None:
    """The first object on the way down the largest children that holds many of one class."""
    retained = names.snapshot.retained_size
    for _ in range(_DEEPEST):
        children = list(held(names, ordinal))
        many = [group for group in groups(names, children) if group.count >= FEWEST_HELD]
        if many and many[0].retained >= _EVEN * retained(ordinal):
            return ordinal, many[0]
        largest = max(children, key=retained, default=-1)
        if largest < 0 or retained(largest) < _MOST * retained(ordinal):
            return None
        ordinal = largest
    return None


def together(
    items: Iterable[_T], key: Callable[[_T], Hashable], join: Callable[[Sequence[_T]], _T]
) -> list[_T]:
    """Items of one key joined into one; those with the key None stay alone."""
    by_key: dict[Hashable, list[_T]] = {}
    alone: list[_T] = []
    for item in items:
        kind = key(item)
        (alone if kind is None else by_key.setdefault(kind, [])).append(item)
    return alone + [some[0] if len(some) == 1 else join(some) for some in by_key.values()]


def classes_of(counted: Iterable[tuple[str, int]]) -> str:
    """The classes of joined holders with the weights given: the two that matter most."""
    weights: Counter[str] = Counter()
    for class_name, weight in counted:
        weights[class_name] += weight
    first, *others = [name for name, _ in weights.most_common()]
    if not others:
        return first
    return f"{first}, {others[0]}" + (", …" if len(others) > 1 else "")
