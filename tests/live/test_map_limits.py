"""Limits of real control groups, as the map tells them; version 1, where this machine has it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import nodemem
from nodemem.cli import run
from nodemem.testing import NodeProgram

Start = Callable[..., NodeProgram]
ROOT = Path("/sys/fs/cgroup/memory")
MB = 1 << 20
IDLE = "console.log('ready'); setInterval(() => {}, 1e6)"


@pytest.fixture
def groups() -> Iterator[tuple[Path, Path]]:
    """A group with a limit and one below it without."""
    parent = ROOT / f"nodemem-test-{os.getpid()}"
    child = parent / "child"
    try:
        child.mkdir(parents=True)
        (parent / "memory.limit_in_bytes").write_text(str(160 * MB))
    except OSError as error:
        pytest.skip(f"no control groups of version 1 can be made here: {error}")
    yield parent, child
    for pid in (child / "cgroup.procs").read_text().split():
        (ROOT / "cgroup.procs").write_text(pid)
    child.rmdir()
    parent.rmdir()


def test_a_limit_that_node_does_not_see(
    node: Path, start: Start, groups: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    parent, child = groups
    program = start(node, IDLE)
    program.wait_for("ready")
    (child / "cgroup.procs").write_text(str(program.pid))
    found = nodemem.memory_map(program.pid).limits
    assert [one.path for one in found.groups[:2]] == [str(child), str(parent)]
    assert found.limit == 160 * MB
    nearest = found.nearest
    assert nearest is not None
    assert (nearest.path, nearest.own, nearest.then) == (str(parent), False, "process")
    assert found.groups[1].used == nearest.used
    # What the process at a glance says is limited by is the same.
    seen = nodemem.triage(program.pid, seconds=0.1)
    assert seen.first is not None
    assert (seen.first.source, seen.first.limit) == (str(parent), 160 * MB)
    assert run(["map", str(program.pid), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["limit"] == data["nearest"]["limit"] == data["groups"][1]["hard"] == 160 * MB


def test_the_kernels_kill_is_told(
    node: Path, start: Start, groups: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, child = groups
    (child / "memory.limit_in_bytes").write_text(str(96 * MB))
    greedy = f"const kept = []; for (;;) kept.push(Buffer.alloc({4 * MB}, 1))"
    ended = subprocess.run(
        ["sh", "-c", f'echo $$ > {child}/cgroup.procs; exec "$0" -e "$1"', str(node), greedy],
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    program = start(node, IDLE)
    program.wait_for("ready")
    (child / "cgroup.procs").write_text(str(program.pid))
    own = nodemem.memory_map(program.pid).limits.groups[0]
    assert own.events["oom_kill"] == 1
    assert own.events["max"] > 0
    assert own.peak is not None
    assert 90 * MB < own.peak <= 96 * MB
    assert run(["map", str(program.pid), "--lang", "en"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "the kernel killed 1 process" in text
    assert "Memory limit 96.0 MiB" in text
