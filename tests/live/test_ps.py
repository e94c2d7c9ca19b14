"""nodemem ps on real processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodemem
from nodemem.target import discover, procfs

IDLE = "console.log('ready ' + process.version); setInterval(() => {}, 1e6)"


def row(pid: int) -> dict[str, Any]:
    [found] = [row for row in nodemem.ps().rows() if row["pid"] == pid]
    return found


def test_a_process_is_described_without_touching_it(node: Path, start: Any) -> None:
    program = start(node, IDLE)
    version = program.stdout_lines[0].split()[1]
    found = row(program.pid)
    assert found["version"] == version
    assert found["script"] == "[eval]"
    assert found["inspector"] == "closed"
    assert found["sigusr1"] == "safe"
    status = procfs.status(program.pid)
    assert status is not None
    assert status.rss is not None
    assert abs(found["rss"] - status.rss) < 16e6
    assert found["threads"] == status.threads
    assert program.stderr_lines == []


def test_a_renamed_binary_is_found_and_a_node_by_name_only_is_not(
    any_node: Path, start: Any, tmp_path: Path
) -> None:
    renamed = tmp_path / "invoice-service"
    shutil.copy(any_node.resolve(), renamed)
    program = start(renamed, IDLE)
    assert row(program.pid)["version"] == program.stdout_lines[0].split()[1]
    impostor = tmp_path / "node"
    shutil.copy(Path(sys.executable).resolve(), impostor)
    with subprocess.Popen(["sleep", "60"], executable=shutil.which("sleep")) as other:
        try:
            assert discover.examine(other.pid) is None
        finally:
            other.kill()
    with subprocess.Popen([str(impostor), "-S", "-c", "input()"], stdin=subprocess.PIPE) as other:
        try:
            assert discover.examine(other.pid) is None
        finally:
            other.kill()


def test_an_open_inspector_is_seen_at_its_port(node: Path, start: Any) -> None:
    program = start(node, IDLE, flags=["--inspect=127.0.0.1:0"])
    [listener] = procfs.listeners(program.pid) or []
    address = f"127.0.0.1:{listener.port}"
    assert row(program.pid)["inspector"] == address


def test_a_port_of_the_program_is_not_taken_for_the_inspector(node: Path, start: Any) -> None:
    source = "require('net').createServer().listen(0, '127.0.0.1', () => console.log('ready'))"
    program = start(node, source)
    assert row(program.pid)["inspector"] == "closed"


def test_switched_off_signals_show(start: Any, any_node: Path) -> None:
    program = start(any_node, IDLE, flags=["--disable-sigusr1"])
    assert row(program.pid)["sigusr1"] == "blocked"


def test_a_title_over_the_command_line_hides_only_the_script(any_node: Path, start: Any) -> None:
    program = start(any_node, "process.title = 'web'; " + IDLE)
    assert row(program.pid)["version"] == program.stdout_lines[0].split()[1]
