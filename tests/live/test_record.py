"""nodemem record: light, whole to the last record whatever dies, and readable by the library."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.cli import run
from nodemem.records import (
    ActiveResources,
    MemorySample,
    ProcessEnd,
    ProcessFacts,
    ProcessSample,
    Record,
    RecordingReader,
)

CLI = [sys.executable, "-m", "nodemem"]


def read(path: Path) -> tuple[list[Record], bool]:
    with RecordingReader(path) as reader:
        return list(reader), reader.truncated


def begin(pid: int, path: Path, *options: str) -> subprocess.Popen[str]:
    """Start recording and wait until a few readings are there."""
    recorder = subprocess.Popen(
        [*CLI, "record", str(pid), "-o", str(path), "--every", "20ms", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(nodemem.InputError):  # before its first line is whole
            if sum(isinstance(one, ProcessSample) for one in read(path)[0]) >= 3:
                return recorder
        time.sleep(0.05)
    recorder.kill()
    pytest.fail(f"no readings: {recorder.communicate()[1]}")


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.zst"])
def test_what_is_recorded(name: str, any_node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(any_node)
    recorded = nodemem.record(talker.pid, tmp_path / name, every=0.02, count=4)
    assert (recorded.samples, recorded.end) == (4, None)
    (facts, *samples), truncated = read(tmp_path / name)
    assert not truncated
    assert isinstance(facts, ProcessFacts)
    assert (facts.pid, facts.version is None) == (talker.pid, False)
    assert len(samples) == 4
    times = []
    for sample in samples:
        assert isinstance(sample, ProcessSample)
        resident = sample.resident
        parts = (resident.anonymous or 0) + (resident.file or 0) + (resident.shared or 0)
        assert resident.rss == parts > 10e6
        assert (resident.v8 is None) == (sample is not samples[0]), "smaps is read now and then"
        assert (sample.threads or 0) > 1
        assert (sample.fds or 0) > 3
        assert (sample.cpu or 0) > 0
        times.append(sample.time)
    assert times == sorted(times)
    assert talker.ports == []
    assert talker.program.stderr_lines == []


def test_attached_the_heap_is_in_it(any_node: Path, talk: Any, tmp_path: Path) -> None:
    timers = "for (let i = 0; i < 7; i++) setTimeout(() => {}, 1e8);"
    talker = talk(any_node, prelude=timers)
    path = tmp_path / "a.ndjson"
    nodemem.record(talker.pid, path, every=0.02, count=2, attached=True)
    records, _ = read(path)
    heaps = [one for one in records if isinstance(one, MemorySample)]
    assert len(heaps) == 2
    assert heaps[0].heap_used > 1e6
    [resources] = [one for one in records if isinstance(one, ActiveResources)]
    assert resources.counts["Timeout"] == 7 + 1, "the program has one by itself"
    assert talker.ports == [], "the inspector is closed again"


def test_the_cause_is_known_to_the_parent(any_node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(any_node)
    path = tmp_path / "a.ndjson"

    def kill_once_it_is_read() -> None:
        while not path.exists() or path.read_bytes().count(b"\n") < 3:
            time.sleep(0.01)
        talker.program.process.kill()

    threading.Thread(target=kill_once_it_is_read, daemon=True).start()
    recorded = nodemem.record(talker.pid, path, every=0.02)
    assert recorded.end is not None
    assert recorded.end.exit_code == -signal.SIGKILL
    assert "SIGKILL" in recorded.end.how
    assert read(path)[0][-1] == recorded.end


def test_it_survives_the_death_of_the_process(node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(node)
    path = tmp_path / "a.ndjson.zst"
    recorder = begin(talker.pid, path)
    talker.program.tell("exit")
    _, errors = recorder.communicate(timeout=60)
    assert recorder.returncode == 0, errors
    records, truncated = read(path)
    assert not truncated
    assert isinstance(records[-1], ProcessEnd)
    assert records[-1].exit_code is None, "only its parent may know"
    assert f"Process {talker.pid} ended" in errors


def test_what_is_dead_already_is_not_found(any_node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(any_node)
    path = tmp_path / "a.ndjson"
    talker.program.stop()
    with pytest.raises(nodemem.TargetNotFound):
        nodemem.record(talker.pid, path)
    assert not path.exists()


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.zst"])
def test_our_own_death_costs_at_most_the_last_record(
    name: str, any_node: Path, talk: Any, tmp_path: Path
) -> None:
    talker = talk(any_node)
    path = tmp_path / name
    recorder = begin(talker.pid, path)
    recorder.kill()
    recorder.wait()
    records, _ = read(path)
    assert sum(isinstance(one, ProcessSample) for one in records) >= 3
    assert talker.program.process.poll() is None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_ctrl_c_is_the_ordinary_end(
    number: int, code: int, any_node: Path, talk: Any, tmp_path: Path
) -> None:
    path = tmp_path / "a.ndjson.zst"
    recorder = begin(talk(any_node).pid, path)
    recorder.send_signal(number)
    _, errors = recorder.communicate(timeout=60)
    assert recorder.returncode == code, errors
    records, truncated = read(path)
    assert not truncated, "the end of the zstd frame is written"
    assert isinstance(records[-1], ProcessSample)


def test_rotation_bounds_what_is_kept(any_node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(any_node)
    path = tmp_path / "a.ndjson"
    nodemem.record(talker.pid, path, every=0.01, count=150, rotate=10_000, keep=2)
    files = sorted(one.name for one in tmp_path.iterdir() if one.name.startswith("a."))
    assert files == ["a.ndjson", "a.ndjson.1", "a.ndjson.2"]
    times: list[float] = []
    for name in reversed(files):
        (facts, *samples), truncated = read(tmp_path / name)
        assert not truncated
        assert isinstance(facts, ProcessFacts), "each file is whole by itself"
        assert (tmp_path / name).stat().st_size < 11_000
        times += [one.time for one in samples if isinstance(one, ProcessSample)]
    assert times == sorted(times), "file .2 comes before .1 before the newest"
    with pytest.raises(nodemem.OutputExists):
        nodemem.record(talker.pid, tmp_path / "a.ndjson", count=1)
    (tmp_path / "a.ndjson").unlink()
    with pytest.raises(nodemem.OutputExists, match=r"a\.ndjson\.1"):
        nodemem.record(talker.pid, path, count=1, rotate=10_000)
    nodemem.record(talker.pid, path, count=1, rotate=10_000, force=True)
    assert not (tmp_path / "a.ndjson.1").exists(), "another recording's files would pass for ours"


def test_as_json_and_what_is_refused(
    any_node: Path, talk: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pid, path = str(talk(any_node).pid), str(tmp_path / "a.ndjson")
    common = ("record", pid, "-o", path)
    assert run([*common, "--count", "1", "--json"]) == 0
    answered = json.loads(capsys.readouterr().out)
    assert answered["schema"] == "nodemem/record@1"
    assert answered["data"]["rows"][0]["readings"] == 1
    assert run([*common]) == 2, "it exists"
    assert run([*common, "--force", "--every", "1ms"]) == 2
    assert run([*common, "--force", "--rotate", "1"]) == 2
    assert run(["record", "999999999", "-o", str(tmp_path / "b")]) == 3
    assert not (tmp_path / "b").exists()


def test_a_recording_is_shown_at_a_glance(
    any_node: Path, talk: Any, tmp_path: Path, capsys: Any
) -> None:
    talker = talk(any_node)
    path = tmp_path / "a.ndjson.zst"
    nodemem.record(talker.pid, path, every=0.02, count=3)
    talker.ask("hold")
    assert run(["usage", str(path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["schema"] == "nodemem/usage-recording@1"
    assert shown["data"]["readings"] == 3
    samples = [one for one in read(path)[0] if isinstance(one, ProcessSample)]
    rss = [sample.resident.rss for sample in samples]
    [row] = [row for row in shown["data"]["sizes"] if row["figure"] == "rss"]
    figures = (row["first"], row["last"], row["least"], row["greatest"])
    assert figures == (rss[0], rss[-1], min(rss), max(rss))
    assert run(["usage", str(path)]) == 0
    assert f"Process {talker.pid}" in capsys.readouterr().out
    path.write_bytes(path.read_bytes()[:-20])
    assert run(["usage", str(path)]) == 0
    assert "cut off" in capsys.readouterr().err
    assert run(["usage", str(path), "--watch", "1s"]) == 2
