"""A heap snapshot of any size, the same bytes for the same arguments.

    python bench/heap/generate.py 20 /tmp/s20.heapsnapshot                # about 20 MB
    python bench/heap/generate.py 200 /tmp/t200.heapsnapshot --strings    # most of it text

Shaped after what Node.js servers leave: classes with hidden helpers (maps, element stores,
property arrays), closures with contexts, strings of mixed length, Maps, WeakMap entries, plain
objects in a few shapes, constructor locations; laid out as V8 13 writes it (Node 24).

One block of objects is made node by node, and then written again and again with other ids, other
strings and other places: a gigabyte takes about a minute and little memory.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from nodemem.testing.snapshot_builder import EDGE_TYPES, NODE_TYPES, SnapshotBuilder

_TYPE = {name: code for code, name in enumerate(NODE_TYPES)}
_EDGE = {name: code for code, name in enumerate(EDGE_TYPES)}
_STRIDE = 6
_UNITS = 2500
"""Units a block."""
_FIRST_ID = 1001
_CLASSES = [f"Service{i}" for i in range(60)]
_SHAPES = [("id", "name"), ("key", "value", "next"), ("x", "y", "z", "owner"), ("url", "headers")]
_WORDS = ["alpha", "beta", "gamma", "delta", "request", "response", "session", "cache", "entry"]


class Text(NamedTuple):
    """A string of its own in each block: `{n}` is the number of its unit, `{a}` and `{b}` are ids
    of nodes of the block."""

    pattern: str
    unit: int
    a: int = 0
    b: int = 0


class Graph:
    """Nodes and edges. Targets and names below zero belong to the block: target -1 - n is its node
    n, name -1 - s its text s; others are shared."""

    def __init__(self) -> None:
        self.nodes: list[tuple[int, int, int]] = []
        self.edges: list[list[tuple[int, int, int]]] = []
        self.locations: list[tuple[int, int, int, int]] = []
        self.texts: list[Text] = []

    def node(self, type_: str, name: int, size: int) -> int:
        self.nodes.append((_TYPE[type_], name, size))
        self.edges.append([])
        return len(self.nodes) - 1

    def text(self, pattern: str, unit: int, a: int = 0, b: int = 0) -> int:
        self.texts.append(Text(pattern, unit, a, b))
        return -len(self.texts)

    def edge(self, source: int, type_: str, name: int, target: int) -> None:
        self.edges[source].append((_EDGE[type_], name, target))


class Snapshot:
    """The shared part and the block."""

    def __init__(self, seed: int, *, strings: bool) -> None:
        self.random = random.Random(seed)
        self.strings = strings
        self.names = SnapshotBuilder()
        self.shared, self.block = Graph(), Graph()
        self.known = self._share()
        self.table_edges: list[tuple[str, int, int]] = []
        """Of the WeakMap's table into the block: type, name (a text of the block), node."""
        hub = self.block.node("array", self.names.string("(object elements)"), 40_000)
        self.owner = self.block.node("object", self.names.string("Map"), 32)
        self.block.edge(self.owner, "internal", self.names.string("table"), -1 - hub)
        previous = [self.owner] * 512
        for number in range(_UNITS):
            self._unit(number, hub, previous)

    def _share(self) -> dict[str, int]:
        shared, name = self.shared, self.names.string
        root = shared.node("synthetic", name(""), 0)
        roots = shared.node("synthetic", name("(GC roots)"), 0)
        world = shared.node("object", name("global"), 48)
        shared.edge(root, "element", 1, roots)
        shared.edge(root, "shortcut", name("2"), world)
        shared.edge(roots, "element", 1, world)
        known = {"world": world, "proto": shared.node("object", name("Object"), 56)}
        known["context"] = shared.node("object", name("system / Context"), 32)
        for key in [*(f"map{i}" for i in range(60)), "plain map", "closure map"]:
            known[key] = shared.node("object shape", name("system / Map"), 80)
        known["code"] = shared.node("code", name("handler"), 64)
        known["scope"] = shared.node("code", name("system / ScopeInfo"), 40)
        known["weak"] = shared.node("object", name("WeakMap"), 24)
        known["table"] = shared.node("array", name(""), 4096)
        shared.edge(known["weak"], "internal", name("table"), known["table"])
        for key, node in known.items():
            if key not in ("world", "table"):
                shared.edge(world, "hidden", len(shared.edges[world]), node)
        return known

    def _unit(self, number: int, hub: int, previous: list[int]) -> None:
        """One request's worth of objects below `hub`."""
        r, b, known, name = self.random, self.block, self.known, self.names.string
        cls = number % 60
        service = b.node("object", name(_CLASSES[cls]), 56)
        b.locations.append((service, 40 + cls % 7, 10 * cls, 9))
        b.edge(hub, "element", len(b.edges[hub]), -1 - service)
        b.edge(service, "property", name("__proto__"), known["proto"])
        b.edge(service, "internal", name("map"), known[f"map{cls}"])
        store = b.node("array", name("(object properties)"), 40)
        b.edge(service, "internal", name("properties"), -1 - store)
        label = b.text(f"{r.choice(_WORDS)}-{r.choice(_WORDS)}-{{n}}", number)
        text = b.node("string", label, 40)
        b.edge(store, "hidden", 1, -1 - text)
        b.edge(service, "property", name("label"), -1 - text)
        array = b.node("object", name("Array"), 16)
        elements = b.node("array", name("(object elements)"), 48)
        b.edge(array, "internal", name("elements"), -1 - elements)
        b.edge(array, "property", name("__proto__"), known["proto"])
        b.edge(service, "property", name("items"), -1 - array)
        for index in range(3):
            shape = r.choice(_SHAPES)
            item = b.node("object", name("Object"), 24 + 8 * len(shape))
            b.edge(elements, "hidden", index + 2, -1 - item)
            b.edge(array, "element", index, -1 - item)
            b.edge(item, "internal", name("map"), known["plain map"])
            b.edge(item, "property", name("__proto__"), known["proto"])
            for key in shape:
                target = r.choice(previous) if r.random() < 0.6 else text
                b.edge(item, "property", name(key), -1 - target)
        context = b.node("object", name("system / Context"), 32)
        b.edge(context, "context", name("self"), -1 - service)
        b.edge(context, "internal", name("previous"), known["context"])
        b.edge(context, "internal", name("scope_info"), known["scope"])
        closure = b.node("closure", name(r.choice(("", "handler", "onData", "next"))), 64)
        b.locations.append((closure, 40 + cls % 7, 10 * cls + 3, 17))
        b.edge(closure, "internal", name("context"), -1 - context)
        b.edge(closure, "internal", name("shared"), known["code"])
        b.edge(closure, "internal", name("map"), known["closure map"])
        b.edge(service, "property", name("handler"), -1 - closure)
        b.edge(service, "hidden", 9, -1 - b.node("number", name("heap number"), 16))
        cell = b.node("hidden", name("system / FeedbackCell"), 24)
        b.edge(cell, "hidden", 1, -1 - closure)
        b.edge(closure, "internal", name("feedback_cell"), -1 - cell)
        b.edge(cell, "weak", name("next"), known["code"])
        if number % 8 == 0:
            self._weak_entry(number, cls, service)
        for _ in range(6 if self.strings else number % 16 == 0):
            size = r.randrange(300, 1000) if self.strings else r.randrange(100, 1000)
            source = "".join(r.choice(_WORDS) + " = { }, " for _ in range(size // 12))
            piece = b.node("string", b.text(source + "{n}", number), size + 16)
            b.edge(service, "property", name("source"), -1 - piece)
        previous[r.randrange(len(previous))] = service

    def _weak_entry(self, number: int, cls: int, key: int) -> None:
        b, name = self.block, self.names.string
        value = b.node("object", name("Metadata"), 40)
        b.edge(value, "internal", name("map"), self.known["plain map"])
        entry = f" / part of key ({_CLASSES[cls]} @{{a}}) -> value (Metadata @{{b}}) pair in "
        entry += f"WeakMap (table @{_FIRST_ID + 2 * self.known['table']})"
        self.table_edges.append(("internal", b.text("{n}" + entry, number, key, value), value))
        b.edge(key, "internal", b.text("1{n}" + entry, number, key, value), -1 - value)
        self.table_edges.append(("weak", b.text("{n}", number), key))


class Writer:
    """Writes `blocks` copies of the block behind the shared part."""

    def __init__(self, made: Snapshot, blocks: int) -> None:
        self.made, self.blocks = made, blocks
        self.first_node, self.per_block = len(made.shared.nodes), len(made.block.nodes)
        self.texts = len(made.block.texts)
        gaps = random.Random(5)
        # Ids have gaps where objects died.
        steps = [2 * (1 + (gaps.random() < 0.2) * gaps.randrange(40)) for _ in made.block.nodes]
        self.ids = np.cumsum(np.array(steps, dtype=np.int64))
        world, table = made.known["world"], made.known["table"]
        cache = made.names.string("cache")
        self.first_text = len(made.names.strings)
        for number in range(blocks):
            made.shared.edge(world, "property", cache, self._node(made.owner, number))
            for type_, text, node in made.table_edges:
                made.shared.edge(table, type_, self._text(text, number), self._node(node, number))

    def _node(self, local: int, block: int) -> int:
        return self.first_node + block * self.per_block + local

    def _text(self, name: int, block: int) -> int:
        return self.first_text + block * self.texts - 1 - name

    def _id(self, local: int, block: int) -> int:
        base = _FIRST_ID + 2 * self.first_node + block * int(self.ids[-1])
        return base + int(self.ids[local])

    def write(self, out: BinaryIO) -> None:
        shared, block = self.made.shared, self.made.block
        header: dict[str, Any] = self.made.names.document()["snapshot"]
        header["node_count"] = self.first_node + self.blocks * self.per_block
        header["edge_count"] = sum(map(len, shared.edges))
        header["edge_count"] += self.blocks * sum(map(len, block.edges))
        out.write(b'{"snapshot":' + json.dumps(header, separators=(",", ":")).encode())
        _section(out, "nodes", self._nodes())
        _section(out, "edges", self._edges())
        for empty in ("trace_function_infos", "trace_tree", "samples"):
            _section(out, empty, ())
        _section(out, "locations", self._locations())
        _section(out, "strings", self._strings())
        out.write(b"}")

    def _nodes(self) -> Iterator[str]:
        for graph, blocks in ((self.made.shared, 1), (self.made.block, self.blocks)):
            rows = np.array(graph.nodes, dtype=np.int64)
            counts = np.array([len(out) for out in graph.edges], dtype=np.int64)
            own = np.flatnonzero(rows[:, 1] < 0)
            for number in range(blocks):
                records = np.zeros((len(rows), _STRIDE), dtype=np.int64)
                records[:, 0], records[:, 1], records[:, 3] = rows[:, 0], rows[:, 1], rows[:, 2]
                records[own, 1] = self._text(0, number) - rows[own, 1]
                if graph is self.made.block:
                    records[:, 2] = self._id(0, number) - int(self.ids[0]) + self.ids
                else:
                    records[:, 2] = _FIRST_ID + 2 * np.arange(len(rows))
                    records[0, 2] = 1
                records[:, 4] = counts
                yield _joined(records)

    def _edges(self) -> Iterator[str]:
        for graph, blocks in ((self.made.shared, 1), (self.made.block, self.blocks)):
            rows = np.array([edge for out in graph.edges for edge in out], dtype=np.int64)
            named, inner = np.flatnonzero(rows[:, 1] < 0), np.flatnonzero(rows[:, 2] < 0)
            for number in range(blocks):
                records = rows.copy()
                records[named, 1] = self._text(0, number) - rows[named, 1]
                records[inner, 2] = self._node(0, number) - 1 - rows[inner, 2]
                records[:, 2] *= _STRIDE
                yield _joined(records)

    def _locations(self) -> Iterator[str]:
        rows = np.array(self.made.block.locations, dtype=np.int64)
        for number in range(self.blocks):
            records = rows.copy()
            records[:, 0] = (self._node(0, number) + rows[:, 0]) * _STRIDE
            yield _joined(records)

    def _strings(self) -> Iterator[str]:
        yield ",".join(json.dumps(text) for text in self.made.names.strings)
        for number in range(self.blocks):
            told = (
                text.pattern.replace("{n}", str(number * _UNITS + text.unit))
                .replace("{a}", str(self._id(text.a, number)))
                .replace("{b}", str(self._id(text.b, number)))
                for text in self.made.block.texts
            )
            yield ",".join(f'"{text}"' for text in told)


def _joined(records: Any) -> str:
    return ",".join(map(str, records.ravel().tolist()))


def _section(out: BinaryIO, name: str, parts: Iterable[str]) -> None:
    out.write(f',\n"{name}":['.encode())
    for place, part in enumerate(parts):
        out.write((("," if place else "") + part).encode())
    out.write(b"]")


def generate(out: BinaryIO, megabytes: float, seed: int = 7, *, strings: bool = False) -> None:
    """Write a snapshot of about so many megabytes (10**6 bytes)."""
    block = 10.7 if strings else 2.2  # megabytes a block adds
    Writer(Snapshot(seed, strings=strings), max(1, round(megabytes / block))).write(out)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("megabytes", type=float)
    parser.add_argument("file", type=Path)
    parser.add_argument("--strings", action="store_true", help="most of it text")
    options = parser.parse_args()
    with options.file.open("wb") as out:
        generate(out, options.megabytes, strings=options.strings)


if __name__ == "__main__":
    main()
