"""Sources other than V8's own log."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nodemem
from nodemem.cli import run
from nodemem.errors import InputError
from nodemem.gc.log import GcLog
from nodemem.records import GcEvent
from nodemem.records.compression import zstd
from nodemem.testing import NodeProgram

LOGS = Path(__file__).with_name("logs")
RELEASES = ("node16", "node18", "node20", "node22", "node24", "node25", "node26")


def read(path: Path) -> tuple[list[GcEvent], GcLog]:
    with GcLog(path) as log:
        return [event for event in log if isinstance(event, GcEvent)], log


@pytest.mark.parametrize("release", RELEASES)
def test_trace_events(release: str) -> None:
    path = LOGS / release / "lru.trace-events.json"
    events, log = read(path)
    trace = json.loads(path.read_text())["traceEvents"]
    minor = [e for e in trace if e["name"] == "MinorGC" and e["ph"] == "B"]
    major = [e for e in trace if e["name"] == "MajorGC" and e["ph"] == "B"]
    steps = [e for e in major if e["args"]["type"] == "incremental finalization step"]
    assert [e.kind for e in events].count("minor") == len(minor)
    assert [e.kind for e in events].count("major") == len(major) - len(steps)
    assert log.unreadable == 0
    collections = [e for e in events if e.kind != "incremental"]
    assert [e.cause for e in collections if e.kind == "minor"] == [e["args"]["type"] for e in minor]
    assert all(e.cpu is not None and e.pause is not None for e in collections)
    # Both clocks count whole microseconds, and the processor's runs a little ahead of the other.
    assert all((e.cpu or 0) <= (e.pause or 0) + 0.0002 for e in collections)
    assert all(e.isolate and e.isolate.startswith("0x") for e in collections)
    assert all(e.spaces and e.heap_limit for e in collections)


@pytest.mark.parametrize("release", RELEASES[1:])
def test_gc_profiler(release: str) -> None:
    path = LOGS / release / "lru.gcprofiler.json"
    events, log = read(path)
    told = json.loads(path.read_text())["statistics"]
    assert len(events) == len(told)
    assert [e.pause for e in events] == pytest.approx([one["cost"] / 1e6 for one in told])
    assert log.unreadable == 0
    assert {e.time for e in events} == {None}
    assert {e.cause for e in events} == {None}
    first = next(e for e in events if e.kind == "minor")
    assert first.survived == next(
        space.used_after for space in first.spaces if space.name == "new_space"
    )


@pytest.mark.parametrize("release", RELEASES)
def test_performance_entries(release: str) -> None:
    """Of the same run as the log beside it, which also has what came before the observer."""
    events, log = read(LOGS / release / "lru.perf_hooks.log")
    told, _ = read(LOGS / release / "lru.perf_hooks.trace-gc.log")
    seen = [e for e in events if e.kind in ("minor", "major")]
    parts = [told[i : i + len(seen)] for i in range(len(told) - len(seen) + 1)]
    same = min(parts, key=lambda part: abs((part[0].pause or 0) - (seen[0].pause or 0)))
    assert [e.kind for e in seen] == [e.kind for e in same]
    assert log.unreadable == 0
    assert [e.pause for e in seen] == pytest.approx([e.pause for e in same], abs=0.0012)


def test_a_performance_entry_as_nodejs_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "entries.log"
    entry = {"name": "gc", "entryType": "gc", "startTime": 105.0, "duration": 3.1}
    path.write_text(
        f"seen: {json.dumps(entry | {'detail': {'kind': 4, 'flags': 4}}, separators=(',', ':'))}\n"
        '{"entryType":"gc","startTime":1}\n'
    )
    (event,), log = read(path)
    assert (event.kind, event.pause, event.forced) == ("major", 0.0031, True)
    assert log.unreadable == 1


@pytest.mark.parametrize("name", ["lru.trace-events.json", "lru.gcprofiler.json"])
def test_json_cut_anywhere(tmp_path: Path, name: str) -> None:
    text = (LOGS / "node24" / name).read_bytes()
    whole, _ = read(LOGS / "node24" / name)
    path = tmp_path / name
    for cut in range(200, len(text) - 3, len(text) // 40):
        path.write_bytes(text[:cut])
        events, log = read(path)
        assert events == whole[: len(events)]
        assert log.unreadable >= 1


@pytest.mark.parametrize("name", ["lru.trace-events.json", "lru.gcprofiler.json"])
@settings(max_examples=30)
@given(data=st.data())
def test_flipped_bits_do_no_harm(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    text = bytearray((LOGS / "node26" / name).read_bytes()[:60_000])
    for _ in range(data.draw(st.integers(1, 40))):
        text[data.draw(st.integers(0, len(text) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.mktemp("flipped") / name
    path.write_bytes(text)
    events, log = read(path)
    assert len(events) < 100
    assert log.unreadable >= 0


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\x00" * 100,
        b'{"traceEvents":[',
        b'{"traceEvents":[{"pid":1,"name":"MinorGC","ph":"E"}',
        b'{"version": 1, "startTime": 5, "statistics": 7}',
        b'{"version": 1, "startTime": 5, "statistics": [{}, 1, null, [' + b"[" * 100_000,
        b'{"traceEvents":[{"pid":1,"ts":1,"args":{"stats":"{' + b"[" * 50_000 + b'"name":"MinorGC"',
    ],
)
def test_what_is_no_log(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text)
    events, _ = read(path)
    assert events == []


def test_a_long_profile_is_read_in_pieces(tmp_path: Path) -> None:
    profile = json.loads((LOGS / "node22" / "lru.gcprofiler.json").read_text())
    profile["statistics"] *= 150  # some megabytes
    path = tmp_path / "long.json"
    path.write_text(json.dumps(profile))
    assert path.stat().st_size > 2 * (4 << 20) or len(profile["statistics"]) > 1000
    events, log = read(path)
    assert (len(events), log.unreadable) == (len(profile["statistics"]), 0)


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="no regular file"):
        nodemem.read_gc_log(tmp_path)
    assert run(["gc", str(tmp_path / "none.log")]) == 4
    damaged = tmp_path / "a.gz"
    damaged.write_bytes(b"\x1f\x8b\x08" + b"\xff" * 100)
    with pytest.raises(InputError):
        nodemem.read_gc_log(damaged)
    assert run(["gc", str(LOGS / "node22" / "lru.trace-gc.log"), "--for", "1s"]) == 2
    capsys.readouterr()


LOG = LOGS / "node24" / "lru.trace-gc-nvp.log"


def test_standard_input() -> None:
    """A pipe that gives a byte first, of something compressed."""
    whole = nodemem.read_gc_log(LOG)
    shell = (
        f"(printf '\\037'; sleep 0.2; gzip -c '{LOG}' | tail -c +2)"
        f" | '{sys.executable}' -m nodemem gc - --events --json"
    )
    found = subprocess.run(["sh", "-c", shell], check=True, capture_output=True, text=True)
    assert len(json.loads(found.stdout)["data"]["rows"]) == len(whole.records)


@pytest.mark.parametrize("coding", ["utf-16", "utf-8-sig"])
def test_other_codings(tmp_path: Path, coding: str) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LOG.read_text().encode(coding))
    assert read(path)[0] == read(LOG)[0]


def test_records_that_nothing_can_be_read_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.log"
    text = (LOGS / "node24" / "lru.trace-gc.log").read_text().replace(" MB", " XB")
    path.write_text(text)
    assert run(["gc", str(path), "--lang", "en"]) == 0
    assert f"None of the {text.count(' ms: ')} records" in capsys.readouterr().out


def test_the_event_table() -> None:
    table = nodemem.read_gc_log(LOGS / "node22" / "lru.trace-gc-nvp.log")
    text = (LOGS / "node22" / "lru.trace-gc-nvp.log").read_text()
    assert len(table) == 32
    assert table.values("promoted") == [int(x) for x in re.findall(r" promoted=(\d+)", text)]
    assert table.values("pause_ms") == [float(x) for x in re.findall(r"pause=([\d.]+)", text)]
    assert table.summary == {"unreadable_lines": 0, "formats": ["trace-gc-nvp"]}


def test_parts_of_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (LOGS / "node22" / "lru.trace-gc-nvp.log").read_bytes()
    lines = text.splitlines(keepends=True)
    (tmp_path / "a").write_bytes(b"".join(lines[:10]))
    (tmp_path / "b").write_bytes(b"".join(lines[10:]))
    assert run(["gc", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]) == 0
    parts = json.loads(capsys.readouterr().out)["data"]
    assert run(["gc", str(LOGS / "node22" / "lru.trace-gc-nvp.log"), "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)["data"]
    assert parts["minor"] == whole["minor"]
    assert parts["promoted_bytes"] == whole["promoted_bytes"]


def test_csv_has_a_row_for_each_collection(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gc", str(LOGS / "node24" / "lru.trace-gc-verbose.log"), "--csv"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 12
    assert "old_space_used_after" in head.split(",")


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", ["oom.trace-gc.log", "lru.trace-events.json"])
def test_text(name: str, lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gc", str(LOGS / "node26" / name), "--lang", lang]) == 0
    text = capsys.readouterr().out
    assert ("마이너" in text or "minor" in text) if lang == "ko" else "Stood still" in text


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_report(tmp_path: Path, lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    page, log = tmp_path / "gc.html", LOGS / "node26" / "oom.trace-gc.log"
    assert run(["gc", str(log), "-o", str(page), "--lang", lang]) == 0
    text = page.read_text()
    assert text.count("<svg") == 2
    assert "last resort" in text
    assert run(["gc", str(log), "-o", str(page)]) == 2
    capsys.readouterr()


def test_the_command_itself() -> None:
    """As a process: the verb has the name of a module of Python's own."""
    command = [sys.executable, "-m", "nodemem", "gc", str(LOGS / "node20" / "lru.trace-gc.log")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_compressed_logs_that_break_off(tmp_path: Path, suffix: str) -> None:
    """What is before that is read; that something is missing is counted."""
    paths = (LOGS / release / "jsonhttp.trace-gc-nvp.log" for release in RELEASES)
    text = b"".join(path.read_bytes() for path in paths)
    packed = gzip.compress(text) if suffix == "gz" else zstd().compress(text)
    path = tmp_path / f"log.{suffix}"
    path.write_bytes(packed)
    whole, _ = read(path)
    for cut in (len(packed) - 3, len(packed) // 2, len(packed) * 9 // 10):
        path.write_bytes(packed[:cut])
        events, log = read(path)
        assert events == whole[: len(events)]
        assert log.unreadable >= 1
        path.write_bytes(packed[:cut] + b"\xff" * 50 + packed[cut + 50 :])
        events, log = read(path)
        assert log.unreadable >= 1
        assert len(events) <= len(whole)
    path.write_bytes(packed[:20])
    with pytest.raises(InputError):
        read(path)


def test_a_recording_without_collections(
    start: Callable[..., NodeProgram],
    any_node: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As `nodemem record` makes them: that nothing was watched is no 0."""
    program = start(any_node, "setInterval(() => {}, 1000); console.log('ready')")
    path = tmp_path / "recording.ndjson"
    assert run(["record", str(program.pid), "--count", "1", "-o", str(path)]) == 0
    capsys.readouterr()
    assert run(["gc", str(path), "--lang", "en"]) == 0
    assert "nothing about collections" in capsys.readouterr().out
    assert run(["gc", str(path), "--csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_rows_without_figures_tell_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.log"
    path.write_bytes((LOGS / "node22" / "lru.trace-gc.log").read_bytes()[:-30])
    assert run(["gc", str(path), "--csv", "--lang", "en"]) == 0
    assert "1 record could not be read" in capsys.readouterr().err
