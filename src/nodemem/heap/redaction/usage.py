"""What the strings of a snapshot are used for, as bits by string index."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from nodemem.heap.arrays import Array
from nodemem.heap.engine.columns import (
    CLOSURE,
    CODE,
    NATIVE,
    NUMBER,
    OBJECT,
    PROPERTY_EDGE,
    STRING,
    TARGET,
    TYPE_SHIFT,
)
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.engine.window import Window, sections

LABEL, VARIABLE, INTERNAL, PROPERTY = 1, 2, 4, 8
"""Name of a node that is no value (an object, a function, what is V8's own); of a variable; of a
reference that V8 or Node.js named; of a property."""
IN_CODE, NUMERIC, KEPT = 16, 32, 64
"""A property that code names; the text of a number; text that an answer needs."""

_VALUES = frozenset(
    [
        "string",
        "regexp",
        "number",
        "symbol",
        "bigint",
        "concatenated string",
        "sliced string",
    ]
)
_BY_EDGE = np.array([VARIABLE, 0, PROPERTY, INTERNAL, 0, INTERNAL, INTERNAL, INTERNAL], np.uint8)
_SCOPES = ("(context local names)", "system / ScopeInfo")
_SPELLED = (
    "(constant pool)",
    *_SCOPES,
    "system / ObjectBoilerplateDesc",
    "system / ObjectBoilerplateDescription",
)
_PLAIN = ("Object", "Array")
_MOST_MEMBERS = 100
"""An object with more properties is a dictionary: its keys are data."""
_BLOCK = 1 << 22
_INFOS_LIMIT = 256 << 20


def string_usage(snapshot: Snapshot, path: str) -> Array:
    """One byte a string: LABEL, VARIABLE, ... added up; 0 for a string that is only a value.

    A property is IN_CODE where its name is a constant of compiled code, or a template of native
    code has it, or it is a property of something else than a plain object: of an instance of a
    class, a function, the global object.
    """
    columns, meta = snapshot.columns, snapshot.header.meta
    types, names = np.asarray(columns.types), np.asarray(columns.names)
    usage = np.zeros(len(snapshot.strings), np.uint8)
    is_label = np.array([name not in _VALUES for name in meta.node_types], bool)
    usage[names[is_label[types]]] |= LABEL
    speaks = _speaks_for_code(snapshot, types, names)
    scopes = (types == CODE) & _named(snapshot, names, _SCOPES)
    member_of = _is_no_dictionary(snapshot, types, names)
    value = snapshot.find_string("value")
    for sources, words, edge_names in _blocks(snapshot):
        kinds, targets = words >> TYPE_SHIFT, words & TARGET
        for kind in (0, 2, 3, 5, 6, 7):
            usage[edge_names[kinds == kind]] |= _BY_EDGE[kind]
        text = types[targets] == STRING
        usage[names[targets[text & speaks[sources]]]] |= IN_CODE
        usage[names[targets[text & scopes[sources]]]] |= VARIABLE
        usage[edge_names[(kinds == PROPERTY_EDGE) & member_of[sources]]] |= IN_CODE
        if value is not None:
            number = (types[sources] == NUMBER) & (edge_names == value) & text
            usage[names[targets[number]]] |= NUMERIC
    for renamed in snapshot.strings.added:
        # Detached nodes got a prefix when they were read; the file has their names without.
        index = snapshot.find_string(renamed.removeprefix("Detached "))
        if index is not None:
            usage[index] |= LABEL
    for index in _of_stacks(snapshot, path):
        if index < len(usage):
            usage[index] |= LABEL
    return usage


def _blocks(snapshot: Snapshot) -> Iterator[tuple[Array, Array, Array]]:
    """Sources, words and names of the edges, some at a time."""
    first = np.asarray(snapshot.columns.first_edge)
    words, names = np.asarray(snapshot.columns.edges), np.asarray(snapshot.columns.edge_names)
    for begin in range(0, len(words), _BLOCK):
        end = min(begin + _BLOCK, len(words))
        positions = np.arange(begin, end, dtype=np.uint32)
        sources = np.searchsorted(first, positions, side="right") - 1
        yield sources, words[begin:end], names[begin:end]


def _speaks_for_code(snapshot: Snapshot, types: Array, names: Array) -> Array:
    """Nodes that refer to strings because code spells them. Not all of type code do: feedback of
    how code ran has the keys that it met."""
    result: Array = ((types == CODE) & _named(snapshot, names, _SPELLED)) | (types == NATIVE)
    template = snapshot.find_string("system / FunctionTemplateInfo")
    if template is not None:
        result |= names == template
    return result


def _is_no_dictionary(snapshot: Snapshot, types: Array, names: Array) -> Array:
    """Nodes whose properties somebody wrote down, as far as can be told."""
    first = np.asarray(snapshot.columns.first_edge)
    few = np.diff(first) <= _MOST_MEMBERS
    result: Array = (types == CLOSURE) | (types == NATIVE)
    result |= (types == OBJECT) & ~_named(snapshot, names, _PLAIN) & few
    for root in snapshot.graph.user_roots:
        result[root] = True
    return result


def _named(snapshot: Snapshot, names: Array, wanted: Sequence[str]) -> Array:
    """Which nodes have one of these names."""
    indexes = [snapshot.find_string(name) for name in wanted]
    return np.isin(names, [index for index in indexes if index is not None])


def _of_stacks(snapshot: Snapshot, path: str) -> Iterator[int]:
    """Names of functions and scripts in the allocation stacks of a `.heaptimeline`."""
    fields = snapshot.header.raw["meta"].get("trace_function_info_fields")
    if not snapshot.header.trace_function_count or not isinstance(fields, list):
        return
    wanted = [fields.index(key) for key in ("name", "script_name") if key in fields]
    window = Window(SnapshotFile(path))
    for section in sections(window):
        if section != "trace_function_infos":
            window.skip_value()
            continue
        numbers = json.loads(window.skip_value(limit=_INFOS_LIMIT))
        for at in wanted:
            yield from numbers[at :: len(fields)]
        return
