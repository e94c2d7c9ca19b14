"""Holders: what a program would call the thing that keeps objects alive.

A Map in a variable, the listeners of an emitter, the timers of one interval. The name is read
off the nearest reference that a program can name; what Node.js itself puts in between (its
registry of modules, its lists of timers, the global object) is never the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Literal

from nodemem.heap.chains import keeps, shortest_chain
from nodemem.heap.declared import (
    Declaration,
    declaration_of_member,
    declaration_of_variable,
    functions_of,
)
from nodemem.heap.names import Names
from nodemem.heap.references import Step, collapse
from nodemem.heap.snapshot import Edge

HolderKind = Literal["collection", "listeners", "timers", "object"]
_LONGEST_NAME = 6
_MOST_RETAINERS = 1000
_COLLECTIONS = frozenset(["Map", "Set", "Array", "WeakMap", "WeakSet", "Object"])


@dataclass(frozen=True)
class Holder:
    """`name` is an expression such as `store.sessions`, None when nothing names the holder.

    `detail` is the event of listeners, the period in milliseconds of timers. `user` says whether
    the program's own code names it. `declared` is where; None when nothing tells.
    """

    ordinal: int
    kind: HolderKind
    class_name: str
    name: str | None
    detail: str
    user: bool
    declared: Declaration | None

    def label(self) -> str:
        """`Map store.sessions` as code: the class and, when known, the name."""
        return f"{self.class_name} `{self.name}`" if self.name else self.class_name


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
        listening = _emitter(names, edge) or _event_target(names, edge)
        if listening is not None:
            emitter, event = listening
            name, user, declared = _name(names, emitter)
            kind_of = names.class_name(emitter)
            return Holder(ordinal, "listeners", kind_of, name, event, user, declared)
    name, user, declared = _name(names, ordinal)
    known = class_name in _COLLECTIONS or class_name.split(" ")[0] in _COLLECTIONS
    kind: HolderKind = "collection" if known else "object"
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
        member = str(edge.name)
        if context is not None:
            parts.append(member)
            found = declaration_of_variable(names, context, member)
            user = user or (found is not None and found.place.user)
            declared = declared or found
            return _joined(parts), user, declared
        parts.append(_member(edge))
        if names.is_global(edge.source):
            return _joined([*parts, "globalThis"]), user or not _standard(member), declared
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
    for edge in _retaining(names, ordinal):
        told = _telling(names, edge)
        if told is None or _within(names, edge.source, ordinal):
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
            if above.type == "context":
                edge = above
    if edge.type == "context":
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


def _standard(name: str) -> bool:
    """Whether a global property came with Node.js."""
    if name.startswith(("<symbol node", "<symbol undici")):
        return True
    return name in ("process", "Buffer", "performance", "fetch", "crypto", "navigator")


def _member(edge: Edge) -> str:
    if edge.type in ("element", "internal"):
        return "[…]"
    name = str(edge.name)
    return f"[{name[1:-1]}]" if name.startswith("<symbol") else f".{name}"


def _joined(parts: list[str]) -> str:
    """The expression of parts collected from its end; links of a list in a row are shown once."""
    expression: list[str] = []
    for part in reversed(parts):
        if not expression or part != expression[-1]:
            expression.append(part)
    text = "".join(expression)
    return text.removeprefix("globalThis.") if text.startswith("globalThis.process") else text
