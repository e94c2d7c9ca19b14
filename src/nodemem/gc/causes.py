"""Causes and processor time of collections that were watched, from trace events."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nodemem.gc.trace_events import Traced
from nodemem.records import GcEvent, GcWatch

NAMES = (
    "MinorGC",
    "MajorGC",
    "V8.GCIncrementalMarkingStart",
)
"""The events that are needed."""
_EARLY = 0.0005  # seconds by which the trace may tell a beginning sooner
_NEAR = 0.001  # seconds between two accounts of one beginning, where nothing had to wait


def with_causes(
    events: Sequence[GcEvent | GcWatch], traced: Iterable[Mapping[str, Any]], *, origin: float
) -> list[GcEvent | GcWatch]:
    """`events` with `cause` and `cpu` from trace events of the same time, where there are any.
    `origin` is the microsecond of the trace at which the events' clock begins.

    The trace does not name isolates: each gets the thread whose collections began when its own did.
    """
    ordered = sorted(traced, key=lambda one: one.get("ts") or 0)
    reader = Traced(origin)
    told: dict[str | None, list[GcEvent]] = defaultdict(list)
    for event in ordered:
        if (collection := reader.add(event)) is not None:
            told[collection.isolate].append(collection)
    isolates: dict[int | None, list[int]] = defaultdict(list)
    for at, one in enumerate(events):
        if isinstance(one, GcEvent) and one.time is not None:
            isolates[one.thread].append(at)
    found = list(events)
    for places in isolates.values():
        own = [one for at in places if isinstance(one := events[at], GcEvent)]
        best = max(told.values(), key=lambda those: _alike(own, those), default=[])
        for at, match in zip(places, _matched(own, best), strict=True):
            if match is not None:
                found[at] = events[at].replaced(cause=match.cause, cpu=match.cpu)
    return found


def _alike(own: list[GcEvent], told: list[GcEvent]) -> int:
    """How many collections began at the same time."""
    begins = sorted(one.time or 0.0 for one in told)
    return sum(
        bisect_left(begins, (one.time or 0.0) - _EARLY)
        < bisect_left(begins, (one.time or 0.0) + _NEAR)
        for one in own
    )


def _matched(own: list[GcEvent], told: list[GcEvent]) -> list[GcEvent | None]:
    """For each of `own` the first of `told` that is of its kind and began after it, before the next
    one did. V8 calls back before the beginning that it traces; a thread may wait in between."""
    found: list[GcEvent | None] = []
    told = sorted(told, key=lambda one: one.time or 0.0)
    at = 0
    for number, one in enumerate(own):
        begin = (one.time or 0.0) - _EARLY
        end = own[number + 1].time or 0.0 if number + 1 < len(own) else float("inf")
        while at < len(told) and (told[at].time or 0.0) < begin:
            at += 1
        match = None
        for i in range(at, len(told)):
            if (told[i].time or 0.0) >= end:
                break
            if told[i].kind == one.kind:
                match, at = told[i], i + 1
                break
        found.append(match)
    return found
