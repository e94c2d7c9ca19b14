"""The dominator tree from one node down, alike siblings as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nodemem.heap.anatomy.held_as import held_as
from nodemem.heap.anatomy.rows import source_text
from nodemem.heap.naming.contents import groups, held
from nodemem.heap.naming.names import Names
from nodemem.results import Column, Table

COLUMNS = (
    Column("depth", role="depth"),
    Column("name", role="class"),
    Column("count", unit="count"),
    Column("retained", unit="bytes"),
    Column("share", unit="share"),
    Column("held_as", role="name"),
    Column("id", role="node_id"),
    Column("source", role="source"),
)
_NEARLY_ALL = 0.8
_MOST_ON_THE_WAY = 8
_OUTSTANDING = 3
"""An object that retains so many times the median of its class is not alike."""


class _Entry(NamedTuple):
    """`members` are alike objects, none for the row of what is left out; `left` is how many levels
    may follow."""

    depth: int
    left: int
    name: str
    members: Sequence[int]
    objects: int
    retained: int
    source: str | None


def dominator_tree(
    names: Names, start: int, *, depth: int, top: int, least_share: float = 0.0
) -> Table:
    """Preorder rows, `depth` levels below `start`, the `top` largest of each level below a row. A
    level that is only on the way, of one object that retains nearly all that the one above does,
    is not counted.

    Nodes that only V8 knows are looked through. Objects of one class below one row are one row
    with their number and sum, but for those that stand out by their size; below such a row
    stands what all of them retain, likewise by class. `share` is of the whole heap. What is left
    out of a level, and what retains less than `least_share` of what `start` does, is its last
    row.
    """
    least = least_share * names.snapshot.retained_size(start)
    total = names.snapshot.retained_size(0) or 1
    records: list[tuple[object, ...]] = []
    waiting: list[_Entry] = [_entry(names, 0, depth, [start])]
    while waiting:
        entry = waiting.pop()
        one = len(entry.members) == 1
        records.append(
            (
                entry.depth,
                entry.name,
                entry.objects,
                entry.retained,
                entry.retained / total,
                held_as(names, entry.members) if entry.members and entry.depth else None,
                names.snapshot.node_id(entry.members[0]) if one else None,
                entry.source,
            )
        )
        if entry.members and entry.left and entry.depth < depth + _MOST_ON_THE_WAY:
            below = _below(names, entry, top, least)
            waiting.extend(reversed(below))
    return Table(COLUMNS, records, summary={"total": total})


def _below(names: Names, entry: _Entry, top: int, least: float) -> list[_Entry]:
    retained = names.snapshot.graph.retained_sizes
    children = (child for member in entry.members for child in held(names, member))
    found: list[_Entry] = []
    for group in groups(names, children):
        by_size = sorted(group.members, key=lambda node: -retained[node])
        limit = max(_OUTSTANDING * retained[by_size[len(by_size) // 2]], least)
        outstanding = next((i for i, node in enumerate(by_size) if retained[node] < limit), 0)
        if len(by_size) - outstanding == 1:
            outstanding = len(by_size)
        found += [
            _entry(names, entry.depth + 1, _left(entry, retained[node]), [node])
            for node in by_size[:outstanding]
        ]
        if alike := by_size[outstanding:]:
            place = None if group.place is None else str(group.place)
            kept, left = sum(map(retained.__getitem__, alike)), entry.left - 1
            found.append(
                _Entry(entry.depth + 1, left, group.class_name, alike, len(alike), kept, place)
            )
    found.sort(key=lambda one: (-one.retained, one.name, one.members[0]))
    shown = next((i for i, one in enumerate(found) if one.retained < least), len(found))
    rest = found[min(top, shown) :]
    if len(rest) > 1:
        kept = sum(one.retained for one in rest)
        count = sum(len(one.members) for one in rest)
        found[-len(rest) :] = [_Entry(entry.depth + 1, 0, "(others)", (), count, kept, None)]
    return found


def _left(above: _Entry, retained: int) -> int:
    """How many levels may follow below an object that retains so many bytes."""
    return above.left - (retained < _NEARLY_ALL * above.retained)


def _entry(names: Names, depth: int, left: int, members: Iterable[int]) -> _Entry:
    (node,) = members
    snapshot = names.snapshot
    name = "(root)" if node == 0 else names.class_name(node)
    return _Entry(
        depth,
        left,
        name,
        [node],
        1,
        snapshot.retained_size(node),
        source_text(names, node),
    )
