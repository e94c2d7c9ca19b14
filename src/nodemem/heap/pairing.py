"""Two snapshots of one process, matched by V8's ids.

Odd ids belong to objects of V8's heap and stay with them as long as no inspector session closes.
Even ids belong to what Node.js itself adds (`Node / BindingData`, ...); they are new in every
snapshot and say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from nodemem.heap.columns import CLOSURE, NUMBER, OBJECT, STRING
from nodemem.heap.snapshot import HeapSnapshot

_ALIKE = 0.95
_ENOUGH = 50_000


@dataclass(frozen=True)
class Pairing:
    """`new` are ordinals of `after` that `before` has not. `old` gives for an ordinal of `after`
    the one of the same object in `before`, -1 where there is none."""

    new: list[int]
    gone: list[int]
    old: list[int]


def pair(before: HeapSnapshot, after: HeapSnapshot) -> Pairing:
    """Match the objects of two snapshots. Nodes with an even id are neither new nor gone."""
    old = [-1] * after.node_count
    new: list[int] = []
    gone: list[int] = []
    for a, b in _merged(before, after):
        if a is not None and b is not None:
            old[b] = a
        elif b is not None and after.columns.ids[b] & 1 and not _is_figure(after, b):
            new.append(b)
        elif a is not None and before.columns.ids[a] & 1 and not _is_figure(before, a):
            gone.append(a)
    old[0] = 0
    return Pairing(new, gone, old)


def same_process(before: HeapSnapshot, after: HeapSnapshot) -> bool:
    """Whether ids mean the same in both: objects with one id have one type and one name.

    V8 never gives an id to another object, so that in one process nearly all do (some nodes are
    renamed: code that was compiled meanwhile). Between two processes the objects of the start
    agree, those that came later do not.
    """
    alike = both = 0
    step = max(1, after.node_count // _ENOUGH)
    for a, b in islice(_merged(before, after), 0, None, step):
        if a is None or b is None or not before.columns.ids[a] & 1:
            continue
        if before.columns.types[a] not in (OBJECT, CLOSURE, STRING):
            continue
        both += 1
        alike += before.columns.types[a] == after.columns.types[b] and (
            _same_name(before.name(a), after.name(b))
        )
    return both > 0 and alike >= _ALIKE * both


def doubts(before: HeapSnapshot, after: HeapSnapshot) -> tuple[str, ...]:
    """Why a comparison of the two would mislead, as warnings; none when it would not."""
    if not same_process(before, after):
        return (
            (
                "the two snapshots are not of one process, or an inspector session ended between "
                "them: ids do not mean the same objects, so what is called new need not be"
            ),
        )
    if _newest(before) > _newest(after):
        return ("the first snapshot seems to be the later one: give the earlier one first",)
    return ()


def _newest(snapshot: HeapSnapshot) -> int:
    """The greatest id that V8 gave to an object of its heap."""
    ids = snapshot.columns.ids
    return next((ids[o] for o in reversed(snapshot.graph.id_order) if ids[o] & 1), 0)


def _same_name(a: str, b: str) -> bool:
    """Captures through the inspector add ` / ` and an origin to some names."""
    return a == b or a.split(" / ", maxsplit=1)[0] == b.split(" / ", maxsplit=1)[0]


def _merged(before: HeapSnapshot, after: HeapSnapshot) -> Iterator[tuple[int | None, int | None]]:
    """Ordinals of both sides by ascending id, None for the side that lacks the id."""
    a_order, b_order = before.graph.id_order, after.graph.id_order
    a_ids, b_ids = before.columns.ids, after.columns.ids
    a = b = 0
    while a < len(a_order) and b < len(b_order):
        x, y = a_order[a], b_order[b]
        if a_ids[x] == b_ids[y]:
            yield x, y
            a += 1
            b += 1
        elif a_ids[x] < b_ids[y]:
            yield x, None
            a += 1
        else:
            yield None, y
            b += 1
    for at in range(a, len(a_order)):
        yield a_order[at], None
    for at in range(b, len(b_order)):
        yield None, b_order[at]


def _is_figure(snapshot: HeapSnapshot, ordinal: int) -> bool:
    """A number or its digits, written for captures with numeric values: no object of the heap."""
    return (
        snapshot.columns.types[ordinal] in (NUMBER, STRING) and snapshot.columns.sizes[ordinal] == 0
    )
