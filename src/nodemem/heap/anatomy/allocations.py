"""Where and when the objects of a snapshot were allocated, for one that was taken with tracking.

What was allocated is counted by V8, as functions called one way (`calls`); what is alive are the
nodes of the snapshot, with the sizes of their internal helpers (docs/concepts/shallow-size.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.engine.traces import TracedFunction
from nodemem.heap.naming.locations import file_of_url
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.scripts import Place


class Allocated(NamedTuple):
    """Objects and bytes that were allocated, and those of them that are alive. More objects can be
    alive than were allocated: V8 may put several into one allocation."""

    allocated_count: int
    allocated_bytes: int
    live_count: int
    live_bytes: int

    def plus(self, other: Allocated) -> Allocated:
        return Allocated(*(one + two for one, two in zip(self, other, strict=True)))


NOTHING = Allocated(0, 0, 0, 0)


class Bucket(NamedTuple):
    """Objects allocated up to `until` (milliseconds since the tracking began) that are alive."""

    until: float
    live_count: int
    live_bytes: int


def by_call(snapshot: Snapshot) -> list[Allocated]:
    """What each of `snapshot.traces.calls` allocated itself."""
    traces = snapshot.traces
    owners = np.asarray(traces.calls_of_nodes)
    numbers = {call.id: index for index, call in enumerate(traces.calls)}
    counts, sizes = [0] * len(traces.calls), [0] * len(traces.calls)
    found, place = np.unique(owners, return_inverse=True)
    live = np.bincount(place, minlength=len(found))
    live_bytes = _sums(place, np.asarray(snapshot.shallow_sizes), len(found))
    for call_id, count, size in zip(found.tolist(), live.tolist(), live_bytes, strict=True):
        if (index := numbers.get(call_id)) is not None:
            counts[index], sizes[index] = count, size
    return [
        Allocated(call.allocated_count, call.allocated_bytes, count, size)
        for call, count, size in zip(traces.calls, counts, sizes, strict=True)
    ]


def totals(snapshot: Snapshot, own: list[Allocated]) -> list[Allocated]:
    """By call what it and all calls below it allocated."""
    sums = list(own)
    for index in range(len(sums) - 1, -1, -1):
        parent = snapshot.traces.calls[index].parent
        if parent >= 0:
            sums[parent] = sums[parent].plus(sums[index])
    return sums


def by_function(snapshot: Snapshot, own: Iterable[Allocated]) -> dict[int, Allocated]:
    """What each function allocated, whoever called it, by its number. As DevTools counts, of calls
    that allocated anything."""
    groups: dict[int, Allocated] = {}
    for call, allocated in zip(snapshot.traces.calls, own, strict=True):
        if allocated.allocated_count:
            groups[call.function] = groups.get(call.function, NOTHING).plus(allocated)
    return groups


def timeline(snapshot: Snapshot) -> list[Bucket]:
    """What is alive by the time it was allocated: an object belongs to the first sample whose last
    id is not below its own. Only what V8 itself gave an odd id to counts, as in DevTools; what was
    allocated before the first sample belongs to that, later objects to none."""
    samples = snapshot.traces.samples
    if not samples:
        return []
    ids = np.asarray(snapshot.node_ids)
    last = np.maximum.accumulate(np.array([one[1] for one in samples], np.uint64))
    place = np.searchsorted(last, ids.astype(np.uint64), side="left")
    chosen = (ids % 2 == 1) & (place < len(samples))
    place = place[chosen]
    counts = np.bincount(place, minlength=len(samples)).tolist()
    sizes = _sums(place, np.asarray(snapshot.shallow_sizes)[chosen], len(samples))
    return [
        Bucket(time / 1000, count, size)
        for (time, _), count, size in zip(samples, counts, sizes, strict=True)
    ]


def function_place(names: Names, function: TracedFunction) -> tuple[str, Place | None]:
    """The name of a function and its place, those of the source where a source map is found."""
    snapshot = names.snapshot
    name, url = snapshot.string(function.name), snapshot.string(function.url)
    if not function.line:
        return name, None
    file = file_of_url(url)
    script = names.locations.script_of_file(file)
    place = Place(file, function.line, function.column)
    if script is None:
        return name, place
    return script.function_name(name, *place[1:3]), script.original(place)


def _sums(place: np.ndarray, sizes: np.ndarray, groups: int) -> list[int]:
    """Exact sums of sizes by group, whatever their number of bits."""
    sums = np.zeros(groups, np.uint64)
    np.add.at(sums, place, sizes.astype(np.uint64))
    return [int(value) for value in sums]
