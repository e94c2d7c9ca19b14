"""A heap snapshot of any size, the same bytes for the same arguments.

    python bench/heap/generate.py 20 /tmp/s20.heapsnapshot      # about 20 MB

Shaped after what Node.js servers leave: classes with hidden helpers (maps, element stores,
property arrays), closures with contexts, strings of mixed length, Maps, WeakMap entries, plain
objects in a few shapes, constructor locations; laid out as V8 13 writes it (Node 24).
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from nodemem.testing.snapshot_builder import EDGE_TYPES, NODE_TYPES, SnapshotBuilder, serialize

_TYPE = {name: code for code, name in enumerate(NODE_TYPES)}
_EDGE = {name: code for code, name in enumerate(EDGE_TYPES)}
_STRIDE = 6
_BYTES_A_UNIT = 830
"""What one unit of `_unit` adds to the file, measured."""

_CLASSES = [f"Service{i}" for i in range(60)] + ["Map", "Array", "Buffer", "Promise", "Timeout"]
_SHAPES = [("id", "name"), ("key", "value", "next"), ("x", "y", "z", "owner"), ("url", "headers")]
_WORDS = ["alpha", "beta", "gamma", "delta", "request", "response", "session", "cache", "entry"]


class _Writer:
    """Nodes and edges as text, in the order of the file."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.heap = SnapshotBuilder()
        self.nodes: list[list[int]] = []
        self.out: list[list[tuple[int, int, int]]] = []
        self.locations: list[int] = []
        self._id = 1

    def node(self, type_: str, name: str, size: int) -> int:
        self.nodes.append([_TYPE[type_], self.heap.string(name), self._id, size])
        self.out.append([])
        # Ids have gaps where objects died.
        self._id += 2 if self.random.random() < 0.8 else 2 * self.random.randrange(1, 40)
        return len(self.nodes) - 1

    def edge(self, source: int, type_: str, name: str | int, target: int) -> None:
        label = name if isinstance(name, int) else self.heap.string(name)
        self.out[source].append((_EDGE[type_], label, target))


def _unit(w: _Writer, number: int, hub: int, shared: dict[str, int], previous: list[int]) -> None:
    """One request's worth of objects below `hub`."""
    r = w.random
    cls = number % 60
    service = w.node("object", _CLASSES[cls], 56)
    w.locations += [service * _STRIDE, 40 + cls % 7, 10 * cls, 9]
    w.edge(hub, "element", len(w.out[hub]), service)
    w.edge(service, "property", "__proto__", shared["proto"])
    w.edge(service, "internal", "map", shared[f"map{cls}"])
    store = w.node("array", "(object properties)", 40)
    w.edge(service, "internal", "properties", store)
    text = w.node("string", f"{r.choice(_WORDS)}-{r.choice(_WORDS)}-{number}", 40)
    w.edge(store, "hidden", 1, text)
    w.edge(service, "property", "label", text)
    array = w.node("object", "Array", 16)
    elements = w.node("array", "(object elements)", 48)
    w.edge(array, "internal", "elements", elements)
    w.edge(array, "property", "__proto__", shared["proto"])
    w.edge(service, "property", "items", array)
    for index in range(3):
        shape = r.choice(_SHAPES)
        item = w.node("object", "Object", 24 + 8 * len(shape))
        w.edge(elements, "hidden", index + 2, item)
        w.edge(array, "element", index, item)
        w.edge(item, "internal", "map", shared["plain map"])
        w.edge(item, "property", "__proto__", shared["proto"])
        for name in shape:
            w.edge(item, "property", name, r.choice(previous) if r.random() < 0.6 else text)
    context = w.node("object", "system / Context", 32)
    w.edge(context, "context", "self", service)
    w.edge(context, "internal", "previous", shared["context"])
    w.edge(context, "internal", "scope_info", shared["scope"])
    closure = w.node("closure", r.choice(("", "handler", "onData", "next")), 64)
    w.locations += [closure * _STRIDE, 40 + cls % 7, 10 * cls + 3, 17]
    w.edge(closure, "internal", "context", context)
    w.edge(closure, "internal", "shared", shared["code"])
    w.edge(closure, "internal", "map", shared["closure map"])
    w.edge(service, "property", "handler", closure)
    number_node = w.node("number", "heap number", 16)
    w.edge(service, "hidden", 9, number_node)
    cell = w.node("hidden", "system / FeedbackCell", 24)
    w.edge(cell, "hidden", 1, closure)
    w.edge(closure, "internal", "feedback_cell", cell)
    w.edge(cell, "weak", "next", shared["code"])
    if number % 8 == 0:
        value = w.node("object", "Metadata", 40)
        w.edge(value, "internal", "map", shared["plain map"])
        entry = f" / part of key ({_CLASSES[cls]} @{w.nodes[service][2]}) -> value (Metadata "
        entry += f"@{w.nodes[value][2]}) pair in WeakMap (table @{w.nodes[shared['table']][2]})"
        w.edge(shared["table"], "internal", f"{number}{entry}", value)
        w.edge(service, "internal", f"{1000 + number}{entry}", value)
        w.edge(shared["table"], "weak", str(number), service)
    if number % 16 == 0:
        long = "".join(r.choice(_WORDS) + " = { }, " for _ in range(r.randrange(10, 100)))
        w.edge(service, "property", "source", w.node("string", long, len(long) + 16))
    previous[r.randrange(len(previous))] = service


def generate(megabytes: float, seed: int = 7) -> bytes:
    """A snapshot of about so many megabytes (10**6 bytes)."""
    w = _Writer(seed)
    root = w.node("synthetic", "", 0)
    w.node("synthetic", "(GC roots)", 0)
    w.edge(root, "element", 1, 1)
    world = w.node("object", "global", 48)
    w.edge(root, "shortcut", "2", world)
    w.edge(1, "element", 1, world)
    shared = {name: w.node("object", "Object", 56) for name in ("proto", "context")}
    shared |= {f"map{i}": w.node("object shape", "system / Map", 80) for i in range(60)}
    shared |= {
        name: w.node("object shape", "system / Map", 80) for name in ("plain map", "closure map")
    }
    shared["code"] = w.node("code", "handler", 64)
    shared["scope"] = w.node("code", "system / ScopeInfo", 40)
    weak = w.node("object", "WeakMap", 24)
    shared["table"] = w.node("array", "", 4096)
    w.edge(weak, "internal", "table", shared["table"])
    for name, node in [*shared.items(), ("weak", weak)]:
        w.edge(world if name != "table" else 1, "hidden", len(w.out[world]), node)
    previous = [world] * 512
    units = max(1, round(megabytes * 1e6 / _BYTES_A_UNIT))
    hub = world
    for number in range(units):
        if number % 5000 == 0:
            hub = w.node("array", "(object elements)", 40_000)
            owner = w.node("object", "Map", 32)
            w.edge(world, "property", f"cache{number // 5000}", owner)
            w.edge(owner, "internal", "table", hub)
        _unit(w, number, hub, shared, previous)
    document = w.heap.document(header={"node_count": len(w.nodes)})
    document["snapshot"]["edge_count"] = sum(map(len, w.out))
    document["nodes"] = [
        value for node, out in zip(w.nodes, w.out, strict=True) for value in (*node, len(out), 0)
    ]
    document["edges"] = [
        value
        for out in w.out
        for type_, name, target in out
        for value in (type_, name, target * _STRIDE)
    ]
    document["locations"] = w.locations
    return serialize(document)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: generate.py MEGABYTES FILE")
    Path(sys.argv[2]).write_bytes(generate(float(sys.argv[1])))
