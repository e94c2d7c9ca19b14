"""Small heap snapshots made to order: nodes and edges in, bytes of a valid `.heapsnapshot` out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

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
    "object shape",
)
EDGE_TYPES = ("context", "element", "property", "internal", "hidden", "shortcut", "weak")
_NUMBERED = ("element", "hidden")
_FIELDS = ("type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness")

Style = Literal["node22", "node24"]


class SnapshotBuilder:
    """Collects nodes and edges; the first node is the root.

        heap = SnapshotBuilder()
        root = heap.node("synthetic", "")
        leak = heap.node("object", "Cache", size=64)
        heap.edge(root, "shortcut", "global", leak)
        path.write_bytes(heap.to_bytes())

    `numbers` (flat `nodes`, `edges`, `locations`) and `strings` can be spoiled between
    `document()` and serialisation by tests of broken input.
    """

    def __init__(self) -> None:
        self.strings: list[str] = ["<dummy>"]
        self._string_index = {"<dummy>": 0}
        self._nodes: list[tuple[int, int, int, int, int]] = []
        self._edges: list[tuple[int, int, int, int]] = []
        self._locations: list[tuple[int, int, int, int]] = []

    def string(self, text: str) -> int:
        """The index of `text` in the string table."""
        index = self._string_index.setdefault(text, len(self.strings))
        if index == len(self.strings):
            self.strings.append(text)
        return index

    def node(
        self,
        type: str,
        name: str,
        *,
        size: int = 0,
        id: int | None = None,
        detachedness: int = 0,
        location: tuple[int, int, int] | None = None,
    ) -> int:
        """Add a node; its ordinal. `id` defaults to 1, 3, 5, ...; `location` is script id, line
        and column, from 0."""
        ordinal = len(self._nodes)
        number = 2 * ordinal + 1 if id is None else id
        self._nodes.append((NODE_TYPES.index(type), self.string(name), number, size, detachedness))
        if location is not None:
            self._locations.append((ordinal, *location))
        return ordinal

    def edge(self, source: int, type: str, name: str | int, target: int) -> None:
        """Add an edge between two ordinals; `name` is a number for element and hidden edges."""
        label = int(name) if type in _NUMBERED else self.string(str(name))
        self._edges.append((source, EDGE_TYPES.index(type), label, target))

    def document(
        self, *, style: Style = "node24", header: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The snapshot as the object that its JSON spells. `header` replaces or adds header keys.

        The styles differ in their node fields: `node22` has `trace_node_id`, `node24` has not.
        """
        fields = [f for f in _FIELDS if style == "node22" or f != "trace_node_id"]
        outgoing: list[list[tuple[int, int, int]]] = [[] for _ in self._nodes]
        for source, type_, label, target in self._edges:
            outgoing[source].append((type_, label, target * len(fields)))
        nodes: list[int] = []
        for (type_, name, id_, size, detachedness), out in zip(self._nodes, outgoing, strict=True):
            record = {
                "type": type_,
                "name": name,
                "id": id_,
                "self_size": size,
                "edge_count": len(out),
                "trace_node_id": 0,
                "detachedness": detachedness,
            }
            nodes += [record[field] for field in fields]
        return {
            "snapshot": {
                "meta": _meta(fields),
                "node_count": len(self._nodes),
                "edge_count": len(self._edges),
                "trace_function_count": 0,
                "extra_native_bytes": 0,
                **(header or {}),
            },
            "nodes": nodes,
            "edges": [number for out in outgoing for edge in out for number in edge],
            "trace_function_infos": [],
            "trace_tree": [],
            "samples": [],
            "locations": [
                number
                for ordinal, *place in self._locations
                for number in (ordinal * len(fields), *place)
            ],
            "strings": list(self.strings),
        }

    def to_bytes(
        self, *, style: Style = "node24", header: Mapping[str, Any] | None = None
    ) -> bytes:
        """The file, laid out as Node 22 (one record a line) or Node 24 (no line breaks) does."""
        return serialize(self.document(style=style, header=header), style=style)


def build_snapshot(
    nodes: Iterable[tuple[str, str, int] | Mapping[str, Any]],
    edges: Iterable[tuple[int, str, str | int, int]],
    *,
    style: Style = "node24",
    header: Mapping[str, Any] | None = None,
) -> bytes:
    """A snapshot of `nodes` (`(type, name, size)`, or keywords of `SnapshotBuilder.node`) and
    `edges` (`(source, type, name, target)`, ordinals). The first node is the root."""
    heap = SnapshotBuilder()
    for node in nodes:
        if isinstance(node, tuple):
            heap.node(node[0], node[1], size=node[2])
        else:
            heap.node(**node)
    for edge in edges:
        heap.edge(*edge)
    return heap.to_bytes(style=style, header=header)


def serialize(document: Mapping[str, Any], *, style: Style = "node24") -> bytes:
    """The bytes V8 would write for `document`, its sections in the order of the mapping."""
    strides = {
        "nodes": len(document["snapshot"]["meta"]["node_fields"]) if "snapshot" in document else 1,
        "edges": 3,
        "locations": 4,
    }
    parts = []
    for key, value in document.items():
        if isinstance(value, list) and key in strides:
            text = _numbers(value, strides[key], "\n," if style == "node22" else ",")
        elif key == "strings":
            separator = ",\n" if style == "node22" else ","
            text = "[" + separator.join(json.dumps(string) for string in value) + "]"
        else:
            text = json.dumps(value, separators=(",", ":"))
        parts.append(f'"{key}":{text}')
    return ("{" + ",\n".join(parts) + "}").encode()


def _numbers(values: Sequence[int], stride: int, between: str) -> str:
    records = (values[at : at + stride] for at in range(0, len(values), stride))
    return "[" + between.join(",".join(map(str, record)) for record in records) + "]"


def _meta(fields: Sequence[str]) -> dict[str, Any]:
    kinds: dict[str, Any] = {"type": NODE_TYPES, "name": "string"}
    return {
        "node_fields": list(fields),
        "node_types": [kinds.get(field, "number") for field in fields],
        "edge_fields": ["type", "name_or_index", "to_node"],
        "edge_types": [EDGE_TYPES, "string_or_number", "node"],
        "trace_function_info_fields": [
            "function_id",
            "name",
            "script_name",
            "script_id",
            "line",
            "column",
        ],
        "trace_node_fields": ["id", "function_info_index", "count", "size", "children"],
        "sample_fields": ["timestamp_us", "last_assigned_id"],
        "location_fields": ["object_index", "script_id", "line", "column"],
    }
