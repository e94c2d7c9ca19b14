"""Holders: what a program would call the thing that keeps objects alive.

A Map in a variable, the listeners of an emitter, the timers of one interval. The name is read
off the nearest reference that a program can name; what Node.js itself puts in between (its
registry of modules, its lists of timers, the global object) is never the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Literal

from nodemem.heap.engine.snapshot import Edge
from nodemem.heap.naming.chains import keeps, shortest_chain
from nodemem.heap.naming.declared import Declaration
from nodemem.heap.naming.expressions import expression_of
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.numbers import entry_number
from nodemem.heap.naming.references import Step, collapse

HolderKind = Literal["collection", "listeners", "timers", "promise", "object"]
_MOST_RETAINERS = 1000
_MOST_EVENTS = 3
_FEWEST_LISTENERS = 10
_COLLECTIONS = frozenset(["Map", "Set", "Array", "WeakMap", "WeakSet", "Object"])


@dataclass(frozen=True)
class Holder:
    """`name` is an expression such as `store.sessions`, None when nothing names the holder.

    `detail` is the event of listeners (the events with most of them, where it is all of an
    emitter's), the period in milliseconds of timers. `user` says whether
    the program's own code names it. `declared` is where; None when nothing tells. `emitter` is the
    object that has the listeners.
    """

    ordinal: int
    kind: HolderKind
    class_name: str
    name: str | None
    detail: str
    user: bool
    declared: Declaration | None
    emitter: int | None = None

    def label(self) -> str:
        """`Map store.sessions` as code: the class and, when known, the name."""
        if self.name is None or self.class_name == f"function {self.name}":
            return self.class_name
        code = f"`{self.name}`"
        return code if self.name == self.class_name else f"{self.class_name} {code}"


def describe(names: Names, ordinal: int) -> Holder:
    """The holder at a node: its kind, its name, where it is declared."""
    class_name = names.class_name(ordinal)
    if class_name.startswith("{"):
        class_name = "Object"
    if names.is_global(ordinal):
        return Holder(ordinal, "collection", "Object", "globalThis", "", False, None)
    if _referred_as(names, ordinal, "timerListMap"):
        return Holder(ordinal, "timers", class_name, None, _periods(names, ordinal), False, None)
    for edge in _retaining(names, ordinal):
        timers = _timers(names, edge)
        if timers is not None:
            return Holder(ordinal, "timers", class_name, None, timers, False, None)
        listening = _all_events(names, edge) or _emitter(names, edge) or _event_target(names, edge)
        if listening is not None:
            emitter, event = listening
            name, user, declared = expression_of(names, emitter)
            kind_of = names.class_name(emitter)
            return Holder(ordinal, "listeners", kind_of, name, event, user, declared, emitter)
    name, user, declared = expression_of(names, ordinal)
    known = class_name in _COLLECTIONS or class_name.split(" ")[0] in _COLLECTIONS
    kind: HolderKind = "collection" if known else "object"
    if class_name == "Promise":
        kind = "promise"
    return Holder(ordinal, kind, class_name, name, "", user, declared)


def path_steps(names: Names, ordinal: int) -> list[Step]:
    """The shortest retaining path of a holder, in steps."""
    return collapse(names, shortest_chain(names, ordinal))


def referred_as(names: Names, ordinal: int) -> str:
    """The name by which a node is referred to first, one for all entries of a plain object that is
    used as a dictionary; empty when no reference has one."""
    for edge in _retaining(names, ordinal):
        if edge.type in ("property", "context") and edge.name != "__proto__":
            return "[…]" if names.is_entry(edge) else str(edge.name)
    return ""


def _retaining(names: Names, ordinal: int) -> list[Edge]:
    retainers = islice(names.snapshot.retainers(ordinal), _MOST_RETAINERS)
    return [edge for edge in retainers if keeps(names.snapshot, edge)]


def _timers(names: Names, edge: Edge) -> str | None:
    """The period when `edge` leads from Node.js' table of timer lists to one of them."""
    if edge.type == "element" and _referred_as(names, edge.source, "timerListMap"):
        return str(edge.name)
    return None


def _periods(names: Names, ordinal: int) -> str:
    """The periods of all lists in Node.js' table of timers."""
    periods = [
        number
        for edge in names.snapshot.edges(ordinal)
        if edge.type in ("element", "property") and (number := entry_number(edge.name)) is not None
    ]
    return f"{min(periods)}–{max(periods)}" if periods else ""


def _emitter(names: Names, edge: Edge) -> tuple[int, str] | None:
    """Emitter and event when `edge` leads from its table of listeners to those of one event."""
    if edge.type != "property" or edge.name == "__proto__":
        return None
    for above in _retaining(names, edge.source):
        if above.type == "property" and above.name == "_events":
            return above.source, str(edge.name)
    return None


def _event_target(names: Names, edge: Edge) -> tuple[int, str] | None:
    """EventTarget and event type when `edge` leads to the first of its Listener objects."""
    if edge.source == 0 or names.class_name(edge.target) != "Listener":
        return None
    root = edge.source if names.visible(edge.source) else edge.target
    for table in _retaining(names, root):
        for of_map in _retaining(names, table.source):
            for of_target in _retaining(names, of_map.source):
                if "kEvents" in str(of_target.name):
                    entry = collapse(names, [of_map, table])
                    return of_target.source, entry[0].name
    return None


def listeners(names: Names, ordinal: int) -> list[tuple[str, list[int]]]:
    """Event and listeners as a table of an emitter has them, the event with most of them first."""
    found: list[tuple[str, list[int]]] = []
    for edge in names.snapshot.edges(ordinal):
        if edge.type != "property" or edge.name == "__proto__":
            continue
        if names.is_closure(edge.target):
            found.append((str(edge.name), [edge.target]))
        elif names.class_name(edge.target) == "Array":
            several = names.snapshot.edges(edge.target)
            found.append((str(edge.name), [e.target for e in several if e.type == "element"]))
    return sorted(found, key=lambda item: (-len(item[1]), item[0]))


def is_event_table(names: Names, ordinal: int) -> bool:
    """Whether a node is the table in which an emitter has the listeners of all its events."""
    return any(edge.name == "_events" for edge in _retaining(names, ordinal))


def _all_events(names: Names, edge: Edge) -> tuple[int, str] | None:
    """Emitter and its fullest events when `edge` leads to its table of listeners, and these are
    many."""
    if edge.type != "property" or edge.name != "_events":
        return None
    found = listeners(names, edge.target)
    if not found or len(found[0][1]) < _FEWEST_LISTENERS:
        return None
    most = [event for event, some in found if 2 * len(some) >= len(found[0][1])]
    return edge.source, ", ".join(most[:_MOST_EVENTS])


def list_head(names: Names, ordinal: int) -> int:
    """The first link of the list that a link belongs to."""
    columns, distances = names.snapshot.columns, names.snapshot.graph.distances
    while True:
        links = (
            edge.source
            for edge in _retaining(names, ordinal)
            if columns.names[edge.source] == columns.names[ordinal]
            and columns.types[edge.source] == columns.types[ordinal]
            and 0 <= distances[edge.source] < distances[ordinal]
        )
        before = min(links, key=lambda source: distances[source], default=None)
        if before is None:
            return ordinal
        ordinal = before


def _referred_as(names: Names, ordinal: int, variable: str) -> bool:
    edges = islice(names.snapshot.retainers(ordinal), _MOST_RETAINERS)
    return any(edge.type == "context" and edge.name == variable for edge in edges)
