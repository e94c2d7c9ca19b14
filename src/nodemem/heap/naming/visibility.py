"""Which nodes a program can name, as a column: the walks of the meaning layer ask it of most nodes.

A string that begins with `system / ` is a name that V8 gives to what is its own.
"""

from __future__ import annotations

from nodemem.heap.engine.columns import ARRAY, CODE, HIDDEN, OBJECT, SYNTHETIC
from nodemem.heap.engine.memory import zeros
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.kernels import load

CONTEXT = "system / Context"
CONTEXT_CELL = "system / ContextCell"

VISIBLE, SCOPE = 1, 2
"""Bits of an item: the program can name the node; it is a closure scope."""

_NEVER, _ALWAYS, _BY_NAME = range(3)


def visibility(snapshot: Snapshot) -> memoryview:
    """By ordinal, u8 items: VISIBLE, SCOPE, both or neither."""
    columns, strings, n = snapshot.columns, snapshot.strings, snapshot.node_count
    by_type = memoryview(bytearray([_ALWAYS] * 256))
    for kind in (HIDDEN, ARRAY, CODE, SYNTHETIC):
        by_type[kind] = _NEVER
    by_type[OBJECT] = _BY_NAME
    types = snapshot.header.meta.node_types
    if "object shape" in types:
        by_type[types.index("object shape")] = _NEVER
    scopes = zeros("Q", len(strings.internal))
    for at, word in enumerate(strings.internal):
        for index in range(64 * at, 64 * at + word.bit_length()):
            if word >> (index & 63) & 1:
                name = strings[index]
                if name.startswith(CONTEXT) and not name.startswith(CONTEXT_CELL):
                    scopes[at] |= 1 << (index & 63)
    out = zeros("B", n)
    load("classes").visibility(
        n, columns.types, columns.names, strings.count, by_type, strings.internal, scopes, out
    )
    return out
