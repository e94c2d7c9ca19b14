"""Whatever a file holds: an answer, or one InputError that names the place. Never a crash."""

from __future__ import annotations

import gzip
import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nodemem
from nodemem import InputError
from nodemem.heap import HeapSnapshot
from nodemem.testing import SnapshotBuilder
from nodemem.testing.snapshot_builder import serialize


def small_heap() -> SnapshotBuilder:
    heap = SnapshotBuilder()
    heap.node("synthetic", "")
    for number in range(1, 8):
        heap.node("object", f"Class{number}", size=16 * number, location=(1, number, 2))
        heap.edge(number // 2, "property", f"p{number}", number)
    heap.edge(0, "shortcut", "global", 1)
    return heap


SOUND = small_heap().to_bytes()
INSERTS = [bytes([byte]) for byte in b'09-.,[]"{}\\\0\xff '] + [
    *(b"", b"4294967296", b"18446744073709551615", b"99999999999999999999"),
]


def use(path: Path) -> HeapSnapshot:
    """Open, and work out everything."""
    snapshot = nodemem.open_snapshot(path)
    assert snapshot.classes().rows() is not None
    snapshot.classes(compat="devtools")
    snapshot.statistics()
    for node in range(snapshot.node_count):
        assert all(edge.source == node for edge in snapshot.edges(node))
        assert all(edge.target == node for edge in snapshot.retainers(node))
    return snapshot


def refusal(path: Path, data: bytes) -> InputError:
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        use(path)
    assert caught.value.exit_code == 4
    assert str(path) in caught.value.what
    return caught.value


def test_every_truncation_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.heapsnapshot"
    for size in range(1, len(SOUND)):
        error = refusal(path, SOUND[:size])
        assert "cut short" in error.what, size
        assert error.next
    assert "empty" in refusal(path, b"").what
    error = refusal(path, SOUND[: SOUND.index(b",", SOUND.index(b'"edges":['))])
    assert re.search(r"in section 'edges', at byte \d+, after 0 of \d+ records$", error.why or "")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b'"node_count":8', b'"node_count":7', "there are more (section 'nodes', byte"),
        (b'"node_count":8', b'"node_count":9', "there are only 8 (section 'nodes', byte"),
        (b'"edge_count":8', b'"edge_count":7', "more edges than the header announces"),
        (b'"edge_count":8', b'"edge_count":9', "have 8 edges, the header announces 9"),
        (b'"node_count":8', b'"node_count":400000000', "cannot fit"),
        (b'"node_count":8', b'"node_count":99999999999', "no snapshot can have"),
        (b'"node_count":8', b'"node_count":-8', "no snapshot can have"),
        (b'"node_count":8', b'"node_count":"8"', "no snapshot can have"),
        (b'"name_or_index"', b'"label"', "have no field name_or_index"),
        (b'"hidden","array"', b'7,"array"', "does not list the types"),
        (b"[9,1,1,", b"[9,1,-1,", "record 0 contains '-'"),
        (b"[9,1,1,", b"[9,1,1.5,", "record 0 contains '.'"),
        (b"[9,1,1,", b"[9,1,1e3,", "record 0 contains 'e'"),
        (b"[9,1,1,", b"[99,1,1,", "record 0 is bad: its type"),
        (b"[9,1,1,", b"[9,999,1,", "node 0 has the name 999"),
        (b"[9,1,1,", b"[9,1,3,", "node 1 has the id 3, which another node has"),
        (b"[9,1,1,", b"[9,1,99999999999,", "a number above 4294967295"),
        (b"[9,1,1,", b"[9,1,99999999999999999999,", "too large"),
        (b"[9,1,1,0", b"[9,1,1,281474976710656", "impossible size"),
        (b"[9,1,1,", b"[9 1,1,", "record 0 contains '1'"),
        (b"[9,1,1,", b"[[9],1,1,", "record 0 contains '['"),
        (b'"strings":["<dummy>",', b'"strings":["<dummy>"', "between strings, after string 1"),
        (b'"strings":[', b'"strings":{', "found '{' where '[' should be"),
        (b'"nodes":[', b'"edges":[', "the header announces"),
        (b'"strings":', b'"sstrings":', "no section 'strings'"),
    ],
)
def test_wrong_content_is_named(tmp_path: Path, old: bytes, new: bytes, says: str) -> None:
    assert old in SOUND
    error = refusal(tmp_path / "wrong.heapsnapshot", SOUND.replace(old, new, 1))
    assert says in str(error)


@pytest.mark.parametrize("target", [6 * 8, 6 * 3 + 1, 2**32 - 1])
def test_an_edge_to_no_node_is_named_with_its_byte(tmp_path: Path, target: int) -> None:
    document = small_heap().document()
    document["edges"][3 * 5 + 2] = target
    data = serialize(document)
    error = refusal(tmp_path / "edge.heapsnapshot", data)
    assert "record 5 is bad: it refers to no node" in str(error)
    byte = int(str(error).rpartition("byte ")[2].rstrip(")").replace(",", ""))
    record = ",".join(map(str, document["edges"][15:18])).encode()
    assert data[byte : byte + len(record)] == record


def test_other_things_than_snapshots(tmp_path: Path) -> None:
    assert "is not a heap snapshot" in refusal(tmp_path / "a", b"<!DOCTYPE html><html>").what
    assert "no section 'snapshot'" in str(refusal(tmp_path / "b", b'{"heads":{"callFrame":{}}}'))
    assert "is not a heap snapshot" in refusal(tmp_path / "c", b"\x7fELF" + bytes(100)).what
    assert "follows the end" in str(refusal(tmp_path / "d", SOUND + b"{}"))
    with pytest.raises(InputError, match="is a directory"):
        nodemem.open_snapshot(tmp_path)
    with pytest.raises(InputError, match="there is no file"):
        nodemem.open_snapshot(tmp_path / "missing")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError, match="no regular file"):
        nodemem.open_snapshot(tmp_path / "fifo")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "private.heapsnapshot"
    path.write_bytes(SOUND)
    path.chmod(0)
    with pytest.raises(InputError, match="permission"):
        nodemem.open_snapshot(path)


def test_broken_compression(tmp_path: Path) -> None:
    packed = gzip.compress(SOUND)
    path = tmp_path / "x.gz"
    for size in range(4, len(packed)):
        assert refusal(path, packed[:size]).what.endswith("is cut short")
    spoiled = bytearray(packed)
    spoiled[len(packed) // 2] ^= 0x55
    assert "gzip data" in str(refusal(path, bytes(spoiled))) or "sound" in str(
        refusal(path, bytes(spoiled))
    )
    assert "Zstandard data" in str(refusal(tmp_path / "x.zst", b"\x28\xb5\x2f\xfd" + bytes(50)))


def test_a_string_as_long_as_a_gigabyte_line_passes_through_a_window(tmp_path: Path) -> None:
    heap = small_heap()
    text = 'a,]"\\' * 300_000
    heap.node("string", text, size=16)
    path = tmp_path / "long.heapsnapshot"
    path.write_bytes(heap.to_bytes())
    with nodemem.open_snapshot(path) as snapshot:
        assert snapshot.name(8) == text


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SOUND) - 1),
            st.integers(0, 4),
            st.sampled_from(INSERTS),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_mutations_are_answered_or_refused(changes: list[tuple[int, int, bytes]]) -> None:
    data = bytearray(SOUND)
    for at, drop, insert in changes:
        data[at : at + drop] = insert
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutated.heapsnapshot"
        path.write_bytes(bytes(data))
        refused = None
        try:
            use(path)
        except InputError as error:
            refused = error
        assert refused is None or str(path) in refused.what
