"""With compat="devtools" every number equals what Chrome DevTools computes (tests/heap/golden)."""

from __future__ import annotations

import array
import hashlib
import json
import lzma
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import nodemem

GOLDEN = Path(__file__).parent / "golden"


def digest(values: Iterable[int]) -> str:
    column = array.array("q", values)
    assert sys.byteorder == "little"
    return hashlib.sha256(column.tobytes()).hexdigest()


def node_columns(snapshot: nodemem.HeapSnapshot) -> dict[str, list[int]]:
    graph = snapshot.graph
    return {
        "retained": list(graph.wrapped_retained_sizes),
        "distances": list(graph.distances),
        "dominators": list(graph.tree.dominators),
        "shallow": list(graph.wrapped_sizes),
    }


def sums(snapshot: nodemem.HeapSnapshot) -> dict[str, Any]:
    # Places, which follow, are not DevTools'.
    rows = [list(row.values())[:5] for row in snapshot.classes(compat="devtools").rows()]
    return {"classes": sorted(rows), "statistics": snapshot.statistics(compat="devtools")}


def check(snapshot: nodemem.HeapSnapshot, expected: dict[str, Any]) -> None:
    found = {name: digest(column) for name, column in node_columns(snapshot).items()}
    assert found == expected["nodes"]
    assert sums(snapshot) == {key: expected[key] for key in ("classes", "statistics")}


def test_real_snapshot_of_node_26(tmp_path: Path) -> None:
    path = tmp_path / "node26.heapsnapshot"
    path.write_bytes(lzma.decompress((GOLDEN / "node26.heapsnapshot.xz").read_bytes()))
    with nodemem.open_snapshot(path) as snapshot:
        check(snapshot, json.loads((GOLDEN / "node26.json").read_text()))


def test_two_real_snapshots_of_one_process_and_their_comparison(tmp_path: Path) -> None:
    expected = json.loads((GOLDEN / "node20-pair.json").read_text())
    data = lzma.decompress((GOLDEN / "node20-pair.xz").read_bytes())
    paths = tmp_path / "first.heapsnapshot", tmp_path / "second.heapsnapshot"
    paths[0].write_bytes(data[: expected["first_size"]])
    paths[1].write_bytes(data[expected["first_size"] :])
    with nodemem.open_snapshot(paths[0]) as first, nodemem.open_snapshot(paths[1]) as second:
        check(first, expected["first"])
        check(second, expected["second"])
        rows = nodemem.compare(first, second, compat="devtools").rows()
        assert list(rows[0]) == ["class", "added", "removed", "added_size", "removed_size"]
        assert sorted(list(row.values()) for row in rows) == expected["comparison"]
        # The default loses no class, and agrees where DevTools does not err.
        exact = {tuple(row.values()) for row in nodemem.compare(first, second).rows()}
        assert len(exact - {tuple(row) for row in expected["comparison"]}) <= 4


@pytest.fixture(scope="module")
def random_graphs() -> list[dict[str, Any]]:
    graphs: list[dict[str, Any]] = json.loads(
        lzma.decompress((GOLDEN / "random.json.xz").read_bytes())
    )
    return graphs


def test_random_graphs(random_graphs: list[dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "random.heapsnapshot"
    assert len(random_graphs) == 300
    for number, graph in enumerate(random_graphs):
        path.write_text(graph["snapshot"])
        expected = graph["expected"]
        with nodemem.open_snapshot(path) as snapshot:
            assert node_columns(snapshot) == expected["nodes"], number
            assert sums(snapshot) == {key: expected[key] for key in ("classes", "statistics")}, (
                number
            )
