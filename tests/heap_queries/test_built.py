"""Files that no Node.js at hand writes as it is: of Chrome, with values of numbers, very wide."""

from __future__ import annotations

import pytest

from nodemem.heap import open_snapshot
from nodemem.testing import SnapshotBuilder


@pytest.fixture
def heap():
    heap = SnapshotBuilder()
    heap.node("synthetic", "")
    heap.node("object", "Window", size=40)
    heap.edge(0, "shortcut", "window", 1)
    return heap


def written(heap, folder):
    file = folder / "a.heapsnapshot"
    file.write_bytes(heap.to_bytes())
    return open_snapshot(file)


def test_detached_nodes_of_a_page(heap, tmp_path):
    trees = heap.node("synthetic", "(Document DOM trees)")
    heap.edge(0, "element", 1, trees)
    attached = heap.node("native", "<div>", size=100, detachedness=1)
    heap.edge(trees, "element", 1, attached)
    lost = heap.node("native", '<li class="row">', size=300, detachedness=2)
    child = heap.node("native", "<span>", size=50)
    ours = heap.node("native", "Node / BindingData", size=10, detachedness=2)
    heap.edge(1, "property", "cache", lost)
    heap.edge(lost, "element", 1, child)
    heap.edge(1, "property", "binding", ours)
    table = written(heap, tmp_path).query("detached")
    rows = {row["class"]: (row["count"], row["retained"], row["held_as"]) for row in table.rows()}
    assert rows["Detached <li>"] == (1, 350, "Window.cache")
    assert rows["Detached <span>"][:2] == (1, 50)
    assert len(rows) == 2
    assert table.warnings == ()


def test_values_of_numbers(heap, tmp_path):
    owner = heap.node("object", "Point", size=40)
    heap.edge(1, "property", "point", owner)
    for name, kind, text in (("x", "smi number", "7"), ("y", "heap number", "1.25")):
        number = heap.node("number", kind)
        heap.edge(owner, "property", name, number)
        heap.edge(number, "internal", "value", heap.node("string", text))
    snapshot = written(heap, tmp_path)
    rows = snapshot.query("object", id=snapshot.node_id(owner)).rows()
    assert {row["name"]: row["value"] for row in rows} == {"x": "7", "y": "1.25"}


def test_of_very_many_members_the_largest_are_shown(heap, tmp_path):
    array = heap.node("object", "Array", size=32)
    heap.edge(1, "property", "many", array)
    for index in range(12_000):
        item = heap.node("object", "Item", size=8 if index != 11_000 else 5_000)
        heap.edge(array, "element", index, item)
    snapshot = written(heap, tmp_path)
    rows = snapshot.query("containment", id=snapshot.node_id(array), depth=1, top=2).rows()
    assert (rows[1]["name"], rows[1]["retained"]) == ("11000", 5_000)
    table = snapshot.query("object", id=snapshot.node_id(array), top=3)
    assert [row["name"] for row in table.rows()] == ["0", "1", "2"]
    assert table.truncated.total == 12_000


def test_a_list_of_thousands_and_a_string_of_thousands(heap, tmp_path):
    before = 1
    for _ in range(5_000):
        link = heap.node("object", "Link", size=16)
        heap.edge(before, "property", "next", link)
        before = link
    whole = heap.node("string", "x", size=24)
    for _ in range(5_000):
        joined = heap.node("concatenated string", "(concatenated string)", size=32)
        heap.edge(joined, "internal", "first", whole)
        heap.edge(joined, "internal", "second", heap.node("string", "y", size=24))
        whole = joined
    heap.edge(1, "property", "log", whole)
    snapshot = written(heap, tmp_path)
    last = snapshot.node_id(before)
    assert snapshot.query("path", id=last, all=True).rows()[-1]["times"] == 5_000
    merged = snapshot.query("path", class_="Link")
    assert merged.rows()[-1]["times"] > 100
    assert snapshot.query("retainers", id=last, depth=6_000).rows()
    parents = snapshot.query("strings", by="parents").rows()
    assert (parents[0]["kind"], parents[0]["count"]) == ("joined", 5_001)
    told = snapshot.query("object", id=snapshot.node_id(whole)).summary
    assert told["text"].startswith("xyyy")
    assert told["whole"] is False
    assert snapshot.query("search", string="xyyyy", top=None).summary["matches"] == 1
