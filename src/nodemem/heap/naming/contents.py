"""What a holder holds: its objects by class, with the place they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nodemem.heap.engine.columns import BIGINT, CONCATENATED, NUMBER, REGEXP, SLICED, STRING, SYMBOL
from nodemem.heap.naming.locations import Place
from nodemem.heap.naming.names import Names

_SAMPLE = 200
_MAJORITY = 0.5
_DEEPEST = 12
_CALLBACKS = frozenset(["_onTimeout", "_onImmediate", "listener", "callback"])
_MOST_WRAPPERS = 3
# V8 uses their text as the name of these; all strings are of one kind.
_NAMED_BY_VALUE = {
    STRING: STRING,
    CONCATENATED: STRING,
    SLICED: STRING,
    REGEXP: REGEXP,
    NUMBER: NUMBER,
    SYMBOL: SYMBOL,
    BIGINT: BIGINT,
}


@dataclass(frozen=True)
class Group:
    """Objects of one class. `retained` is the sum of theirs in bytes; they are side by side in
    the dominator tree, so nothing is counted twice. `place` is where most of the functions are
    written, or the class of the objects. `members` are ordinals."""

    class_name: str
    count: int
    retained: int
    place: Place | None
    members: list[int]


def held(names: Names, ordinal: int) -> Iterator[int]:
    """What a node dominates next, V8's inner nodes looked through (closure scopes are kept)."""
    shown = names.visibility
    inner = [ordinal]
    while inner:
        for child in names.snapshot.dominated(inner.pop()):
            if shown[child]:
                yield child
            else:
                inner.append(child)


def kind_of(names: Names, ordinal: int) -> tuple[int, int]:
    """V8's type and name of a node, -1 for the name where that is its value: alike for nodes that
    count as objects of one class."""
    columns = names.snapshot.columns
    kind = columns.types[ordinal]
    by_value = _NAMED_BY_VALUE.get(kind)
    return (kind, columns.names[ordinal]) if by_value is None else (by_value, -1)


def groups(names: Names, ordinals: Iterable[int], least: int = 0) -> list[Group]:
    """The nodes by class, greatest retained size first; classes below `least` bytes left out."""
    retained_sizes = names.snapshot.graph.retained_sizes
    by_kind: dict[tuple[int, int], list[int]] = {}
    for ordinal in ordinals:
        by_kind.setdefault(kind_of(names, ordinal), []).append(ordinal)
    sized = [(sum(map(retained_sizes.__getitem__, some)), some) for some in by_kind.values()]
    found = [
        Group(_class_of(names, some), len(some), retained, _place_of(names, some), some)
        for retained, some in sized
        if retained >= least
    ]
    found.sort(key=lambda group: (-group.retained, -group.count, group.class_name))
    return found


def callbacks(names: Names, members: list[int]) -> list[int]:
    """What timers call, or what wrapped listeners stand for: functions of the program where there
    are any, else objects of it (those with a `handleEvent`), else functions of Node.js."""
    found: list[int] = []
    for member in members:
        called = [
            function_behind(names, edge.target)
            for edge in names.snapshot.edges(member)
            if edge.name in _CALLBACKS and edge.type == "property"
        ]
        own = [one for one in called if names.by_user(one)]
        other = [one for one in called if names.is_closure(one)]
        found += (own or other)[:1]
    return found


def function_behind(names: Names, ordinal: int) -> int:
    """The function that the program passed: not the wrapper of `once`, nor what `bind` made."""
    for _ in range(_MOST_WRAPPERS):
        if not names.is_closure(ordinal) or names.by_user(ordinal):
            break
        wrapped = {edge.name: edge.target for edge in names.snapshot.edges(ordinal)}
        behind = wrapped.get("listener", wrapped.get("bound_function"))
        if behind is None or not names.is_closure(behind):
            break
        ordinal = behind
    return ordinal


def payload(names: Names, members: list[int]) -> tuple[str, Place | None] | None:
    """The class of the program that makes up most of what the objects keep, with its place.

    Found by going down the dominator tree along the greatest child, in a sample of the objects.
    """
    seen: Counter[tuple[str, Place | None]] = Counter()
    sample = _sample(members)
    for member in sample:
        found = content_of(names, member)
        if found is not None:
            seen[names.class_name(found), names.place(found)] += 1
    if not seen:
        return None
    best, times = seen.most_common(1)[0]
    return best if times >= _MAJORITY * len(sample) else None


def content_of(names: Names, member: int) -> int | None:
    """The first object of a class of the program on the way down the dominator tree along the
    greatest children; None when there is none near."""
    columns, own_name = names.snapshot.columns, names.snapshot.columns.names[member]
    ordinal = member
    for _ in range(_DEEPEST):
        if names.by_user(ordinal) and not names.is_closure(ordinal) and not names.runs(ordinal):
            return ordinal
        # The next link of a list is not what this one holds.
        children = (
            child
            for child in held(names, ordinal)
            if columns.names[child] != own_name or columns.types[child] != columns.types[member]
        )
        ordinal = max(children, key=names.snapshot.retained_size, default=-1)
        if ordinal < 0:
            return None
    return None


def _class_of(names: Names, members: list[int]) -> str:
    seen = Counter(map(names.class_name, _sample(members)))
    name, times = seen.most_common(1)[0]
    if times >= _MAJORITY * sum(seen.values()):
        return name
    return "Object" if name.startswith("{") else name


def _place_of(names: Names, members: list[int]) -> Place | None:
    sample = _sample(members)
    seen = Counter(filter(None, map(names.place, sample)))
    if not seen:
        return None
    place, times = seen.most_common(1)[0]
    return place if times >= _MAJORITY * len(sample) else None


def _sample(members: list[int]) -> list[int]:
    step = max(1, len(members) // _SAMPLE)
    return members[::step][:_SAMPLE]
