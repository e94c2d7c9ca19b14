"""The header of a snapshot: counts, and which number of a record means what."""

from __future__ import annotations

import json
import shlex
from typing import Any, NamedTuple

from nodemem.errors import InputError
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.engine.window import Window, sections

NODE_TYPES = (
    "hidden",
    "array",
    "string",
    "object",
    "code",
    "closure",
    "regexp",
    "number",
    "native",
    "synthetic",
    "concatenated string",
    "sliced string",
    "symbol",
    "bigint",
)
"""Node types by the code that columns hold. V8 added more since; they follow as a file has them."""

EDGE_TYPES = ("context", "element", "property", "internal", "hidden", "shortcut", "weak")
"""Edge types by the code that columns hold."""

NODE_FIELDS = ("type", "name", "id", "self_size", "edge_count", "detachedness")
EDGE_FIELDS = ("type", "name_or_index", "to_node")
LOCATION_FIELDS = ("object_index", "script_id", "line", "column")

MAX_NODES = 1 << 29
MAX_EDGES = (1 << 32) - 64
ABSENT = 255
_LIMIT = 1 << 20


class Meta(NamedTuple):
    """How records are laid out. Strides are numbers a record; fields are positions in it, in the
    order of NODE_FIELDS, EDGE_FIELDS, LOCATION_FIELDS; codes translate the file's type numbers."""

    node_stride: int
    node_fields: bytes
    node_types: tuple[str, ...]
    node_type_codes: bytes
    edge_stride: int
    edge_fields: bytes
    edge_type_codes: bytes
    location_stride: int
    location_fields: bytes
    has_detachedness: bool


class Header(NamedTuple):
    """`raw` is the whole `snapshot` object of the file."""

    node_count: int
    edge_count: int
    extra_native_bytes: int
    trace_function_count: int
    meta: Meta
    raw: dict[str, Any]


def read_header(file: SnapshotFile, *, whole: bool = True) -> Header:
    """The header of `file`, usually from its first few kilobytes. `whole`: what it announces must
    fit into the file.

    Raises:
        InputError: no header, or one that cannot be true of this file.
    """
    window = Window(file, chunk=1 << 14)
    for name in sections(window):
        if name == "snapshot":
            break
        if name == "head":
            raise InputError(
                f"{file.path} is a sampling heap profile, not a heap snapshot",
                next=f"nodemem heap profile {shlex.quote(file.path)}",
            )
        window.skip_value()
    else:
        raise window.broken("it has no section 'snapshot'")
    begin = window.position
    text = window.skip_value(limit=_LIMIT)
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise window.broken(f"the header is not valid JSON: {error}", begin) from error
    try:
        header = _interpret(raw)
    except _Unusable as error:
        raise window.broken(str(error), begin) from None
    if whole and not window.source.compressed:
        least = header.node_count * 2 * header.meta.node_stride + header.edge_count * 6
        if least > file.size:
            raise InputError(
                f"{file.path} is cut short, or its header is wrong",
                why=f"the header announces {header.node_count:,} nodes and "
                f"{header.edge_count:,} edges, which cannot fit into {file.size:,} bytes",
                next="take the snapshot again; what is left of it: "
                f"nodemem heap partial {shlex.quote(file.path)}",
            )
    return header


class _Unusable(Exception):
    pass


def _interpret(raw: Any) -> Header:
    if not isinstance(raw, dict) or not isinstance(raw.get("meta"), dict):
        raise _Unusable("the header has no 'meta'")
    meta = raw["meta"]
    if raw.get("root_index", 0) != 0:
        raise _Unusable("the root is not the first node")
    node_fields = _names(meta, "node_fields")
    edge_fields = _names(meta, "edge_fields")
    location_fields = _names(meta, "location_fields") if "location_fields" in meta else []
    for needed, fields in ((NODE_FIELDS[:5], node_fields), (EDGE_FIELDS, edge_fields)):
        if missing := [name for name in needed if name not in fields]:
            raise _Unusable(f"records have no field {', '.join(missing)}")
    if location_fields and not set(LOCATION_FIELDS) <= set(location_fields):
        location_fields = []
    node_types, node_codes = _types(meta, "node_types", NODE_TYPES, node_fields.index("type"))
    _, edge_codes = _types(meta, "edge_types", EDGE_TYPES, edge_fields.index("type"))
    return Header(
        node_count=_count(raw, "node_count", 1, MAX_NODES),
        edge_count=_count(raw, "edge_count", 0, MAX_EDGES),
        extra_native_bytes=_count(raw, "extra_native_bytes", 0, 1 << 62, default=0),
        trace_function_count=_count(raw, "trace_function_count", 0, 1 << 32, default=0),
        meta=Meta(
            node_stride=len(node_fields),
            node_fields=_positions(NODE_FIELDS, node_fields),
            node_types=node_types,
            node_type_codes=node_codes,
            edge_stride=len(edge_fields),
            edge_fields=_positions(EDGE_FIELDS, edge_fields),
            edge_type_codes=edge_codes,
            location_stride=len(location_fields),
            location_fields=_positions(LOCATION_FIELDS, location_fields),
            has_detachedness="detachedness" in node_fields,
        ),
        raw=raw,
    )


def _names(meta: dict[str, Any], key: str) -> list[str]:
    names = meta.get(key)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _Unusable(f"meta.{key} is not a list of names")
    if len(set(names)) != len(names) or len(names) > 64:
        raise _Unusable(f"meta.{key} repeats a name, or has too many")
    return names


def _types(
    meta: dict[str, Any], key: str, known: tuple[str, ...], at: int
) -> tuple[tuple[str, ...], bytes]:
    """All type names by code, and the codes of the file's type numbers."""
    types = meta.get(key)
    names = types[at] if isinstance(types, list) and at < len(types) else None
    if (
        not isinstance(names, list)
        or not all(isinstance(name, str) for name in names)
        or len(names) > 128
    ):
        raise _Unusable(f"meta.{key} does not list the types")
    order = list(known) + [name for name in dict.fromkeys(names) if name not in known]
    codes = bytearray([ABSENT] * 256)
    for number, name in enumerate(names):
        codes[number] = order.index(name)
    return tuple(order), bytes(codes)


def _positions(wanted: tuple[str, ...], fields: list[str]) -> bytes:
    return bytes(fields.index(name) if name in fields else ABSENT for name in wanted)


def _count(raw: dict[str, Any], key: str, low: int, high: int, default: int | None = None) -> int:
    value = raw.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value < high:
        raise _Unusable(f"{key} is {value!r}, which no snapshot can have")
    return value
