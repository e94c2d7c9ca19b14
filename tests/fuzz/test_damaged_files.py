"""Thousands of damaged files: each ends in an answer or in a NodememError, never in anything else.

A case is known by its number: what was done to which file follows from it. The file of a case at
which a process died is still in the folder that the test names.
"""

from __future__ import annotations

import contextlib
import copy
import gzip
import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.heap import HeapSnapshot
from nodemem.heap.digest import digest
from nodemem.heap.partial import partial_summary
from nodemem.heap.queries import QUERIES
from nodemem.heap.redaction import redact
from nodemem.results import to_json
from nodemem.testing import SnapshotBuilder
from nodemem.testing.snapshot_builder import EDGE_TYPES, NODE_TYPES, serialize

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CASES, BLOCK = int(os.environ.get("NODEMEM_FUZZ_CASES", "20000")), 1000
METAS: dict[str, Any] = json.loads(Path(__file__).with_name("metas.json").read_text())

Document = dict[str, Any]

# --- sound files ------------------------------------------------------------------------------

PAIR = "1 / part of key (Key @13) -> value (Value @15) pair in WeakMap (table @11)"


def heap() -> SnapshotBuilder:
    """A little of everything that readings of a heap look at."""
    made = SnapshotBuilder()
    for kind, name, size, place in (
        ("synthetic", "", 0, None), ("synthetic", "(GC roots)", 0, None),
        ("object", "global", 40, None), ("closure", "reader", 64, (7, 2, 9)),
        ("object", "system / Context", 48, None), ("array", "", 80, None),
        ("object", "Key", 24, (7, 0, 5)), ("object", "Value", 5_000_000_000, (7, 1, 5)),
        ("code", "reader", 56, None), ("code", "file:///app/main.js", 96, None),
        ("string", "function reader() {}", 40, None), ("object", "Object", 32, None),
        ("object", "Object", 32, None), ("concatenated string", "(concatenated string)", 32, None),
        ("string", "first", 24, None), ("string", "second \U0001f600\n", 40, None),
        ("object", "Map", 32, None), ("array", "", 200, None), ("hidden", "system / Map", 80, None),
        ("native", "system / JSArrayBufferData", 4096, None), ("object", "ArrayBuffer", 88, None),
        ("regexp", "a+", 56, None), ("number", "heap number", 16, None),
        ("bigint", "bigint", 32, None),
        ("symbol", "symbol", 24, None), ("object", "EventEmitter", 40, None),
        ("object", "Promise", 32, None),
        ("sliced string", "(sliced string)", 32, None),
    ):  # fmt: skip
        made.node(kind, name, size=size, location=place)
    for source, kind, name, target in (
        (0, "element", 1, 1), (0, "shortcut", "global", 2), (1, "element", 1, 2),
        (2, "property", "leak", 3),
        (3, "internal", "context", 4), (3, "internal", "shared", 8), (8, "internal", "script", 9),
        (9, "internal", "source", 10), (4, "context", "big", 7), (4, "internal", "previous", 4),
        (2, "property", "weak", 5), (5, "internal", PAIR, 7), (6, "internal", PAIR, 7),
        (2, "property", "key", 6),
        (2, "property", "a", 11), (2, "property", "b", 12), (11, "property", "x", 14),
        (12, "property", "x", 15),
        (2, "property", "text", 13), (13, "internal", "first", 14), (13, "internal", "second", 15),
        (2, "property", "map", 16), (16, "internal", "table", 17), (17, "internal", "3", 14),
        (17, "internal", "4", 11), (11, "internal", "map", 18), (2, "property", "buffer", 20),
        (20, "internal", "backing_store", 19), (2, "element", 0, 21), (2, "hidden", 2, 22),
        (2, "weak", "w", 23),
        (2, "property", "<symbol>", 24), (2, "property", "bus", 25),
        (25, "property", "_events", 11),
        (2, "property", "soon", 26), (26, "internal", "reactions_or_result", 11),
        (2, "property", "cut", 27),
        (27, "internal", "parent", 15),
    ):  # fmt: skip
        made.edge(source, kind, name, target)
    return made


def with_meta(meta: Document) -> Document:
    """The heap as the release whose `meta` this is would write it."""
    document = heap().document(style="node22")
    old = document["snapshot"]["meta"]["node_fields"]
    fields, types = meta["node_fields"], meta["node_types"][0]
    records = [
        dict(zip(old, document["nodes"][at : at + len(old)], strict=True))
        for at in range(0, len(document["nodes"]), len(old))
    ]
    for record in records:
        record["type"] = types.index(NODE_TYPES[record["type"]])
    edges = document["edges"]
    edges[0::3] = [meta["edge_types"][0].index(EDGE_TYPES[kind]) for kind in edges[0::3]]
    edges[2::3] = [target // len(old) * len(fields) for target in edges[2::3]]
    places = document["locations"]
    places[0::4] = [node // len(old) * len(fields) for node in places[0::4]]
    return document | {
        "snapshot": document["snapshot"] | {"meta": copy.deepcopy(meta), "trace_function_count": 2},
        "nodes": [record[field] for record in records for field in fields],
        "trace_function_infos": [0, 0, 0, 0, 0, 0, 1, 14, 10, 7, 3, 4],
        "trace_tree": [1, 0, 0, 0, [2, 1, 3, 120, []]],
        "samples": [0, 11, 50_000, 27, 100_000, 55],
    }


SEEDS: list[Document] = [
    heap().document(style="node22"),
    heap().document(style="node24"),
    *map(with_meta, METAS.values()),
]

# --- damage -----------------------------------------------------------------------------------

NUMBERS: list[Any] = [
    0, 1, 2, 7, 255, 256, -1, -7, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**48 - 1, 2**48, 2**53,
    2**63,
    2**64 - (1 << 31), 2**64 - 1, 2**64, 10**40, 1.5, 1e300, True, None, "x", [], {}, [[1]], "",
]  # fmt: skip
NOISE = [
    b"", b"0", b"-", b".", b"e9", b",", b",,", b"[", b"]", b"{", b"}", b'"', b"\\", b"\\u",
    b"\\ud800",
    b"\\uDC00\\uD800", b"\\x", b"\0", b"\xff", b"\xef\xbb\xbf", b"\r\n", b" ", b"4294967296",
    b"null",
    b"18446744073709551616", b"]}", b'"nodes":[', b'"strings":["', b"[" * 3000, b'{"a":' * 500,
    b"9" * 400,
]  # fmt: skip
TEXTS = [
    "", "\0", "\ud800", "\udc00\ud800", "\U0001f600", "\x7f", '"', "\\", "\\u0041", "]",
    "<dummy>", PAIR,
    "a" * 1100, "\u2028\n\r",
    "1 / part of key (%s @%u) -> value (%s @%u) pair in WeakMap (table @%u)",
    "9" * 5000, "Detached Node", "system / Context / x", "(Document DOM trees)", "Function", "²",
]  # fmt: skip


def change_numbers(document: Document, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 4)):
        section = rng.choice(
            ["nodes", "edges", "edges", "nodes", "locations", "samples", "trace_tree"]
        )
        values = document.get(section)
        if isinstance(values, list) and values:
            at = rng.randrange(len(values))
            old = values[at]
            near = [old + 1, old - 1, old ^ 1 << rng.randrange(32)] if isinstance(old, int) else [1]
            values[at] = rng.choice(rng.choice([near, NUMBERS, values]))


def change_references(document: Document, rng: random.Random) -> None:
    """Other references between nodes, all of them possible: any graph must be answered."""
    edges, nodes = document.get("edges"), document.get("nodes")
    stride = len(SEEDS[0]["snapshot"]["meta"]["node_fields"])
    meta = document["snapshot"].get("meta") if isinstance(document.get("snapshot"), dict) else None
    if isinstance(meta, dict) and isinstance(meta.get("node_fields"), list):
        stride = len(meta["node_fields"]) or 1
    if isinstance(edges, list) and isinstance(nodes, list) and edges and nodes:
        for _ in range(rng.randint(1, 30)):
            edge = rng.randrange(max(len(edges) // 3, 1)) * 3
            edges[edge] = rng.randrange(7)
            edges[edge + 2 : edge + 3] = [rng.randrange(len(nodes) // stride or 1) * stride]


def change_counts(document: Document, rng: random.Random) -> None:
    header = document.get("snapshot")
    if isinstance(header, dict):
        key = rng.choice(
            ["node_count", "edge_count", "trace_function_count", "extra_native_bytes", "root_index"]
        )
        old = header.get(key, 0)
        near = [old + 1, old - 1] if isinstance(old, int) else [0]
        header[key] = rng.choice([*near, rng.choice(NUMBERS)])


def change_length(document: Document, rng: random.Random) -> None:
    section = rng.choice(list(document) or ["nodes"])
    values = document.get(section)
    if isinstance(values, list) and values:
        if rng.random() < 0.6:
            del values[rng.randrange(len(values)) :][: rng.choice([1, 2, 3, 7, 1000])]
            del values[len(values) - rng.choice([1, 2, 3, 7, 20]) :]
        else:
            values += values[: rng.choice([1, 3, 7, 20])]


def change_sections(document: Document, rng: random.Random) -> None:
    names = list(document)
    if not names:
        return
    choice = rng.randrange(4)
    if choice == 0:
        document.pop(rng.choice(names))
    elif choice == 1:
        rng.shuffle(names)
        for name in names:
            document[name] = document.pop(name)
    elif choice == 2:
        document["unknown"] = rng.choice([{"a": [1, {"b": "]}"}]}, [[], "\\"], 7, nested(rng)])
    else:
        one, two = rng.choice(names), rng.choice(names)
        document[one], document[two] = document[two], document[one]


def nested(rng: random.Random) -> Any:
    value: Any = 1
    for _ in range(rng.choice([5, 50, 120])):
        value = [value] if rng.random() < 0.7 else {"a": value}
    return value


def change_meta(document: Document, rng: random.Random) -> None:
    header = document.get("snapshot")
    meta = header.get("meta") if isinstance(header, dict) else None
    if not isinstance(meta, dict) or not meta:
        return
    key = rng.choice(list(meta))
    value, choice = meta[key], rng.randrange(7)
    if choice == 0:
        del meta[key]
    elif choice == 1:
        meta[key] = rng.choice([*NUMBERS, nested(rng)])
    elif isinstance(value, list) and value:
        at = rng.randrange(len(value))
        if choice == 2:
            del value[at]
        elif choice == 3:
            value.insert(at, rng.choice(["added", "type", "id", 7, None, ["a"], *NUMBERS]))
        elif choice == 4:
            rng.shuffle(value)
        elif choice == 5 and isinstance(value[at], list):
            value[at] = value[at][: rng.randrange(4)] + [
                f"t{i}" for i in range(rng.choice([0, 3, 130, 300]))
            ]
        else:
            value[at] = rng.choice(["x", "", 7, None, "detachedness", "trace_node_id"])


def change_strings(document: Document, rng: random.Random) -> None:
    strings = document.get("strings")
    if isinstance(strings, list) and strings:
        for _ in range(rng.randint(1, 3)):
            strings[rng.randrange(len(strings))] = rng.choice([*TEXTS, rng.choice(NUMBERS)])


STRUCTURAL = [
    change_numbers, change_numbers, change_references, change_references, change_counts,
    change_length,
    change_sections, change_meta, change_strings,
]  # fmt: skip


def truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data) + 1) :]


def flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 1, 2, 20])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at : at + rng.choice([0, 0, 1, 5, 100])] = rng.choice(NOISE)


def move(data: bytearray, rng: random.Random) -> None:
    """Parts of the text twice, gone, or elsewhere."""
    at, length = rng.randrange(len(data)), rng.choice([1, 10, 100, 1000])
    part = data[at : at + length]
    if rng.random() < 0.5:
        del data[at : at + length]
    place = rng.randrange(len(data) + 1)
    data[place:place] = part


BYTES: list[Callable[[bytearray, random.Random], None]] = [truncate, flip, insert, insert, move]


def pack(data: bytes, rng: random.Random) -> bytes:
    """Compressed, perhaps in several parts, and perhaps damaged then."""
    cut = rng.randrange(len(data) + 1)
    parts = [data[:cut], data[cut:]] if rng.random() < 0.5 else [data]
    press = rng.choice([lambda part: gzip.compress(part, 1), lambda part: zstd.compress(part, 1)])
    packed = bytearray(b"".join(map(press, parts)))
    if rng.random() < 0.6:
        rng.choice(BYTES)(packed, rng)
    return bytes(packed)


def damaged(number: int) -> bytes:
    """The file of a case."""
    rng = random.Random(number)
    document: Document = copy.deepcopy(rng.choice(SEEDS))
    kinds = rng.randrange(10)
    if kinds < 7:
        for _ in range(rng.choice([1, 1, 2, 3])):
            rng.choice(STRUCTURAL)(document, rng)
    try:
        data = bytearray(serialize(document, style=rng.choice(["node22", "node24"])))
    except (TypeError, ValueError, KeyError, IndexError):  # beyond what the helper can write
        data = bytearray(json.dumps(document).encode())
    if kinds >= 5:
        for _ in range(rng.choice([1, 1, 2, 4])):
            if data:
                rng.choice(BYTES)(data, rng)
    return pack(data, rng) if rng.random() < 0.15 else bytes(data)


# --- use --------------------------------------------------------------------------------------


Use = Callable[[Path, int], bool]


@pytest.fixture
def use(ask: Callable[..., Any], tmp_path: Path) -> Use:
    """Asks of a file for what everybody asks for, and something more; whether there was an answer
    to that."""
    sound = tmp_path / "other.heapsnapshot"
    sound.write_bytes(serialize(SEEDS[0]))

    def something(snapshot: HeapSnapshot, rng: random.Random) -> bool:
        which = rng.randrange(len(QUERIES) + 2)
        if which == len(QUERIES):
            return len(to_json(digest(snapshot))) > 0
        if which > len(QUERIES):
            copy = sound.with_name("copy.heapsnapshot")
            redact(
                snapshot.path_on_disk,
                copy,
                names=rng.choice(["code", "all", "none"]),
                numbers=rng.random() < 0.5,
                force=True,
            )
            with nodemem.open_snapshot(copy) as redacted:
                return redacted.retained_size(0) == snapshot.retained_size(0)
        query = QUERIES[which]
        if query.files == (1, 1):
            return ask(query, [snapshot], rng) is not None
        with nodemem.open_snapshot(sound) as other:
            several = [snapshot, other, *rng.choices([snapshot, other], k=rng.randrange(2))]
            rng.shuffle(several)
            return ask(query, several, rng) is not None

    def used(path: Path, number: int) -> bool:
        with nodemem.open_snapshot(path) as snapshot:
            assert len(snapshot.classes())
            snapshot.statistics(compat="devtools")
            node = number % snapshot.node_count
            assert all(edge.source == node for edge in snapshot.edges(node))
            assert all(edge.target == node for edge in snapshot.retainers(node))
            return something(snapshot, random.Random(-number))

    return used


@pytest.mark.parametrize("block", range(CASES // BLOCK))
def test_damaged_files_are_answered_or_refused(block: int, tmp_path: Path, use: Use) -> None:
    answered = told = 0
    for number in range(block * BLOCK, (block + 1) * BLOCK):
        data = damaged(number)
        path = tmp_path / "case.heapsnapshot"
        path.write_bytes(data)
        try:
            told += use(path, number)
            answered += 1
        except nodemem.InternalError:
            raise
        except nodemem.NodememError:
            with contextlib.suppress(nodemem.InputError):
                partial_summary(path)
        except Exception as error:
            error.add_note(f"case {number}: {path}")
            raise
    # Both happen, else the damage would be of no use.
    assert BLOCK // 20 < answered < BLOCK * 9 // 10, answered
    assert answered // 2 < told <= answered, told


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_undamaged_files_are_answered(seed: int, tmp_path: Path, use: Use) -> None:
    path = tmp_path / "sound.heapsnapshot"
    path.write_bytes(serialize(SEEDS[seed]))
    assert sum(use(path, number) for number in range(100)) > 70


PROFILE = json.dumps({
    "head": {
        "callFrame": {"functionName": "(root)", "scriptId": "0", "url": "", "lineNumber": -1},
        "selfSize": 0, "id": 1,
        "children": [{
            "callFrame": {"functionName": "f", "scriptId": "81", "url": "file:///app/main.js",
                          "lineNumber": 4, "columnNumber": 9},
            "selfSize": 524_600, "id": 2, "children": [],
        }],
    },
    "samples": [{"size": 524_600, "nodeId": 2, "ordinal": 1}],
}).encode()  # fmt: skip


def test_damaged_profiles_are_answered_or_refused(tmp_path: Path) -> None:
    path, answered, cases = tmp_path / "case.heapprofile", 0, max(CASES // 10, 1)
    for number in range(cases):
        rng, data = random.Random(number), bytearray(PROFILE)
        for _ in range(rng.choice([1, 1, 2, 4])):
            if data:
                rng.choice(BYTES)(data, rng)
        path.write_bytes(pack(data, rng) if rng.random() < 0.15 else data)
        try:
            profile = nodemem.open_profile(path)
            assert profile.functions().rows() is not None
            assert profile.tree().rows()
            assert profile.callers().rows() is not None
            answered += 1
        except nodemem.InputError:
            pass
        except Exception as error:
            error.add_note(f"case {number}: {path}")
            raise
    assert cases // 50 < answered < cases * 9 // 10, answered
