"""Snapshots that are not whole: what is left of them is told, and that it is not all."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import nodemem
from nodemem.cli import cli
from nodemem.heap.partial import partial_summary
from nodemem.testing import SnapshotBuilder


def snapshot(nodes: int = 30_000) -> bytes:
    heap = SnapshotBuilder()
    heap.node("synthetic", "")
    for number in range(1, nodes):
        heap.node("object" if number % 3 else "string", f"n{number}", size=number % 100)
        heap.edge(number - 1, "property", "next", number)
    heap.node("object", "large", size=5 << 30)
    return heap.to_bytes()


def test_what_is_left(tmp_path: Path) -> None:
    data, path = snapshot(), tmp_path / "cut.heapsnapshot"
    path.write_bytes(data)
    whole = partial_summary(path)
    assert whole.warnings == ()
    rows = {row["kind"]: (row["count"], row["shallow"]) for row in whole.rows()}
    expected = sum(n % 100 for n in range(1, 30_000) if n % 3)
    assert rows["object"] == (20_001, expected + (5 << 30))
    assert whole.summary["edges"] == whole.summary["announced_edges"] == 29_999
    # In the strings: nodes and references are all there.
    path.write_bytes(data[:-1000])
    assert partial_summary(path).rows() == whole.rows()
    assert "section 'strings'" in partial_summary(path).warnings[0]
    # In the references, in the nodes: as many as stand before.
    at = data.index(b'"edges":[')
    path.write_bytes(data[: at + 50_000])
    table = partial_summary(path)
    assert table.rows() == whole.rows()
    assert 0 < table.summary["edges"] == data[at + 9 : at + 50_000].count(b",") // 3
    begin = data.index(b'"nodes":[') + 9
    for size in (begin + 7, begin + 300, at - 5_000):
        path.write_bytes(data[:size])
        table = partial_summary(path)
        assert table.summary["nodes"] == data[begin:size].count(b",") // 6
        assert sum(table.values("count")) == table.summary["nodes"]
        assert f"section 'nodes', at byte {size:,}" in table.warnings[0]


def test_counts_that_do_not_add_up_and_damaged_compression(tmp_path: Path) -> None:
    data, path = snapshot(300), tmp_path / "odd.heapsnapshot"
    path.write_bytes(data.replace(b'"node_count":301', b'"node_count":310'))
    table = partial_summary(path)
    assert (table.summary["nodes"], table.summary["announced_nodes"]) == (301, 310)
    assert "there are only 301" in table.warnings[0]
    packed = tmp_path / "cut.heapsnapshot.gz"
    packed.write_bytes(gzip.compress(snapshot())[:-5_000])
    assert "gzip data ends early" in partial_summary(packed).warnings[0]
    path.write_bytes(b"<html>")
    with pytest.raises(nodemem.InputError, match="not a heap snapshot"):
        partial_summary(path)


def test_the_error_names_the_command_that_says_more(tmp_path: Path) -> None:
    path = tmp_path / "cut short.heapsnapshot"
    path.write_bytes(snapshot(300)[:-50])
    with pytest.raises(nodemem.InputError) as caught:
        nodemem.open_snapshot(path).classes()
    assert caught.value.next is not None
    assert caught.value.next.endswith(f"nodemem heap partial '{path}'")
    done = CliRunner().invoke(cli, ["heap", "partial", str(path), "--json"])
    answer = json.loads(done.stdout)
    assert answer["data"]["rows"] == partial_summary(path).rows()
    assert len(answer["warnings"]) == 1
    # A query does the same where it is asked to.
    refused = CliRunner().invoke(cli, ["heap", "summary", str(path), "--json"])
    assert isinstance(refused.exception, nodemem.InputError)
    done = CliRunner().invoke(cli, ["heap", "summary", str(path), "--json", "--partial"])
    assert json.loads(done.stdout)["data"] == answer["data"]
    path.write_bytes(snapshot(300))
    whole = [["heap", "summary", str(path), "--json", *more] for more in ([], ["--partial"])]
    first, second = (json.loads(CliRunner().invoke(cli, call).stdout) for call in whole)
    assert first == second
