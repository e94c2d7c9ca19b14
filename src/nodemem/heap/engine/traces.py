"""What a snapshot says of when and where its objects were allocated, if that was tracked.

Read apart from the columns, at the first question about it: the section `samples` (ids given out by
a time), `trace_function_infos` and `trace_tree` (who called whom), and the field `trace_node_id` of
nodes. The tree is nested as deep as the program's stacks were.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from nodemem.heap.engine.header import Header
from nodemem.heap.engine.memory import zeros
from nodemem.heap.engine.records import Batch, RecordReader, Shape
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.engine.window import Window, sections

_FUNCTION_FIELDS = ("name", "script_name", "line", "column")
_CALL_FIELDS = ("id", "function_info_index", "count", "size", "children")
_SAMPLE_FIELDS = ("timestamp_us", "last_assigned_id")
_LARGEST = 1 << 28
_TOKEN = re.compile(rb"[0-9]+|[\[\]]")
_IN_TREE = b"0123456789,[] \t\r\n"
_LONGEST_NUMBER = 18
_LARGEST_NUMBER = (1 << 63) - 1


class TracedFunction(NamedTuple):
    """`name` and `url` are string indexes; line and column count from 1, 0 where unknown."""

    name: int
    url: int
    line: int
    column: int


class TracedCall(NamedTuple):
    """A function called one way, and what was allocated there; most of it may be gone. `parent` is
    the index of the caller, -1 at the root."""

    id: int
    function: int
    allocated_count: int
    allocated_bytes: int
    parent: int


class Traces(NamedTuple):
    """`calls_of_nodes` has by ordinal the id of the call that allocated the node, 0 where none was
    tracked; no items when none was at all. `samples` are pairs: microseconds since the beginning,
    the last id given out by then."""

    functions: list[TracedFunction]
    calls: list[TracedCall]
    samples: list[tuple[int, int]]
    calls_of_nodes: memoryview


def read_traces(file: SnapshotFile, header: Header) -> Traces:
    """What `file` says of allocations; nothing where it says nothing.

    Raises:
        InputError: these sections are not as they must be.
    """
    meta: dict[str, Any] = header.raw["meta"]
    window = Window(file)
    functions: list[TracedFunction] = []
    calls: list[TracedCall] = []
    samples: list[tuple[int, int]] = []
    calls_of_nodes = zeros("I", 0)
    for name in sections(window):
        if name == "samples":
            samples = [(time, last) for time, last in _records(window, meta, _SAMPLE_FIELDS)]
        elif name == "trace_function_infos":
            found = _records(window, meta, _FUNCTION_FIELDS)
            functions = [TracedFunction(*record) for record in found]
        elif name == "trace_tree":
            calls = _tree(window, meta)
        elif name == "nodes" and "trace_node_id" in meta["node_fields"]:
            calls_of_nodes = _calls_of_nodes(window, header)
        else:
            window.skip_value()
    if any(call.function >= len(functions) for call in calls):
        raise window.broken("a call in 'trace_tree' is of no function")
    if not len(calls_of_nodes):
        calls = []  # of which nobody could say what of theirs is alive
    return Traces(functions, calls, samples, calls_of_nodes)


def _records(
    window: Window, meta: dict[str, Any], wanted: tuple[str, ...]
) -> list[tuple[int, ...]]:
    """The wanted fields of a section of flat records."""
    key = {"samples": "sample_fields"}.get(window.section, "trace_function_info_fields")
    values = _numbers(window)
    fields = meta.get(key)
    if not values:
        return []
    if not isinstance(fields, list) or not set(wanted) <= set(map(str, fields)):
        raise window.broken(f"meta.{key} does not list the fields")
    if len(values) % len(fields):
        raise window.broken(f"{len(values):,} numbers are no whole records of {len(fields)}")
    columns = [values[fields.index(name) :: len(fields)] for name in wanted]
    return list(zip(*columns, strict=True))


def _numbers(window: Window) -> list[int]:
    begin = window.position
    try:
        values = json.loads(window.skip_value(limit=_LARGEST))
    except (ValueError, RecursionError) as error:
        raise window.broken("it is no list of numbers", begin) from error
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        raise window.broken("it is no list of numbers", begin)
    if not all(0 <= value <= _LARGEST_NUMBER for value in values):
        raise window.broken("it has a number that is negative or too large", begin)
    return values


def _tree(window: Window, meta: dict[str, Any]) -> list[TracedCall]:
    """The calls in the order of the file, callers before those that they call."""
    begin = window.position
    text = window.skip_value(limit=_LARGEST)
    fields = meta.get("trace_node_fields")
    if not isinstance(fields, list) or fields != list(_CALL_FIELDS):
        raise window.broken("meta.trace_node_fields are not those that are known", begin)
    if text.translate(None, _IN_TREE):
        raise window.broken("the tree holds other things than numbers and lists", begin)
    calls: list[TracedCall] = []
    record: list[int] = []
    parents: list[int] = []  # by open list the call whose callees it has
    for token in _TOKEN.findall(text):
        if token == b"[":
            if record:
                if len(record) != len(_CALL_FIELDS) - 1:
                    raise window.broken("a call in the tree is no whole record", begin)
                number, function, count, size = record
                calls.append(TracedCall(number, function, count, size, parents[-1]))
                parents.append(len(calls) - 1)
                record = []
            else:
                parents.append(-1)
        elif token == b"]":
            if record or not parents:
                raise window.broken("a call in the tree is no whole record", begin)
            parents.pop()
        elif not parents or len(token) > _LONGEST_NUMBER:
            raise window.broken("a number in the tree is out of place", begin)
        else:
            record.append(int(token))
    return calls


def _calls_of_nodes(window: Window, header: Header) -> memoryview:
    stride = header.meta.node_stride
    field = header.raw["meta"]["node_fields"].index("trace_node_id")
    column = zeros("I", header.node_count)

    def emit(batch: Batch) -> tuple[int, int]:
        end = batch.at + batch.length * stride
        column[batch.first : batch.first + batch.length] = batch.values[
            batch.at + field : end : stride
        ]
        return batch.length, 0

    RecordReader(window, Shape("nodes", stride, header.node_count), {}).read([emit])
    return column
