"""Listeners of EventEmitters and EventTargets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nodemem.heap.arrays import Arrays
from nodemem.heap.engine.columns import PROPERTY_EDGE
from nodemem.heap.naming.contents import callbacks, function_behind
from nodemem.heap.naming.holders import listeners
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.references import table_entries

_MOST_IN_LIST = 10_000_000


@dataclass(frozen=True, slots=True)
class Listening:
    """The functions that listen to one event of one emitter. `own` are what the emitter itself
    refers to: functions, wrappers, Listener objects."""

    emitter: int
    event: str
    functions: list[int]
    own: list[int]


@dataclass(frozen=True, slots=True)
class ListenerGroup:
    """Emitters of one class with listeners of one event. `most` is the number at one emitter,
    `example` that emitter; `twice` counts functions beyond their first time at one emitter;
    `function` is one of those that occur most often. `retained` are bytes of what the emitters
    refer to for this."""

    class_name: str
    event: str
    emitters: int
    listeners: int
    most: int
    twice: int
    function: int
    retained: int
    example: int


def listening(names: Names) -> Iterator[Listening]:
    """All that listens, emitter by emitter."""
    arrays = Arrays(names.snapshot)
    tables = arrays.edges_named("_events", PROPERTY_EDGE)
    for emitter, table in zip(tables.sources.tolist(), tables.targets.tolist(), strict=True):
        for event, own in listeners(names, table):
            if own:
                yield Listening(emitter, event, [function_behind(names, f) for f in own], own)
    maps = arrays.edges_named("<symbol kEvents>", PROPERTY_EDGE)
    for target, events in zip(maps.sources.tolist(), maps.targets.tolist(), strict=True):
        for event, root in _events(names, events):
            own = list(_chain(names, root))
            if functions := callbacks(names, own):
                yield Listening(target, event, functions, own)


def grouped(names: Names, every: Iterable[Listening], *, each: bool) -> list[ListenerGroup]:
    """By class of the emitter and event, or with `each` by emitter and event; those that keep most
    first."""
    by_key: dict[tuple[object, str], list[Listening]] = {}
    for one in every:
        emitter = one.emitter if each else names.class_name(one.emitter)
        by_key.setdefault((emitter, one.event), []).append(one)
    found = [_group(names, some) for some in by_key.values()]
    found.sort(key=lambda one: (-one.retained, -one.listeners, one.class_name, one.event))
    return found


def _group(names: Names, some: list[Listening]) -> ListenerGroup:
    largest = max(some, key=lambda one: len(one.functions))
    frequent: Counter[tuple[int, int, int] | int] = Counter()
    example: dict[tuple[int, int, int] | int, int] = {}
    for one in some:
        for function in one.functions:
            written = names.snapshot.location(function) or function
            frequent[written] += 1
            example.setdefault(written, function)
    return ListenerGroup(
        names.class_name(largest.emitter),
        largest.event,
        len(some),
        sum(len(one.functions) for one in some),
        len(largest.functions),
        sum(len(one.functions) - len(set(one.functions)) for one in some),
        example[frequent.most_common(1)[0][0]],
        names.snapshot.graph.retained_together(node for one in some for node in one.own),
        largest.emitter,
    )


def _events(names: Names, events: int) -> Iterator[tuple[str, int]]:
    """Event types of an EventTarget, and the root of the list of listeners of each."""
    for edge in names.snapshot.edges(events):
        if edge.type == "internal" and edge.name == "table":
            for step in table_entries(names.snapshot, events, edge.target):
                if step.kind == "map value":
                    yield step.name, step.target


def _chain(names: Names, root: int) -> Iterator[int]:
    """The Listener objects of a list, in order."""
    seen = {root}
    at: int | None = root
    while at is not None and len(seen) < _MOST_IN_LIST:
        if names.class_name(at) == "Listener":
            yield at
        following = (e.target for e in names.snapshot.edges(at) if e.name == "next")
        at = next((node for node in following if node not in seen and names.visible(node)), None)
        if at is not None:
            seen.add(at)
