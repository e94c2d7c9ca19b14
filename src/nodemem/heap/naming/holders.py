"""Holders: what a program would call the thing that keeps objects alive.

A Map in a variable, the listeners of an emitter, the timers of one interval. The name is read
off the nearest reference that a program can name; what Node.js itself puts in between (its
registry of modules, its lists of timers, the global object) is never the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from nodemem.heap.engine.snapshot import Edge
from nodemem.heap.naming.chains import keeps, shortest_chain
from nodemem.heap.naming.declared import (
    Declaration,
    declaration_of_member,
    declaration_of_variable,
    functions_of,
    original_variable,
)
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.references import Step, collapse, member_text

HolderKind = Literal["collection", "listeners", "timers", "promise", "object"]
_LONGEST_NAME = 6
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
    if _referred_as(names, ordinal, "timerListMap"):
        return Holder(ordinal, "timers", class_name, None, _periods(names, ordinal), False, None)
    for edge in _retaining(names, ordinal):
        timers = _timers(names, edge)
        if timers is not None:
            return Holder(ordinal, "timers", class_name, None, timers, False, None)
        listening = _all_events(names, edge) or _emitter(names, edge) or _event_target(names, edge)
        if listening is not None:
            emitter, event = listening
            name, user, declared = _name(names, emitter)
            kind_of = names.class_name(emitter)
            return Holder(ordinal, "listeners", kind_of, name, event, user, declared, emitter)
    name, user, declared = _name(names, ordinal)
    known = class_name in _COLLECTIONS or class_name.split(" ")[0] in _COLLECTIONS
    kind: HolderKind = "collection" if known else "object"
    if class_name == "Promise":
        kind = "promise"
    return Holder(ordinal, kind, class_name, name, "", user, declared)


def path_steps(names: Names, ordinal: int) -> list[Step]:
    """The shortest retaining path of a holder, in steps."""
    return collapse(names, shortest_chain(names, ordinal))


def referred_as(names: Names, ordinal: int) -> str:
    """The name by which a node is referred to first; empty when no reference has one."""
    for edge in _retaining(names, ordinal):
        if edge.type in ("property", "context") and edge.name != "__proto__":
            return str(edge.name)
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
        int(edge.name)
        for edge in names.snapshot.edges(ordinal)
        if edge.type in ("element", "property") and str(edge.name).isdigit()
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


def _outside(names: Names, ordinal: int) -> Iterator[Edge]:
    """References to a node from what it does not dominate; those from there are ways back."""
    snapshot = names.snapshot
    first, indexes, sources = snapshot.graph.retainers
    found = (
        snapshot.edge(indexes[at], sources[at])
        for at in range(first[ordinal], first[ordinal + 1])
        if not _within(names, sources[at], ordinal)
    )
    return (edge for edge in islice(found, _MOST_RETAINERS) if keeps(snapshot, edge))


def _referred_as(names: Names, ordinal: int, variable: str) -> bool:
    edges = islice(names.snapshot.retainers(ordinal), _MOST_RETAINERS)
    return any(edge.type == "context" and edge.name == variable for edge in edges)


def _name(names: Names, ordinal: int) -> tuple[str | None, bool, Declaration | None]:
    """An expression for a node, whether the program's code knows it, and where from."""
    parts: list[str] = []
    user = False
    declared: Declaration | None = None
    seen = {ordinal}
    while len(parts) < _LONGEST_NAME:
        reference = _best_reference(names, ordinal)
        if reference is None:
            break
        edge, context = reference
        member = names.variable(edge) or str(edge.name)
        if context is not None:
            parts.append(original_variable(names, context, member))
            found = declaration_of_variable(names, context, member)
            if found is not None and found.place.user:
                user, declared = True, declared or found
            return _joined(parts), user, declared
        parts.append(_member(edge))
        if names.is_global(edge.source):
            return _joined([*parts, "globalThis"]), user or not is_standard(member), declared
        if names.by_user(edge.source):
            user = True
            declared = declared or declaration_of_member(names, edge.source, member)
            if names.is_closure(edge.source):
                return _joined([*parts, names.function(edge.source)]), user, declared
        if edge.source in seen:
            break
        seen.add(edge.source)
        ordinal = edge.source
    if not parts or parts == ["[…]"]:
        return None, user, declared
    return _joined([*parts, names.class_name(ordinal)]), user, declared


def _best_reference(names: Names, ordinal: int) -> tuple[Edge, int | None] | None:
    """The most telling reference to a node, and the scope if it is a variable."""
    best: tuple[tuple[int, int, int], Edge, int | None] | None = None
    distances = names.snapshot.graph.distances
    for edge in _outside(names, ordinal):
        told = _telling(names, edge)
        if told is None:
            continue
        rank, named, context = told
        key = (rank, distances[named.source], named.source)
        if best is None or key < best[0]:
            best = (key, named, context)
    return None if best is None else best[1:]


def _telling(names: Names, edge: Edge) -> tuple[int, Edge, int | None] | None:
    """How well a reference names its target (0 best), and the reference to name it by."""
    if names.is_cell(edge.source):
        for above in _retaining(names, edge.source):
            if names.variable(above) is not None:
                edge = above
    if names.variable(edge) is not None:
        return _variable_rank(names, edge.source), edge, edge.source
    if edge.type == "property" and edge.name != "__proto__":
        if names.is_global(edge.source):
            return 2, edge, None
        if names.by_user(edge.source):
            return 1, edge, None
        return 3, edge, None
    if edge.type == "element" and names.visible(edge.source):
        return 4, edge, None
    if edge.type == "internal" and str(edge.name).isdigit():
        table = next((e for e in _retaining(names, edge.source) if e.name == "table"), None)
        if table is not None:
            return 4, edge._replace(source=table.source), None
    return None


def _variable_rank(names: Names, context: int) -> int:
    """A variable of the program's own code says more than one inside Node.js."""
    functions = functions_of(names, context)
    if not functions:
        return 2
    return 0 if functions[0].user else 3


def _within(names: Names, ordinal: int, holder: int) -> bool:
    """Whether `holder` dominates `ordinal`: then a reference from there is a way back."""
    tree, places = names.snapshot.graph.tree, names.snapshot.graph.tree_places
    begin = places[holder]
    return bool(begin <= places[ordinal] < begin + tree.subtree[begin])


def is_standard(name: str) -> bool:
    """Whether a global property came with Node.js."""
    if name.startswith(("<symbol node", "<symbol undici")):
        return True
    return name in ("process", "Buffer", "performance", "fetch", "crypto", "navigator")


def _member(edge: Edge) -> str:
    if edge.type in ("element", "internal"):
        return "[…]"
    return member_text(str(edge.name))


def _joined(parts: list[str]) -> str:
    """The expression of parts collected from its end; links of a list in a row are shown once."""
    expression: list[str] = []
    for part in reversed(parts):
        if not expression or part != expression[-1]:
            expression.append(part)
    text = "".join(expression)
    return text.removeprefix("globalThis.") if text.startswith("globalThis.process") else text
