"""Detachedness as Chrome DevTools spreads it: from embedder nodes that know their state to the
embedder nodes they refer to. Detached ones get `Detached ` before their name."""

from __future__ import annotations

import re

from nodemem.heap.engine.columns import HIDDEN_EDGE, NATIVE, TARGET, TYPE_SHIFT, WEAK_EDGE
from nodemem.heap.engine.strings import StringTable

ATTACHED, DETACHED = 1, 2


def spread_detachedness(
    types: memoryview,
    names: memoryview,
    first_edge: memoryview,
    edges: memoryview,
    states: memoryview,
    strings: StringTable,
) -> dict[int, int]:
    """Complete the column of `states`; the new names of detached nodes, which `strings` gets.

    Only embedder nodes take part, which are few in Node.js; where no node has a state, nothing is
    looked at.
    """
    new_names: dict[int, int] = {}
    if not len(states):
        return new_names
    visited: set[int] = set()
    attached: list[int] = []
    detached: list[int] = []
    # New strings even where the table has the same text: DevTools groups by string, not by text.
    renamed: dict[int, int] = {}

    def settle(node: int, state: int) -> None:
        if node in visited:
            return
        visited.add(node)
        if types[node] != NATIVE:
            return
        states[node] = state
        if state == ATTACHED:
            attached.append(node)
        elif state == DETACHED:
            name = names[node]
            if name not in renamed:
                renamed[name] = strings.add("Detached " + strings[name])
            new_names[node] = renamed[name]
            detached.append(node)

    def spread(node: int, state: int) -> None:
        for index in range(first_edge[node], first_edge[node + 1]):
            edge = edges[index]
            if edge >> TYPE_SHIFT not in (HIDDEN_EDGE, WEAK_EDGE):
                settle(edge & TARGET, state)

    for match in re.finditer(rb"[^\0]", states):
        settle(match.start(), states[match.start()])
    while attached:
        spread(attached.pop(), ATTACHED)
    while detached:
        node = detached.pop()
        if states[node] != ATTACHED:
            spread(node, DETACHED)
    return new_names
