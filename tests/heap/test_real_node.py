"""Snapshots as each Node.js release writes them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import nodemem

PROGRAM = """
class Session { constructor(n) { this.data = new Array(n).fill({}); } }
globalThis.cache = new Map();
for (let i = 0; i < 40; i++) cache.set('k' + i, new Session(100));
globalThis.chain = null;
class Link { constructor(next) { this.next = next; } }
for (let i = 0; i < 20000; i++) chain = new Link(chain);
const key = {}, weak = new WeakMap();
class Secret {}
weak.set(key, new Secret());
globalThis.hold = [key, weak, new ArrayBuffer(300000)];
require('v8').writeHeapSnapshot(process.argv[1]);
"""


def test_numbers_a_program_can_foretell(node: Path, tmp_path: Path) -> None:
    path = tmp_path / "real.heapsnapshot"
    subprocess.run([node, "-e", PROGRAM, path], check=True, capture_output=True, timeout=60)
    document = json.loads(path.read_text())
    fields = document["snapshot"]["meta"]["node_fields"]
    ids = document["nodes"][fields.index("id") :: len(fields)]
    sizes = document["nodes"][fields.index("self_size") :: len(fields)]
    with nodemem.open_snapshot(path) as snapshot:
        assert list(snapshot.columns.ids) == ids
        assert list(snapshot.columns.sizes) == sizes
        assert snapshot.retained_size(0) == sum(sizes)
        rows = {row["class"]: row for row in snapshot.classes().rows()}
        assert rows["Session"]["count"] == 40
        # 100 pointers each, in the array that only the session holds.
        assert rows["Session"]["retained"] >= 40 * 8 * 100
        assert rows["Link"]["count"] == 20_000
        assert rows["Link"]["retained"] < 1_500_000
        total = snapshot.statistics()
        assert total["total"] == sum(sizes) + snapshot.header.extra_native_bytes
        assert total["typed_arrays"] >= 300_000
        name = snapshot.find_string("Secret")
        (secret,) = (
            o
            for o in range(snapshot.node_count)
            if snapshot.name_index(o) == name
            and snapshot.node_type(o) == "object"
            and not any(e.name == "constructor" for e in snapshot.edges(o))
        )
        # The key keeps the value of a WeakMap entry, not the map.
        holder = snapshot.dominator(secret)
        assert snapshot.name(holder) == "Object"
        assert any("WeakMap" in str(edge.name) for edge in snapshot.edges(holder))
        assert snapshot.node_id(snapshot.ordinal(snapshot.node_id(secret))) == ids[secret]
