from __future__ import annotations

import gzip
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodemem.errors import InputError, OutputError, OutputExists
from nodemem.records import (
    HeapSpace,
    Marker,
    MemorySample,
    ProcessFacts,
    Record,
    RecordingReader,
    RecordingWriter,
    WorkerUsage,
    is_recording,
)

SIZES = st.integers(min_value=0, max_value=2**53)
SPACES = st.builds(HeapSpace, st.text(), SIZES, SIZES, SIZES, SIZES)
WORKERS = st.builds(WorkerUsage, st.integers(1, 999), SIZES, SIZES, SIZES, st.none() | SIZES)
SAMPLES = st.builds(
    MemorySample,
    time=st.floats(0, 1e6),
    rss=SIZES,
    heap_total=SIZES,
    heap_used=SIZES,
    external=SIZES,
    array_buffers=st.none() | SIZES,
    heap_limit=st.none() | SIZES,
    spaces=st.lists(SPACES, max_size=3),
    workers=st.lists(WORKERS, max_size=2),
)
RECORDS = st.one_of(
    SAMPLES,
    st.builds(ProcessFacts, pid=st.integers(1, 4_000_000), script=st.none() | st.text()),
    st.builds(Marker, time=st.floats(0, 1e6), label=st.text()),
)


def write(path: Path, records: list[Record]) -> None:
    with RecordingWriter(path, started=1.5, force=True) as writer:
        for record in records:
            writer.write(record)


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.zst"])
@given(records=st.lists(RECORDS, max_size=8))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, name: str, records: list[Record]
) -> None:
    path = tmp_path_factory.mktemp("recording") / name
    write(path, records)
    with RecordingReader(path) as reader:
        assert list(reader) == records
        assert reader.header.started == 1.5
        assert not reader.truncated


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.zst"])
def test_a_cut_recording_is_read_to_its_last_whole_record(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    written: list[Record] = [Marker(time=float(i), label=f"step {i}") for i in range(50)]
    write(path, written)
    whole = path.read_bytes()
    counts = set()
    for cut in range(len(whole) // 2, len(whole) - 4, 7):
        path.write_bytes(whole[:cut])
        with RecordingReader(path) as reader:
            got = list(reader)
            assert reader.truncated or got == written[: len(got)]
        assert got == written[: len(got)]
        counts.add(len(got))
    assert len(counts) > 3


def test_one_packed_with_gzip_is_read_to_where_it_breaks(tmp_path: Path) -> None:
    path, packed = tmp_path / "a.ndjson", tmp_path / "a.ndjson.gz"
    written: list[Record] = [Marker(time=float(i), label=f"{i * 7919:x}" * 9) for i in range(2000)]
    write(path, written)
    whole = gzip.compress(path.read_bytes())
    wrong_sum = whole[:-8] + bytes(8)
    for content, ends in ((whole, True), (whole[: len(whole) // 2], False), (wrong_sum, False)):
        packed.write_bytes(content)
        assert is_recording(packed)
        with RecordingReader(packed) as reader:
            got = list(reader)
            assert reader.truncated is not ends
        assert got == (written if ends else written[: len(got)])
        assert got


def test_recordings_are_private_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    write(path, [])
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OutputExists):
        RecordingWriter(path, started=0.0)


def test_json_spells_memory_usage_as_node_does(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    write(path, [MemorySample(0.0, 5, 4, 3, 2, 1)])
    line = path.read_text().splitlines()[1]
    assert line == (
        '{"record":"memory","time":0.0,"rss":5,"heapTotal":4,"heapUsed":3,"external":2,"arrayBuffers":1}'
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>\n",
        b"{}\n",
        b'{"nodemem-recording":99,"started":0}\n',
        b"\x28\xb5\x2f\xfdxx",
        b"\x1f\x8bxx",
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(InputError, match="other"):
        RecordingReader(path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "other")
    with pytest.raises(InputError, match="no regular file"):
        RecordingReader(tmp_path / "other")


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.zst"])
def test_a_full_disk_is_an_error_of_the_output(tmp_path: Path, name: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with (
            pytest.raises(OutputError, match=name),
            RecordingWriter(tmp_path / name, started=0.0) as writer,
        ):
            for i in range(100):
                writer.write(Marker(time=float(i), label=f"{i:x}" * 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    "line",
    [
        b'{"record":"memory","time":"soon"}',
        b'{"record":"marker","time":1,"label":"\xff"}',
        b'{"record":"marker","time":1,"label":"","details":'
        + b'{"a":' * 9999
        + b"1"
        + b"}" * 10000,
    ],
    ids=["type", "encoding", "depth"],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.ndjson"
    write(path, [Marker(0.0, "x")])
    with path.open("ab") as file:
        file.write(line + b"\n")
    with RecordingReader(path) as reader, pytest.raises(InputError, match=r"a\.ndjson:3"):
        list(reader)
