"""What grew between two maps of real processes, as the command line tells it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import nodemem
from nodemem.cli import run
from nodemem.testing import NodeProgram

Start = Callable[..., NodeProgram]
MB = 1 << 20
PROGRAM = f"""
const kept = [];
process.on('SIGUSR2', () => {{
  for (let i = 0; i < 32; i++) kept.push(Buffer.alloc({MB}, 1));
  console.log('grown');
}});
setInterval(() => {{}}, 1e6);
console.log('ready');
"""


def test_saved_before_and_now(
    any_node: Path, start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = start(any_node, PROGRAM)
    program.wait_for("ready")
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    pid = str(program.pid)
    assert run(["map", pid, "--json", "-o", str(before)]) == 0
    os.kill(program.pid, signal.SIGUSR2)
    program.wait_for("grown")
    assert run(["map", pid, "--json", "-o", str(after)]) == 0
    capsys.readouterr()
    assert run(["map", str(before), str(after), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == "nodemem/map-growth@1"
    assert answer["subject"]["before"]["pid"] == answer["subject"]["after"]["pid"] == program.pid
    data = answer["data"]
    assert sum(row["growth"] for row in data["rows"]) == data["growth"]
    buffers = [row for row in data["rows"] if row["category"] in ("array_buffers", "malloc_in_use")]
    assert 0.98 * 32 * MB < sum(row["growth"] for row in buffers) < 1.1 * 32 * MB
    assert set(data["doubts"]) <= {"estimates"}
    # The other way round it is turned, and a process that runs may stand for its map.
    assert run(["map", str(after), str(before), "--lang", "en"]) == 0
    text = capsys.readouterr().out
    assert "the other way round" in text
    assert "+3" in text.splitlines()[0]
    assert run(["map", str(before), pid, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["growth"] > 30 * MB
    # A saved map is shown as that of the process is.
    assert run(["map", str(before), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == json.loads(before.read_text())
    assert nodemem.open_map(before).rss == shown["data"]["rss"]
    program.stop()
    assert run(["map", str(before), pid]) == 3


def test_one_process_over_time(
    node: Path, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    program = start(node, PROGRAM)
    program.wait_for("ready")
    assert run(["map", str(program.pid), "--for", "300ms", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert 0.2 < data["seconds"] < 30
    assert abs(data["growth"]) < 4 * MB


@pytest.mark.parametrize(
    "words",
    [
        ["map", "a.json", "--for", "1s"],
        ["map", "1", "2", "3"],
        ["map", "1", "--for", "1s", "--tree"],
        ["map", "1", "--for", "soon"],
        ["map", "1", "2", "--freeze"],
    ],
)
def test_what_cannot_be_meant(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert "nodemem:" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["/dev/zero", "/proc/self/mem", "/tmp", "/none", __file__])
def test_files_that_are_no_maps(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["map", file]) == 4
    assert run(["map", file, str(os.getpid())]) == 4
    assert "nodemem:" in capsys.readouterr().err


def test_a_comparison_as_a_page(any_node: Path, start: Start, tmp_path: Path) -> None:
    program = start(any_node, PROGRAM)
    page, saved = tmp_path / "growth.html", tmp_path / "before.json"
    assert run(["map", str(program.pid), "--json", "-o", str(saved)]) == 0
    os.kill(program.pid, signal.SIGUSR2)
    program.wait_for("grown")
    assert run(["map", str(saved), str(program.pid), "-o", str(page)]) == 0
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    data = json.loads(text.split('id="nodemem-data">')[1].split("</script>")[0])["data"]
    rows = data["sections"][0]["blocks"][0]["rows"]
    assert rows[0]["growth"] > 30 * MB
    assert [row["growth"] for row in rows] == sorted((row["growth"] for row in rows), reverse=True)
