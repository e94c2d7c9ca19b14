"""Heaps that are all of one thing: a list of millions, one object with millions of references, one
endless string, millions of strings, nothing at all. The small sizes run always, the large ones in
`make test-all`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

import nodemem
from nodemem.testing.snapshot_builder import EDGE_TYPES, NODE_TYPES, SnapshotBuilder

OBJECT, STRING = NODE_TYPES.index("object"), NODE_TYPES.index("string")
ELEMENT, PROPERTY = EDGE_TYPES.index("element"), EDGE_TYPES.index("property")
STRIDE = 6


def write(
    path: Path,
    nodes: int,
    node: Iterable[str],
    edges: int,
    edge: Iterable[str],
    strings: Iterable[str] = (),
) -> None:
    """A snapshot of a root, a global object that it refers to, and `nodes` more with `edges`."""
    made = SnapshotBuilder()
    for name in ("", "global", "Item", "next"):
        made.string(name)
    made.node("synthetic", "")
    header = made.document(header={"node_count": nodes + 2, "edge_count": edges + 1})["snapshot"]
    with path.open("w") as file:
        file.write(
            '{"snapshot":' + str(header).replace("'", '"').replace("(", "[").replace(")", "]")
        )
        file.write(f',"nodes":[9,1,1,0,1,0,{OBJECT},2,3,16,')
        file.writelines(node)
        file.write(f'],"edges":[5,2,{STRIDE}')
        file.writelines(edge)
        file.write('],"locations":[],"strings":["<dummy>","","global","Item","next"')
        file.writelines(strings)
        file.write("]}")


def sizes(small: int, large: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("n", [small, pytest.param(large, marks=pytest.mark.all_nodes)])


@sizes(60_000, 5_000_000)
def test_a_list_without_end(n: int, tmp_path: Path) -> None:
    path = tmp_path / "list.heapsnapshot"
    nodes = (f",{OBJECT},3,{2 * i + 5},8,{int(i < n - 1)},0" for i in range(n))
    edges = (f",{PROPERTY},4,{(i + 2) * STRIDE}" for i in range(n))
    write(path, n, ("1,0", *nodes), n, edges)
    with nodemem.open_snapshot(path) as snapshot:
        assert snapshot.distance(n + 1) == n + 1
        assert snapshot.dominator(n + 1) == n
        assert list(snapshot.dominated(n // 2)) == [n // 2 + 1]
        assert snapshot.retained_size(1) == 16 + 8 * n
        assert snapshot.retained_size(n + 1) == 8
        assert [edge.source for edge in snapshot.retainers(n + 1)] == [n]
        items = next(row for row in snapshot.classes().rows() if row["class"] == "Item")
        assert (items["count"], items["retained"]) == (n, 8 * n)


def test_the_path_to_the_end_of_a_list(tmp_path: Path) -> None:
    path, n = tmp_path / "list.heapsnapshot", 30_000
    nodes = (f",{OBJECT},3,{2 * i + 5},8,{int(i < n - 1)},0" for i in range(n))
    edges = (f",{PROPERTY},4,{(i + 2) * STRIDE}" for i in range(n))
    write(path, n, ("1,0", *nodes), n, edges)
    with nodemem.open_snapshot(path) as snapshot:
        rows = snapshot.path(2 * n + 3).rows()
        assert rows[-1]["id"] == 2 * n + 3
        assert len(rows) <= 201


@sizes(60_000, 5_000_000)
def test_an_object_with_references_without_number(n: int, tmp_path: Path) -> None:
    path = tmp_path / "hub.heapsnapshot"
    nodes = (f",{OBJECT},3,{2 * i + 5},8,0,0" for i in range(n))
    edges = (f",{ELEMENT},{i},{(i + 2) * STRIDE}" for i in range(n))
    write(path, n, (f"{n},0", *nodes), n, edges)
    with nodemem.open_snapshot(path) as snapshot:
        assert snapshot.distance(n + 1) == 2
        assert sum(1 for _ in snapshot.dominated(1)) == n
        assert snapshot.retained_size(1) == 16 + 8 * n
        assert [tuple(edge) for edge in snapshot.retainers(n + 1)] == [("element", n - 1, 1, n + 1)]
        assert snapshot.ordinal(2 * n + 3) == n + 1


@sizes(1_000_000, 300_000_000)
def test_one_string_without_end(n: int, tmp_path: Path) -> None:
    path = tmp_path / "string.heapsnapshot"
    text = "0123456789abcdef" * (n // 16)
    nodes = ("1,0", f",{STRING},5,5,{n},0,0")
    write(path, 1, nodes, 1, (f",{PROPERTY},4,{2 * STRIDE}",), (f',"{text}"',))
    with nodemem.open_snapshot(path) as snapshot:
        assert snapshot.name(2) == text
        assert snapshot.retained_size(1) == 16 + n
        assert snapshot.string_count == 6


@sizes(60_000, 10_000_000)
def test_strings_without_number(n: int, tmp_path: Path) -> None:
    path = tmp_path / "strings.heapsnapshot"
    nodes = (f",{STRING},{i + 5},{2 * i + 5},24,0,0" for i in range(n))
    edges = (f",{ELEMENT},{i},{(i + 2) * STRIDE}" for i in range(n))
    write(path, n, (f"{n},0", *nodes), n, edges, (f',"text {i}"' for i in range(n)))
    with nodemem.open_snapshot(path) as snapshot:
        assert snapshot.string_count == n + 5
        assert snapshot.name(n + 1) == f"text {n - 1}"
        assert snapshot.find_string(f"text {n // 2}") == n // 2 + 5
        strings = next(row for row in snapshot.classes().rows() if row["class"] == "(string)")
        assert (strings["count"], strings["shallow"]) == (n, 24 * n)


def test_an_empty_heap(tmp_path: Path) -> None:
    path = tmp_path / "empty.heapsnapshot"
    heap = SnapshotBuilder()
    heap.node("synthetic", "")
    path.write_bytes(heap.to_bytes())
    with nodemem.open_snapshot(path) as snapshot:
        assert (snapshot.node_count, snapshot.edge_count) == (1, 0)
        assert snapshot.classes().rows() == []
        assert set(snapshot.statistics().values()) == {0}
        assert snapshot.distance(0) == 0
        assert snapshot.dominator(0) == 0
        assert list(snapshot.dominated(0)) == []
        assert list(snapshot.retainers(0)) == []
