"""One snapshot, however it is laid out and packed, gives one answer."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem import UsageError
from nodemem.testing import SnapshotBuilder, build_snapshot
from nodemem.testing.snapshot_builder import serialize

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def heap() -> SnapshotBuilder:
    made = SnapshotBuilder()
    made.node("synthetic", "")
    made.node("object", "Caché 'x', \"y\"", size=100, location=(7, 3, 11))
    made.node("array", "(object elements)", size=50)
    made.node("string", 'a\nb\\ "c" \u2028 \U0001f600 end', size=20)
    made.node("native", "Node / Thing", size=5, detachedness=2)
    made.edge(0, "shortcut", "global", 1)
    made.edge(1, "internal", "elements", 2)
    made.edge(2, "hidden", 17, 3)
    made.edge(1, "property", "größe", 3)
    made.edge(1, "element", 5, 4)
    return made


DOCUMENT = heap().document()


def packed() -> dict[str, bytes]:
    plain = serialize(DOCUMENT)
    pretty = json.dumps(DOCUMENT, indent=2, ensure_ascii=False)
    extra = {"unknown": {"a": [1, {"]": '[\\"'}]}, **DOCUMENT, "scopes": [[-1.5e3, None]]}
    last_first = dict(reversed(DOCUMENT.items()))
    return {
        "Node 24": plain,
        "Node 22": heap().to_bytes(style="node22"),
        "gzip": gzip.compress(plain),
        "gzip, two members and padding": gzip.compress(plain[:99])
        + gzip.compress(plain[99:])
        + bytes(512),
        "zstd": zstd.compress(plain),
        "zstd, two frames": zstd.compress(plain[:500]) + zstd.compress(plain[500:]),
        "pretty, UTF-8": pretty.encode(),
        "byte order mark": b"\xef\xbb\xbf" + plain,
        "CRLF": pretty.replace("\n", "\r\n").encode(),
        "sections in any order": serialize(last_first),
        "unknown sections": json.dumps(extra).encode(),
    }


@pytest.mark.parametrize("layout", packed())
def test_layouts(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(packed()[layout])
    with nodemem.open_snapshot(path) as snapshot:
        assert (snapshot.node_count, snapshot.edge_count) == (5, 5)
        assert snapshot.name(1) == "Caché 'x', \"y\""
        assert snapshot.name(3) == 'a\nb\\ "c" \u2028 \U0001f600 end'
        assert snapshot.location(1) == (7, 3, 11)
        assert snapshot.location(2) is None
        assert [tuple(edge) for edge in snapshot.edges(1)] == [
            ("internal", "elements", 1, 2),
            ("property", "größe", 1, 3),
            ("element", 5, 1, 4),
        ]
        assert snapshot.find_string("größe") is not None
        assert snapshot.string(snapshot.find_string("größe") or 0) == "größe"
        assert snapshot.find_string("nowhere") is None
        # The array's bytes belong to the object, the string stays its own.
        assert [snapshot.shallow_size(o) for o in range(5)] == [0, 150, 0, 20, 5]
        assert [snapshot.retained_size(o) for o in range(5)] == [175, 175, 0, 20, 5]
        assert [snapshot.distance(o) for o in range(5)] == [None, 1, 2, 2, 2]
        assert snapshot.dominator(3) == 1
        assert list(snapshot.dominated(1)) in ([2, 3, 4], [2, 4, 3], [3, 2, 4], [3, 4, 2])
        assert snapshot.ordinal(snapshot.node_id(3)) == 3
        assert snapshot.detachedness(4) == 2
        assert snapshot.name(4) == "Detached Node / Thing"


def test_other_type_numbers_and_field_orders(tmp_path: Path) -> None:
    document: dict[str, Any] = heap().document()
    meta = document["snapshot"]["meta"]
    order = ["self_size", "edge_count", "name", "type", "detachedness", "future", "id"]
    kinds = ["object", "synthetic", "array", "native", "string", "new kind", "hidden"]
    old_fields, old_kinds = meta["node_fields"], meta["node_types"][0]
    stride = len(old_fields)
    nodes = []
    for at in range(0, len(document["nodes"]), stride):
        record = dict(zip(old_fields, document["nodes"][at : at + stride], strict=True))
        record |= {"type": kinds.index(old_kinds[record["type"]]), "future": 2**60}
        nodes += [record[field] for field in order]
    for edge in range(2, len(document["edges"]), 3):
        document["edges"][edge] = document["edges"][edge] // stride * len(order)
    for place in range(0, len(document["locations"]), 4):
        document["locations"][place] = document["locations"][place] // stride * len(order)
    document["nodes"] = nodes
    meta["node_fields"] = order
    meta["node_types"] = ["number", "number", "string", kinds, "number", "number", "number"]
    path = tmp_path / "future.heapsnapshot"
    path.write_bytes(serialize(document))
    with nodemem.open_snapshot(path) as snapshot:
        assert [snapshot.node_type(o) for o in range(5)] == [
            "synthetic", "object", "array", "string", "native",
        ]  # fmt: skip
        assert snapshot.retained_size(1) == 175
        assert snapshot.location(1) == (7, 3, 11)


def test_sizes_beyond_four_gigabytes(tmp_path: Path) -> None:
    big = 5 * 2**30
    path = tmp_path / "big.heapsnapshot"
    path.write_bytes(
        build_snapshot(
            [
                ("synthetic", "", 0),
                ("object", "Holder", 2**32 - 16),
                ("array", "", 48),
                ("native", "system / JSArrayBufferData", big),
                # An embedder size that went through a C int.
                ("native", "Node / Arena", 2**64 - 2**31 + 7),
            ],
            [
                (0, "shortcut", "global", 1),
                (1, "internal", "elements", 2),
                (1, "internal", "backing_store", 3),
                (1, "internal", "arena", 4),
            ],
        )
    )
    with nodemem.open_snapshot(path) as snapshot:
        assert snapshot.self_size(3) == big
        assert snapshot.shallow_size(1) == 2**32 + 32
        assert snapshot.self_size(4) == 2**31 + 7
        assert snapshot.retained_size(0) == 2**32 + 32 + big + 2**31 + 7
        exact = {row["class"]: row["shallow"] for row in snapshot.classes().rows()}
        wrapped = {row["class"]: row for row in snapshot.classes(compat="devtools").rows()}
        assert exact["Holder"] == 2**32 + 32
        assert wrapped["Holder"]["shallow"] == 32
        assert wrapped["system / JSArrayBufferData"]["shallow"] == 2**30
        assert snapshot.statistics()["typed_arrays"] == big
        assert snapshot.statistics(compat="devtools")["typed_arrays"] == 2**30


def test_sums_beyond_four_gigabytes_of_smaller_sizes(tmp_path: Path) -> None:
    path = tmp_path / "many.heapsnapshot"
    path.write_bytes(
        build_snapshot(
            [("synthetic", "", 0), ("object", "A", 3 << 30), ("object", "B", 2**32 - 1)],
            [(0, "shortcut", "global", 1), (1, "property", "b", 2)],
        )
    )
    with nodemem.open_snapshot(path) as snapshot:
        assert [snapshot.shallow_size(o) for o in (1, 2)] == [3 << 30, 2**32 - 1]
        assert snapshot.retained_sizes.tolist() == [(7 << 30) - 1, (7 << 30) - 1, 2**32 - 1]
        retained = {row["class"]: row["retained"] for row in snapshot.classes().rows()}
        assert retained == {"A": (7 << 30) - 1, "B": 2**32 - 1}


def test_default_keeps_what_devtools_loses(tmp_path: Path) -> None:
    path = tmp_path / "collision.heapsnapshot"
    path.write_bytes(
        build_snapshot(
            [
                ("synthetic", "", 0),
                ("closure", "f", 64),
                ("closure", "g", 64),
                ("object", "Function", 32),
                ("object", "Lost", 8),
            ],
            [
                (0, "shortcut", "a", 1),
                (1, "property", "b", 2),
                (2, "property", "c", 3),
                (4, "property", "self", 4),
            ],
        )
    )
    with nodemem.open_snapshot(path) as snapshot:
        rows = [(r["class"], r["count"], r["distance"]) for r in snapshot.classes().rows()]
        compat = [
            (r["class"], r["count"], r["distance"])
            for r in snapshot.classes(compat="devtools").rows()
        ]
    assert rows == [("Function", 2, 1), ("Function", 1, 3), ("Lost", 1, None)]
    assert compat == [("Function", 1, 3), ("Lost", 1, -5)]


def test_opening_reads_the_header_only(tmp_path: Path) -> None:
    path = tmp_path / "unfinished.heapsnapshot"
    path.write_bytes(serialize(DOCUMENT)[:-300])
    snapshot = nodemem.open_snapshot(path)
    assert snapshot.node_count == 5
    with pytest.raises(nodemem.InputError, match="cut short"):
        snapshot.node_type(0)


def test_asking_for_what_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "x.heapsnapshot"
    path.write_bytes(serialize(DOCUMENT))
    with nodemem.open_snapshot(path) as snapshot:
        for ask in (
            lambda: snapshot.name(5),
            lambda: snapshot.name(-1),
            lambda: snapshot.string(10**6),
            lambda: snapshot.ordinal(2),
            lambda: snapshot.classes(compat="firefox"),
        ):
            with pytest.raises(UsageError):
                ask()


def test_arrays_are_numpy_and_nothing_else_imports_it(tmp_path: Path) -> None:
    path = tmp_path / "x.heapsnapshot"
    path.write_bytes(serialize(DOCUMENT))
    program = (
        "import sys, nodemem; s = nodemem.open_snapshot(sys.argv[1]); s.classes(); s.statistics();"
        "nodemem.compare(s, s); assert 'numpy' not in sys.modules;"
        "print([a.tolist() for a in (s.node_ids, s.self_sizes, s.shallow_sizes,"
        "s.retained_sizes, s.distances, s.dominators)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [
        [1, 3, 5, 7, 9],
        [0, 100, 50, 20, 5],
        [0, 150, 0, 20, 5],
        [175, 175, 0, 20, 5],
        [100_000_000, 1, 2, 2, 2],
        [0, 0, 1, 1, 1],
    ]
