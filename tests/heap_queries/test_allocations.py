"""Snapshots that were taken while allocations were tracked."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nodemem
from nodemem.testing import SnapshotBuilder
from nodemem.testing.snapshot_builder import serialize

PROGRAM = """
const { Session } = require('node:inspector'), fs = require('node:fs');
const session = new Session(), out = fs.openSync(process.argv[2], 'w');
session.connect();
session.on('HeapProfiler.addHeapSnapshotChunk', (m) => fs.writeSync(out, m.params.chunk));
class Order { constructor(i) { this.list = new Array(20).fill(i); } }
function keep(n) { const all = []; for (let i = 0; i < n; i++) all.push(new Order(i)); return all; }
function waste(n) { for (let i = 0; i < n; i++) new Order(i); }
session.post('HeapProfiler.startTrackingHeapObjects', { trackAllocations: true }, () => {
  globalThis.first = keep(300); waste(100);
  setTimeout(() => {
    globalThis.second = keep(100);
    setTimeout(() => session.post('HeapProfiler.stopTrackingHeapObjects', {}, () => process.exit()), 120);
  }, 150);
});
"""  # noqa: E501


def test_a_real_program(node: Path, tmp_path: Path) -> None:
    script, file = tmp_path / "tracked.js", tmp_path / "a.heaptimeline"
    script.write_text(PROGRAM)
    subprocess.run([node, "--jitless", script, file], check=True, timeout=60)
    heap = nodemem.open_snapshot(file)
    rows = heap.query("allocations").rows()
    order = next(row for row in rows if row["function"] == "Order")
    assert order["source"] == f"{script}:6:26"
    # An object and its array each, and of 500 that were made 400 are alive. (Without --jitless
    # V8 counts some for the caller, into which it has inlined the constructor.)
    assert order["allocated_count"] >= 500
    assert 780 <= order["live_count"] <= 900
    assert 0.65 < order["live_bytes"] / order["allocated_bytes"] < 0.95
    tree = heap.query("allocations", by="tree", share=0, top=10_000).rows()
    kept = [row for row in tree if row["function"] == "keep"]
    assert sorted(row["live_count"] > 600 for row in kept) == [False, True]
    assert all(row["live_count"] < 50 for row in tree if row["function"] == "waste")
    times = heap.query("timeline").rows()
    assert [row["until_ms"] for row in times] == sorted(row["until_ms"] for row in times)
    late = [row for row in times[1:] if row["live_count"] >= 200]
    assert late, times
    joined = heap.query("timeline", buckets=2).rows()
    assert len(joined) <= 2
    for key in ("live_count", "live_bytes"):
        assert sum(row[key] for row in joined) == sum(row[key] for row in times)


def tracked(nodes: list[tuple[int, int]], tree: Any, samples: list[int]) -> dict[str, Any]:
    """A snapshot whose nodes have these sizes and calls."""
    heap = SnapshotBuilder()
    heap.node("synthetic", "")
    for number, (size, _) in enumerate(nodes, 1):
        heap.node("object", "Thing", size=size)
        heap.edge(0, "element", number, number)
    names = [heap.string(name) for name in ("(root)", "f", "g", "h", "a.js")]
    document = heap.document(style="node22")
    fields = document["snapshot"]["meta"]["node_fields"]
    at = fields.index("trace_node_id")
    for number, (_, call) in enumerate(nodes, 1):
        document["nodes"][number * len(fields) + at] = call
    document["trace_function_infos"] = [
        value
        for number, name in enumerate(names[:4])
        for value in (number, name, names[4], 9, number, number)
    ]
    return document | {"trace_tree": tree, "samples": samples}


TREE = st.recursive(
    st.tuples(st.integers(0, 3), st.integers(0, 5), st.just([])),
    lambda inner: st.tuples(st.integers(0, 3), st.integers(0, 5), st.lists(inner, max_size=3)),
    max_leaves=12,
)


@settings(max_examples=60)
@given(
    tree=TREE,
    nodes=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 14)), max_size=20),
    last=st.lists(st.integers(0, 50), max_size=5),
)
def test_any_file_is_summed_as_defined(
    tmp_path_factory: pytest.TempPathFactory, tree: Any, nodes: Any, last: list[int]
) -> None:
    calls: list[tuple[int, int, int]] = []  # function, count, parent; ids count from 1

    def record(one: Any, parent: int) -> list[Any]:
        function, count, inner = one
        calls.append((function, count, parent))
        number = len(calls)
        below = [value for callee in inner for value in record(callee, number)]
        return [number, function, count, 8 * count, below]

    last.sort()
    samples = [value for at, number in enumerate(last) for value in (1000 * at, number)]
    document = tracked(nodes, record(tree, 0), samples)
    path = tmp_path_factory.getbasetemp() / "tracked.heaptimeline"
    path.write_bytes(serialize(document))
    heap = nodemem.open_snapshot(path)
    expected: dict[str, list[int]] = {}
    for number, (function, count, _) in enumerate(calls, 1):
        if count:
            alive = [size for size, call in nodes if call == number]
            sums = expected.setdefault(["(root)", "f", "g", "h"][function], [0, 0, 0, 0])
            for at, value in enumerate((count, 8 * count, len(alive), sum(alive))):
                sums[at] += value
    keys = ("allocated_count", "allocated_bytes", "live_count", "live_bytes")
    table = heap.query("allocations", top=100)
    assert {row["function"]: [row[key] for key in keys] for row in table.rows()} == expected
    top = heap.query("allocations", by="tree", share=0, top=100).rows()
    assert len(top) == len(calls)
    assert top[0]["live_bytes"] == sum(size for size, call in nodes if 0 < call <= len(calls))
    buckets = [0] * len(last)
    for number, (size, _) in enumerate([(0, 0), *nodes]):
        place = next((at for at, end in enumerate(last) if end >= 2 * number + 1), None)
        if place is not None:
            buckets[place] += size
    assert [row["live_bytes"] for row in heap.query("timeline").rows()] == buckets


def test_a_snapshot_without_tracking_says_so(tmp_path: Path) -> None:
    path = tmp_path / "plain.heapsnapshot"
    path.write_bytes(serialize(tracked([(8, 0)], [], [])))
    heap = nodemem.open_snapshot(path)
    for query in ("allocations", "timeline"):
        table = heap.query(query)
        assert not len(table)
        assert "startTrackingHeapObjects" in table.warnings[0]


def test_deep_stacks_and_bad_trees(tmp_path: Path) -> None:
    path, depth = tmp_path / "a.heaptimeline", 50_000
    document = tracked([(8, depth)], [], [])
    text = serialize(document).decode()
    deep = "[" + ",[".join(f"{n},1,1,8" for n in range(1, depth + 1)) + ",[]" + "]" * depth
    path.write_text(text.replace('"trace_tree":[]', f'"trace_tree":{deep}'))
    (row,) = nodemem.open_snapshot(path).query("allocations").rows()
    assert (row["function"], row["live_count"], row["allocated_count"]) == ("f", 1, depth)
    for tree in ("[1]", "[1,1,1,1,2,[]]", "[1,99,1,1,[]]", "7", '[1,1,1,1,["x"]]'):
        path.write_text(text.replace('"trace_tree":[]', f'"trace_tree":{tree}'))
        with pytest.raises(nodemem.InputError, match="trace_tree"):
            nodemem.open_snapshot(path).query("allocations")
    broken = json.loads(text)
    for section in ("samples", "trace_function_infos"):
        for values in ([1], [1, "x"], [-1, 2], {"a": 1}):
            path.write_bytes(serialize(broken | {section: values}))
            with pytest.raises(nodemem.InputError, match=section):
                nodemem.open_snapshot(path).query("timeline")
