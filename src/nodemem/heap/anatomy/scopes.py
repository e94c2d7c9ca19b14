"""Variables that live on in closure scopes: how much each keeps, and whether any function that is
still there mentions it.

A scope (V8's Context) is made each time a function runs whose inner functions use its variables.
It is shared by all of these, so that one that lives on keeps what only another needed. Scopes of
one function are taken together: they have one ScopeInfo.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from nodemem.heap.arrays import Array, Arrays, Edges
from nodemem.heap.engine.columns import CLOSURE, CONTEXT_EDGE, HIDDEN_EDGE, INTERNAL_EDGE
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.scripts import Place
from nodemem.heap.naming.uses import names_used
from nodemem.heap.naming.visibility import SCOPE

_MOST_FUNCTIONS = 500
_MOST_READ = 1_000
"""Variables for which the texts of functions are read, those that keep most first."""


@dataclass(frozen=True, slots=True)
class Variable:
    """`name` in `scopes` scopes of one function, of which `context` is the one whose variable keeps
    most. `functions` are examples of the functions that see it (closures, suspended functions),
    `closures` how many there are. `retained` are bytes that hang on the variable alone. `mentioned`
    says whether any of them has its name in its text; None where a text is not known."""

    name: str
    context: int
    value: int
    scopes: int
    closures: int
    functions: list[int]
    retained: int
    mentioned: bool | None


def variables(names: Names, *, user: bool = True) -> list[Variable]:
    """The variables that keep something, most bytes first; with `user` only of functions that the
    program wrote."""
    arrays = Arrays(names.snapshot)
    contexts = np.flatnonzero(np.asarray(names.visibility) & SCOPE)
    group_of = _groups(arrays, contexts)
    functions, closures = _functions(arrays, group_of)
    inner = _inner(arrays, group_of)
    found: list[Variable] = []
    kept = sorted(_kept(arrays, contexts, group_of), key=lambda item: -item[-1])
    for group, context, value, slot, scopes, retained in kept:
        edge = names.snapshot.edge(slot, context)
        name = names.variable(edge)
        if name is None:
            continue
        groups = _reached(inner, group)
        seen = [one for some in groups for one in functions.get(some, ())]
        if user and not any(map(names.by_user, seen[:_MOST_FUNCTIONS])):
            continue
        count = sum(closures.get(some, 0) for some in groups)
        mentioned = _mentioned(names, seen, name) if len(found) < _MOST_READ else None
        found.append(Variable(name, context, value, scopes, count, seen, retained, mentioned))
    found.sort(key=lambda one: (-one.retained, one.context, one.name))
    return found


def _groups(arrays: Arrays, contexts: Array) -> Array:
    """By ordinal: the ScopeInfo of a scope, -1 for other nodes and for scopes without."""
    of = arrays.by_node()
    infos = arrays.edges_named("scope_info", INTERNAL_EDGE)
    mine = np.isin(infos.sources, contexts)
    of[infos.sources[mine]] = infos.targets[mine]
    return of


def _functions(arrays: Arrays, group_of: Array) -> tuple[dict[int, list[int]], dict[int, int]]:
    """For each group an example of each function whose code sees its scopes directly, and the
    number of closures that do. Suspended functions count: they will go on."""
    edges = arrays.edges_named("context", INTERNAL_EDGE)
    edges = edges.where(group_of[edges.targets] >= 0)
    groups = group_of[edges.targets]
    code = arrays.by_node()
    for name in ("shared", "function"):
        links = arrays.edges_named(name, INTERNAL_EDGE)
        code[links.sources] = links.targets
    keys = np.stack([groups, code[edges.sources]])
    _, first = np.unique(keys, axis=1, return_index=True)
    examples: dict[int, list[int]] = defaultdict(list)
    for at in np.sort(first).tolist():
        examples[int(groups[at])].append(int(edges.sources[at]))
    is_closure = arrays.types[edges.sources] == CLOSURE
    unique, counts = np.unique(groups[is_closure], return_counts=True)
    return examples, dict(zip(unique.tolist(), counts.tolist(), strict=True))


def _inner(arrays: Arrays, group_of: Array) -> dict[int, list[int]]:
    """For each group the groups of scopes directly inside its scopes."""
    edges = arrays.edges_named("previous", INTERNAL_EDGE)
    pairs = np.stack([group_of[edges.targets], group_of[edges.sources]])
    pairs = np.unique(pairs[:, (pairs >= 0).all(axis=0)], axis=1)
    inner: dict[int, list[int]] = defaultdict(list)
    for outside, inside in pairs.T.tolist():
        inner[outside].append(inside)
    return inner


def _reached(inner: dict[int, list[int]], group: int) -> list[int]:
    found, waiting = [group], [group]
    seen = {group}
    while waiting:
        for below in inner.get(waiting.pop(), ()):
            if below not in seen:
                seen.add(below)
                found.append(below)
                waiting.append(below)
    return found


def _kept(
    arrays: Arrays, contexts: Array, group_of: Array
) -> list[tuple[int, int, int, int, int, int]]:
    """For each slot of each group: the group, the scope whose slot keeps most, what that refers to,
    the position of that reference, the number of scopes, and bytes that hang on the slot alone."""
    edges = arrays.edges_of(contexts[group_of[contexts] >= 0])
    kinds = arrays.kinds(edges.positions).astype(np.int64)
    edges, kinds = _where(edges, kinds, np.isin(kinds, (CONTEXT_EDGE, HIDDEN_EDGE)))
    dominators = arrays.snapshot.dominators
    alone = dominators[edges.targets] == edges.sources
    sizes = np.where(alone, arrays.retained_sizes[edges.targets].astype(np.int64), 0)
    edges, kinds = _where(edges, kinds, sizes > 0)
    sizes = sizes[sizes > 0]
    keys = np.stack(
        [group_of[edges.sources], kinds, arrays.edge_names[edges.positions].astype(np.int64)]
    )
    order = np.argsort(-sizes, kind="stable")
    unique, first, back = np.unique(keys[:, order], axis=1, return_index=True, return_inverse=True)
    sums = np.zeros(unique.shape[1], np.int64)
    np.add.at(sums, back.ravel(), sizes[order])
    counts = np.bincount(back.ravel(), minlength=unique.shape[1])
    at = order[first]
    columns = (unique[0], edges.sources[at], edges.targets[at], edges.positions[at], counts, sums)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _where(edges: Edges, kinds: Array, chosen: Array) -> tuple[Edges, Array]:
    return edges.where(chosen), kinds[chosen]


def _mentioned(names: Names, functions: list[int], name: str) -> bool | None:
    """Whether the text of a function has the name; None when that cannot be told of all."""
    unknown = not functions or len(functions) > _MOST_FUNCTIONS
    for function in functions[:_MOST_FUNCTIONS]:
        place = names.place(function)
        words = None if place is None else _words(names, place.script)
        if words is None:
            unknown = True
        elif name in words:
            return True
    return None if unknown else False


def _words(names: Names, place: Place) -> frozenset[str] | None:
    script = names.locations.script_of_file(place.file)
    return None if script is None else names_used(script, place.line, place.column)
