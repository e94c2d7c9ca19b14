"""Processes in network, process and user namespaces of their own, as in containers: reached from
outside where the kernel lets us, else refused with the command that gets there."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.target import procfs
from nodemem.testing import NodeProgram

CLI = [sys.executable, "-m", "nodemem"]
NOBODY = 65534
IDLE = "console.log('ready ' + process.pid); setInterval(() => {}, 1e6)"
# The loopback interface of a new network is down.
UP = """
import fcntl, os, socket, struct, sys
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 1))
os.execvp(sys.argv[1], sys.argv[1:])
"""

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="only root can be sure to make namespaces, with unshare(1)",
)


@dataclass
class Apart:
    """A program in namespaces; `pid` is its id here, `program` holds what started it."""

    program: NodeProgram
    pid: int

    @property
    def ports(self) -> list[int]:
        return [one.port for one in procfs.listeners(self.pid) or []]


Put = Callable[..., Apart]


@pytest.fixture
def apart(start: Any, tmp_path: Path) -> Iterator[Put]:
    """Starts a program in new namespaces: `kinds` are options of unshare, and `then` is a command
    before it."""
    pids: list[int] = []

    def run(
        node: Path, source: str = IDLE, *, kinds: str = "--net", then: str = "", **options: Any
    ) -> Apart:
        starter = tmp_path / "node-apart"
        inside = shlex.join([sys.executable, "-c", UP, *then.split(), str(node.resolve())])
        starter.write_text(f'#!/bin/sh\nexec unshare --fork {kinds} {inside} "$@"\n')
        starter.chmod(0o755)
        try:
            program = start(starter, source, **options)
        except TimeoutError as error:
            pytest.skip(f"no such namespaces can be made here: {error}")
        pids.extend(p for p in procfs.pids() if parent(p) == program.pid)
        return Apart(program, pids[-1])

    yield run
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def parent(pid: int) -> int | None:
    status = procfs.status(pid)
    return None if status is None else status.parent


def test_it_is_asked_and_left_as_found(any_node: Path, apart: Put, tmp_path: Path) -> None:
    there = apart(any_node, kinds="--net --pid --mount-proc")
    assert there.program.stdout_lines == ["ready 1"], "inside it is the first process"
    assert procfs.shares_network(there.pid) is False
    with nodemem.attach(there.pid) as visited:
        assert visited.pid == there.pid
        assert visited.opened_inspector
        assert len(there.ports) == 1
        assert visited.memory_usage().heap_used > 1e6
        taken = visited.take_heap_snapshot(tmp_path / "a.heapsnapshot")
    assert visited.warnings == []
    assert there.ports == []
    assert nodemem.open_snapshot(taken.path).node_count > 1000
    assert [pid for pid in procfs.pids() if parent(pid) == os.getpid()] == [there.program.pid]


def test_an_open_inspector_in_there(any_node: Path, apart: Put) -> None:
    there = apart(any_node, flags=["--inspect=[::1]:9230"])
    with nodemem.attach(there.pid) as visited:
        assert not visited.opened_inspector
        assert visited.memory_usage().rss > 0
    assert there.ports == [9230]


def test_its_port_is_free_although_ours_is_taken(any_node: Path, apart: Put, start: Any) -> None:
    here = start(any_node, IDLE, flags=["--inspect=127.0.0.1:0"])
    port = procfs.listeners(here.pid)[0].port
    there = apart(any_node, flags=[f"--inspect-port={port}"])
    with nodemem.attach(there.pid) as visited:
        assert there.ports == [port]
        assert visited.pid == there.pid
        assert not any("attached" in line for line in here.stderr_lines)


def test_a_user_reaches_a_rootless_container_of_their_own(any_node: Path, apart: Put) -> None:
    there = apart(
        any_node, kinds=f"--setuid {NOBODY} --setgid {NOBODY} unshare --user --net --map-root-user"
    )
    done = as_nobody("usage", str(there.pid), "--json")
    assert done.returncode == 0, done.stderr
    assert '"heapUsed"' in done.stdout


def test_who_may_not_enter_is_told_how_to(any_node: Path, apart: Put) -> None:
    there = apart(
        any_node,
        kinds="--net --pid --mount-proc",
        then=f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups",
    )
    done = as_nobody("usage", str(there.pid))
    assert done.returncode == 3
    assert "another network namespace" in done.stderr
    assert "not permitted" in done.stderr.lower()
    assert f"nsenter --target {there.pid} --net" in done.stderr
    assert there.program.stderr_lines == [], "its inspector must not have been opened"
    assert there.ports == []


def as_nobody(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line as another user, with no more rights than that."""
    try:
        return subprocess.run(
            [*CLI, *words],
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "HOME": "/nonexistent"},
        )
    except PermissionError:
        pytest.skip("that user cannot run this Python")


def test_it_ends_meanwhile(any_node: Path, apart: Put) -> None:
    there = apart(any_node, kinds="--net --pid --mount-proc")
    with nodemem.attach(there.pid) as visited:
        os.kill(there.pid, signal.SIGKILL)
        with pytest.raises(nodemem.TargetLost):
            for _ in range(100):
                visited.memory_usage()
                time.sleep(0.05)
