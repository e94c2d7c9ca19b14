"""What waits: callbacks of promises, `await`, suspended generators, and what they keep meanwhile.

A pending promise has a list of reactions. Behind the reaction of an `await` stands the suspended
function with all its locals; behind one of `then` the function that was given. A promise for which
nothing waits cannot be told from one that was resolved with a small integer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nodemem.heap.arrays import Array, Arrays
from nodemem.heap.engine.columns import CLOSURE, HIDDEN, HIDDEN_EDGE, INTERNAL_EDGE, OBJECT
from nodemem.heap.naming.names import Names

Kind = Literal["await", "then", "suspended"]
_REACTION = "system / PromiseReaction"


@dataclass(frozen=True, slots=True)
class Waiting:
    """`count` suspended calls of one function, or registered callbacks of one function, for
    `promises` promises (0 for generators, which wait to be asked). `function` is what waits,
    `example` the one of them that keeps most: the suspended call or the callback; `promise` what
    that waits for. `retained` bytes hang on them."""

    kind: Kind
    function: int
    count: int
    promises: int
    retained: int
    example: int
    promise: int | None


def waiting(names: Names) -> list[Waiting]:
    """All that waits, that which keeps most first."""
    arrays = Arrays(names.snapshot)
    reactions, promise_of = _reactions(arrays)
    handlers = _handlers(arrays, reactions)
    calls = _suspended(arrays)
    behind = _behind(arrays, handlers, calls)
    awaits = behind >= 0
    found = _grouped(
        arrays, "await", behind[awaits], calls[behind[awaits]], promise_of[reactions[awaits]]
    )
    callbacks = ~awaits & (handlers >= 0)
    functions = handlers[callbacks]
    found += _grouped(arrays, "then", functions, functions, promise_of[reactions[callbacks]])
    others = np.setdiff1d(np.flatnonzero(calls >= 0), behind[awaits])
    found += _grouped(arrays, "suspended", others, calls[others], np.full(len(others), -1))
    found.sort(key=lambda one: (-one.retained, -one.count, one.example))
    return found


def promise_counts(names: Names) -> tuple[int, int]:
    """How many promises there are, and for how many of them something waits."""
    arrays = Arrays(names.snapshot)
    reactions, promise_of = _reactions(arrays)
    waited = promise_of[reactions]
    return len(arrays.named("Promise", OBJECT)), len(np.unique(waited[waited >= 0]))


def _reactions(arrays: Arrays) -> tuple[Array, Array]:
    """The reactions of pending promises, and by ordinal the promise of each (-1 for others)."""
    reactions = arrays.named(_REACTION, HIDDEN)
    promise_of = arrays.by_node()
    heads = arrays.edges_named("reactions_or_result", INTERNAL_EDGE)
    heads = heads.where(np.isin(heads.targets, reactions))
    promise_of[heads.targets] = heads.sources
    links = arrays.edges_of(reactions)
    links = links.where(np.isin(links.targets, reactions))
    following = arrays.by_node()
    following[links.sources] = links.targets
    for head in heads.targets.tolist():
        promise, at = promise_of[head], int(following[head])
        while at >= 0 and promise_of[at] < 0:
            promise_of[at] = promise
            at = int(following[at])
    return reactions[promise_of[reactions] >= 0], promise_of


def _handlers(arrays: Arrays, reactions: Array) -> Array:
    """The function that each reaction calls when the promise is fulfilled, or the only one; -1
    without. V8 writes the rejection handler first."""
    edges = arrays.edges_of(reactions)
    hidden = arrays.kinds(edges.positions) == HIDDEN_EDGE
    edges = edges.where(hidden & (arrays.types[edges.targets] == CLOSURE))
    of = arrays.by_node()
    of[edges.sources] = edges.targets  # the last one counts
    result: Array = of[reactions]
    return result


def _suspended(arrays: Arrays) -> Array:
    """By ordinal: the function of a suspended call, -1 for other nodes."""
    function = arrays.by_node()
    frames = arrays.edges_named("parameters_and_registers", INTERNAL_EDGE)
    edges = arrays.edges_named("function", INTERNAL_EDGE)
    edges = edges.where(np.isin(edges.sources, frames.sources))
    function[edges.sources] = edges.targets
    return function


def _behind(arrays: Arrays, handlers: Array, calls: Array) -> Array:
    """The suspended call that each handler resumes, over the handler's scope; -1 for callbacks."""
    links = []
    for name in ("context", "extension"):
        of = np.full(len(arrays.types) + 1, -1, np.int32)  # the last item answers for -1
        edges = arrays.edges_named(name, INTERNAL_EDGE)
        of[edges.sources] = edges.targets
        links.append(of)
    call = links[1][links[0][handlers]]
    result: Array = np.where((call >= 0) & (calls[call] >= 0), call, -1)
    return result


def _grouped(
    arrays: Arrays, kind: Kind, nodes: Array, functions: Array, promises: Array
) -> list[Waiting]:
    """By function; `nodes` are what waits."""
    if not len(nodes):
        return []
    code = arrays.by_node()
    shared = arrays.edges_named("shared", INTERNAL_EDGE)
    code[shared.sources] = shared.targets
    retained = arrays.retained_sizes[nodes].astype(np.int64)
    order = np.lexsort((nodes, -retained, code[functions]))
    starts = np.flatnonzero(np.diff(code[functions][order], prepend=-2))
    found = []
    for some in np.split(order, starts[1:]):
        first = int(some[0])
        waited = np.unique(promises[some])
        found.append(
            Waiting(
                kind,
                int(functions[first]),
                len(some),
                int((waited >= 0).sum()),
                arrays.snapshot.graph.retained_together(nodes[some].tolist()),
                int(nodes[first]),
                int(promises[first]) if promises[first] >= 0 else None,
            )
        )
    return found
