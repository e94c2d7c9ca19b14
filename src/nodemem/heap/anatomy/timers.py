"""Timers of Node.js: setTimeout, setInterval, setImmediate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nodemem.heap.arrays import Array, Arrays
from nodemem.heap.engine.columns import CLOSURE, CONTEXT_EDGE, HIDDEN, OBJECT, PROPERTY_EDGE
from nodemem.heap.naming.contents import function_behind
from nodemem.heap.naming.names import Names

Kind = Literal["interval", "timeout", "immediate"]
_CALLBACKS: tuple[tuple[str, str], ...] = (
    ("Timeout", "_onTimeout"),
    ("Immediate", "_onImmediate"),
)


@dataclass(frozen=True, slots=True)
class TimerGroup:
    """Timers of one kind, period (milliseconds; None where no list of timers has them, or it is no
    timer of a period) and function. `retained` bytes hang on them together; `example` keeps most.
    """

    kind: Kind
    period: int | None
    count: int
    function: int
    retained: int
    example: int


def timers(names: Names) -> list[TimerGroup]:
    """All timers that have something to call, those that keep most first."""
    arrays = Arrays(names.snapshot)
    found: list[TimerGroup] = []
    for class_name, callback in _CALLBACKS:
        nodes = arrays.named(class_name, OBJECT)
        calls = arrays.edges_named(callback, PROPERTY_EDGE)
        calls = calls.where(np.isin(calls.sources, nodes) & _is_closure(arrays, calls.targets))
        if not len(calls.sources):
            continue
        periods = _periods(names, arrays)[calls.sources]
        once = np.ones(len(calls.sources), bool)
        if class_name == "Timeout":
            once = np.isin(calls.sources, _without_repeat(arrays))
        code = _code(arrays, calls.targets)
        retained = arrays.retained_sizes[calls.sources].astype(np.int64)
        order = np.argsort(-retained, kind="stable")
        keys = np.stack([periods, once, code])[:, order]
        unique, first, back = np.unique(keys, axis=1, return_index=True, return_inverse=True)
        by_group = np.argsort(back.ravel(), kind="stable")
        counts = np.bincount(back.ravel(), minlength=unique.shape[1])
        members = np.split(calls.sources[order][by_group], np.cumsum(counts)[:-1])
        for group, at in enumerate(order[first].tolist()):
            kind: Kind = "timeout" if once[at] else "interval"
            found.append(
                TimerGroup(
                    "immediate" if class_name == "Immediate" else kind,
                    int(periods[at]) if periods[at] >= 0 else None,
                    int(counts[group]),
                    function_behind(names, int(calls.targets[at])),
                    arrays.snapshot.graph.retained_together(members[group].tolist()),
                    int(calls.sources[at]),
                )
            )
    found.sort(key=lambda one: (-one.retained, -one.count, one.example))
    return found


def _is_closure(arrays: Arrays, nodes: Array) -> Array:
    result: Array = arrays.types[nodes] == CLOSURE
    return result


def _without_repeat(arrays: Arrays) -> Array:
    """Timers whose `_repeat` is null; that of an interval is a number, mostly not written."""
    edges = arrays.edges_named("_repeat", PROPERTY_EDGE)
    once: Array = edges.sources[arrays.types[edges.targets] == HIDDEN]
    return once


def _code(arrays: Arrays, closures: Array) -> Array:
    """What closures of one function have in common: their SharedFunctionInfo."""
    edges = arrays.edges_of(closures)
    shared = edges.where(arrays.edge_names[edges.positions] == arrays.string("shared"))
    of = arrays.by_node()
    of[shared.sources] = shared.targets
    result: Array = of[closures]
    return result


def _periods(names: Names, arrays: Arrays) -> Array:
    """By ordinal: the milliseconds of the list that a timer is in, -1 for other nodes.

    Node.js keeps one ring of timers for each period; the rings hang in a table by period.
    """
    periods = arrays.by_node()
    links = arrays.edges_named("_idleNext", PROPERTY_EDGE)
    following = arrays.by_node()
    following[links.sources] = links.targets
    for table in np.unique(arrays.edges_named("timerListMap", CONTEXT_EDGE).targets).tolist():
        for edge in names.snapshot.edges(table):
            if not str(edge.name).isdigit() or names.name(edge.target) != "TimersList":
                continue
            at = int(following[edge.target])
            while at >= 0 and at != edge.target and periods[at] < 0:
                periods[at] = int(edge.name)
                at = int(following[at])
    return periods
