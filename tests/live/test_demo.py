"""The demo, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nodemem.records import Marker, MemorySample, ProcessFacts, RecordingReader


def demo(folder: Path, node: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nodemem", "demo", "--node", str(node), "-o", str(folder)]
    return subprocess.run(
        [*command, "--seconds", "4", *options],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "NODEMEM_LANG": "en", "COLUMNS": "120"},
    )


@pytest.mark.parametrize(
    ("example", "held", "line"),
    [
        ("cache", "Session", "leaky.js:17"),
        ("listeners", "function onPrice", "leaky.js:28"),
        ("timers", "Upload", "leaky.js:26"),
        ("promises", "Report", "leaky.js:17"),
    ],
)
def test_the_leak_is_named(
    tmp_path: Path, any_node: Path, example: str, held: str, line: str
) -> None:
    done = demo(tmp_path, any_node, "--example", example)
    assert done.returncode == 0, done.stdout + done.stderr
    assert held in done.stdout
    assert line in done.stdout
    assert "Verdict: it leaks" in done.stdout
    report = (tmp_path / "report.html").read_text()
    HTMLParser().feed(report)
    assert held.removeprefix("function ") in report
    assert "Where the memory is" in report
    assert "V8 old_space" in report
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o600
    with RecordingReader(tmp_path / "recording.ndjson") as reader:
        records = list(reader)
    assert isinstance(records[0], ProcessFacts)
    assert sum(isinstance(record, MemorySample) for record in records) >= 8
    snapshots = [r for r in records if isinstance(r, Marker) and r.label == "snapshot"]
    assert len(snapshots) == 2


@pytest.mark.parametrize("example", ["cache", "listeners", "timers"])
def test_nothing_is_found_on_the_healthy_twin(tmp_path: Path, any_node: Path, example: str) -> None:
    done = demo(tmp_path, any_node, "--example", example, "--healthy", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    data = json.loads(done.stdout)["data"]
    assert data["verdict"] in ("steady", "bounded growth")
    assert data["findings"] == []
    assert data["requests"] > 100


def test_a_node_that_is_none_is_refused(tmp_path: Path) -> None:
    done = demo(tmp_path, Path("/nonexistent/node"))
    assert done.returncode == 3
    assert "/nonexistent/node" in done.stderr
    assert "Traceback" not in done.stderr
