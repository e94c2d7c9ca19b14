"""Two snapshots of one process, matched by V8's ids.

Odd ids belong to objects of V8's heap and stay with them as long as no inspector session closes.
Even ids belong to what Node.js itself adds (`Node / BindingData`, ...); they are new in every
snapshot and say nothing.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from nodemem.heap.engine.columns import CLOSURE, OBJECT, STRING
from nodemem.heap.engine.memory import zeros
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.kernels import load

_ALIKE = 0.95
_ENOUGH = 5_000
_NO_OBJECT = -2


class Pairing(NamedTuple):
    """`new` are ordinals of `after` that `before` has not, `gone` the other way round. `old` gives
    for an ordinal of `after` the one of the same object in `before`, and less than 0 where there is
    none: -1 for the new ones, -2 for what counts neither as new nor as old."""

    new: memoryview
    gone: memoryview
    old: memoryview


def pair(before: Snapshot, after: Snapshot, middle: Snapshot | None = None) -> Pairing:
    """Match the objects of two snapshots. Nodes with an even id are neither new nor gone; nor are
    numbers and their digits, written for captures with numeric values: no objects of the heap.

    With `middle`, a snapshot taken between the two, only objects that are in it too are new: what
    came after it may still go.
    """
    old, counts = zeros("i", after.node_count), zeros("q", 2)
    new, gone = zeros("I", after.node_count), zeros("I", before.node_count)
    load("survivors").pair(*_side(before), *_side(after), old, new, gone, counts)
    old[0] = 0
    found = Pairing(new[: counts[0]], gone[: counts[1]], old)
    return found if middle is None else _lasting(found, pair(middle, after).old)


def _lasting(found: Pairing, in_middle: memoryview) -> Pairing:
    kept = array("I", (o for o in found.new if in_middle[o] >= 0))
    for o in found.new:
        if in_middle[o] < 0:
            found.old[o] = _NO_OBJECT
    return found._replace(new=memoryview(kept))


def resized(before: Snapshot, after: Snapshot, pairing: Pairing) -> list[tuple[int, int]]:
    """The objects of `after` that had another shallow size before, each with the difference."""
    old_sizes, sizes = before.graph.shallow_sizes, after.graph.shallow_sizes
    found = zeros("I", after.node_count)
    count = load("survivors").resized(
        after.node_count, pairing.old, *_words(old_sizes), *_words(sizes), found
    )
    return [(o, sizes[o] - old_sizes[pairing.old[o]]) for o in found[:count]]


def same_process(before: Snapshot, after: Snapshot) -> bool:
    """Whether ids mean the same in both: objects with one id have one type and one name.

    V8 never gives an id to another object, so that in one process nearly all do (some nodes are
    renamed: code that was compiled meanwhile). Between two processes the objects of the start
    agree, those that came later do not.
    """
    old = pair(before, after).old
    types = before.columns.types
    alike = both = 0
    for b in range(0, after.node_count, max(1, after.node_count // _ENOUGH)):
        a = old[b]
        if a < 0 or not before.columns.ids[a] & 1 or types[a] not in (OBJECT, CLOSURE, STRING):
            continue
        both += 1
        alike += types[a] == after.columns.types[b] and _same_name(before.name(a), after.name(b))
    return both > 0 and alike >= _ALIKE * both


def doubts(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """Why a comparison of the two would mislead, as warnings; none when it would not."""
    if not same_process(before, after):
        return (
            (
                "the two snapshots are not of one process, or an inspector session ended between "
                "them: ids do not mean the same objects, so what is called new need not be; "
                "nodemem heap trend compares them by class"
            ),
        )
    if _newest(before) > _newest(after):
        return ("the first snapshot seems to be the later one: give the earlier one first",)
    return ()


def _newest(snapshot: Snapshot) -> int:
    """The greatest id that V8 gave to an object of its heap."""
    ids = snapshot.columns.ids
    return next((ids[o] for o in reversed(snapshot.graph.id_order) if ids[o] & 1), 0)


def _same_name(a: str, b: str) -> bool:
    """Captures through the inspector add ` / ` and an origin to some names."""
    return a == b or a.split(" / ", maxsplit=1)[0] == b.split(" / ", maxsplit=1)[0]


def _side(
    snapshot: Snapshot,
) -> tuple[memoryview, memoryview, memoryview, memoryview, int]:
    """One snapshot as the kernel takes it."""
    columns = snapshot.columns
    return (
        snapshot.graph.id_order,
        columns.ids,
        columns.types,
        *_words(snapshot.graph.shallow_sizes),
    )


def _words(sizes: memoryview) -> tuple[memoryview, int]:
    return sizes.cast("B").cast("I"), sizes.itemsize // 4
