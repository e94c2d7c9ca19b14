"""Expressions for objects: what a program would write to get at one.

Built from the object back to a variable, a global, an export: at each step over the reference that
tells most. What no expression can name has the names that DevTools gives to such places:
`[[PromiseResult]]`, `[[BoundThis]]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath
from typing import NamedTuple

from nodemem.errors import UsageError
from nodemem.heap.engine.snapshot import Edge
from nodemem.heap.naming.chains import keeps
from nodemem.heap.naming.declared import (
    Declaration,
    declaration_of_export,
    declaration_of_member,
    declaration_of_variable,
    functions_of,
    original_variable,
)
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.numbers import entry_number
from nodemem.heap.naming.references import member_text
from nodemem.heap.naming.runtime import (
    PROXY,
    PROXY_HANDLER,
    common_js_file,
    export_of,
    is_store,
    storage_of,
)

_LONGEST_NAME = 6
_MOST_RETAINERS = 1000
_CELL = "system / Cell"
_FRAME = "parameters_and_registers"
_STORE = "async store"
_SLOTS = {
    "reactions_or_result": "[[PromiseResult]]",
    "bound_this": "[[BoundThis]]",
    "bindings": "[[BoundArgs]]",
}
_TABLES = frozenset(["table", "bindings", _FRAME])
_WEAK_MAP = re.compile(r"pair in WeakMap \(table @([0-9]{1,10})\)\Z")


class Expression(NamedTuple):
    """`text` is None when nothing names the object. `user` says whether the program's own code
    does, `declared` where."""

    text: str | None
    user: bool
    declared: Declaration | None


def expression_of(names: Names, ordinal: int) -> Expression:
    """What a program would write for a node."""
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
            return Expression(_joined(parts), user, declared)
        beginning = _beginning(names, edge, parts)
        if beginning is not None:
            text, user_begins, place = beginning
            return Expression(text, user or user_begins, declared or place)
        parts.append(_member(names, edge))
        if names.is_global(edge.source):
            known = user or not is_standard(member)
            return Expression(_joined([*parts, "globalThis"]), known, declared)
        if names.by_user(edge.source):
            user = True
            declared = declared or declaration_of_member(names, edge.source, member)
            if names.is_closure(edge.source):
                return Expression(_joined([*parts, names.function(edge.source)]), user, declared)
        if edge.source in seen:
            break
        seen.add(edge.source)
        ordinal = edge.source
    if not parts or parts == ["[…]"]:
        return Expression(None, user, declared)
    return Expression(_joined([*parts, names.class_name(ordinal)]), user, declared)


def is_standard(name: str) -> bool:
    """Whether a global property came with Node.js."""
    if name.startswith(("<symbol node", "<symbol undici")):
        return True
    return name in ("process", "Buffer", "performance", "fetch", "crypto", "navigator")


def _beginning(names: Names, edge: Edge, parts: list[str]) -> Expression | None:
    """The whole expression when `edge` is where one begins though it is no variable: an export, a
    local variable of a suspended function, the store of an AsyncLocalStorage."""
    if edge.name == _FRAME:
        function = names.suspended(edge.source)
        place = names.place(edge.source)
        declared = None if place is None else Declaration(place, "nearby function")
        begin = f"{function}() local"
        return Expression(_joined([*parts, begin]), names.by_user(edge.source), declared)
    if edge.name == _STORE:
        name, declared = _storage(names, edge.source)
        return Expression(_joined([*parts, f"{name}.getStore()"]), declared is not None, declared)
    if edge.name == "_timerArgs":
        return Expression(_joined([*parts, "setTimeout() arguments"]), False, None)
    exported = export_of(names, edge.source)
    if exported is not None:
        declared = declaration_of_export(names, exported.file, exported.name)
        begin = f"{PurePosixPath(exported.file).name}: {exported.name}"
        return Expression(_joined([*parts, begin]), True, declared)
    file = common_js_file(names, edge.source)
    if file is not None and edge.name == "exports":
        member = parts[-1].removeprefix(".") if parts else "exports"
        declared = declaration_of_export(names, file, member)
        begin = f"{PurePosixPath(file).name}: exports"
        return Expression(_joined([*parts, begin]), True, declared)
    return None


def _storage(names: Names, storage: int) -> tuple[str, Declaration | None]:
    """A name for an AsyncLocalStorage: the variable or property of the program that has it."""
    for edge in _retaining(names, storage):
        variable = names.variable(edge)
        if variable is not None and _variable_rank(names, edge.source) == 0:
            declared = declaration_of_variable(names, edge.source, variable)
            return original_variable(names, edge.source, variable), declared
        if edge.type == "property" and names.by_user(edge.source):
            declared = declaration_of_member(names, edge.source, str(edge.name))
            return f"{names.class_name(edge.source)}{member_text(str(edge.name))}", declared
    return "AsyncLocalStorage", None


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
    if names.is_cell(edge.source) or (
        names.name(edge.source) == PROXY and edge.name != PROXY_HANDLER
    ):
        for above in _retaining(names, edge.source):
            if names.variable(above) is not None or above.type in ("property", "element"):
                edge = above
    if names.variable(edge) is not None:
        return _variable_rank(names, edge.source), edge, edge.source
    if edge.type == "property" and edge.name != "__proto__":
        if is_store(str(edge.name)):
            storage = storage_of(names, None)
            source = edge.source if storage is None else storage
            return 2, edge._replace(name=_STORE, source=source), None
        if names.is_global(edge.source):
            return 2, edge, None
        if names.by_user(edge.source):
            return 1, edge, None
        return 3, edge, None
    if edge.type == "element" and names.visible(edge.source):
        return 4, edge, None
    if edge.type == "internal":
        return _internal(names, edge)
    if names.name(edge.source) == "system / WeakCell":
        return _behind(names, edge)
    return None


def _internal(names: Names, edge: Edge) -> tuple[int, Edge, int | None] | None:
    """The same for references that only V8 has."""
    name = str(edge.name)
    if name in _SLOTS and names.visible(edge.source):
        return 4, edge, None
    if name == "value" and names.name(edge.source) == _CELL:
        return (1, edge, None) if export_of(names, edge.source) is not None else None
    weak = _WEAK_MAP.search(name)
    if weak is not None:
        table = _node(names, int(weak[1]))
        return None if table is None else _behind(names, edge._replace(source=table))
    if entry_number(name) is None:
        return None
    entries = next((e for e in _retaining(names, edge.source) if e.name in _TABLES), None)
    if entries is None:
        return None
    if names.name(entries.source) == "AsyncContextFrame":
        storage = storage_of(names, edge)
        return None if storage is None else (2, edge._replace(name=_STORE, source=storage), None)
    if entries.name == "table":
        return 4, edge._replace(source=entries.source), None
    return 4, entries, None


def _node(names: Names, node_id: int) -> int | None:
    try:
        return names.snapshot.ordinal(node_id)
    except UsageError:
        return None


def _behind(names: Names, edge: Edge) -> tuple[int, Edge, int | None] | None:
    """An entry of the collection whose table or cell the reference comes from."""
    for above in _retaining(names, edge.source):
        if names.visible(above.source):
            return 4, edge._replace(type="internal", name="", source=above.source), None
    return None


def _variable_rank(names: Names, context: int) -> int:
    """A variable of the program's own code says more than one inside Node.js."""
    functions = functions_of(names, context)
    if not functions:
        return 2
    return 0 if functions[0].user else 3


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


def _retaining(names: Names, ordinal: int) -> list[Edge]:
    retainers = islice(names.snapshot.retainers(ordinal), _MOST_RETAINERS)
    return [edge for edge in retainers if keeps(names.snapshot, edge)]


def _within(names: Names, ordinal: int, holder: int) -> bool:
    """Whether `holder` dominates `ordinal`: then a reference from there is a way back."""
    tree, places = names.snapshot.graph.tree, names.snapshot.graph.tree_places
    begin = places[holder]
    return bool(begin <= places[ordinal] < begin + tree.subtree[begin])


def _member(names: Names, edge: Edge) -> str:
    if names.is_entry(edge):
        return "[…]"
    if edge.type in ("element", "internal"):
        return _SLOTS.get(str(edge.name), "[…]")
    return member_text(str(edge.name))


def _joined(parts: list[str]) -> str:
    """The expression of parts collected from its end; links of a list in a row are shown once."""
    expression: list[str] = []
    for part in reversed(parts):
        if not expression or part != expression[-1]:
            expression.append(part)
    text = "".join(expression)
    return text.removeprefix("globalThis.") if text.startswith("globalThis.process") else text
