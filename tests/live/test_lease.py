"""Killed without a chance to clean up, we leave nothing: the process does it by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nodemem.target import procfs

PROFILING = """
from nodemem.target.session import Session
node = Session(node.pid)  # a second one, as of a user who profiles; the first holds the lease
node.call('HeapProfiler.startSampling', {'samplingInterval': 1024})
node.call('Debugger.enable')
kill()
"""
PAUSED = """
from nodemem.target import heap_profiler
heap_profiler._ASK_AFTER = 0.1
node.take_heap_snapshot(sys.argv[2], progress=Deadly(), force=True)
"""
PHASES = {
    "just-opened": "kill()",
    "idle": "time.sleep(1.0); print('held', flush=True); sys.stdin.readline(); kill()",
    "in-a-snapshot": "node.take_heap_snapshot(sys.argv[2], progress=Deadly(), force=True)",
    "while-it-sends": "node.take_heap_snapshot(sys.argv[2], progress=Later(), force=True)",
    "in-a-worker": "node.take_heap_snapshot(sys.argv[2], progress=Deadly(), worker=1, force=True)",
    "profiling": PROFILING,
    "paused": PAUSED,
}
SLOW = ("in-a-snapshot", "paused")
# The lease is short here; all else is as it is for everybody.
VISITOR = """
import os, signal, sys, time, nodemem
from nodemem.target import lease
lease.SECONDS = float(sys.argv[3])
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
class Deadly:
    phase = update = kill
class Later:
    updates = 0
    def phase(self, name, *_):
        self.writing = name == "writing"
    def update(self, *_):
        self.updates += self.writing
        if self.updates == 5:
            kill()
node = nodemem.attach(int(sys.argv[1]))
"""
WITH_A_WORKER = """
const { Worker } = require('worker_threads');
new Worker('setInterval(() => {}, 1e6)', { eval: true });
"""


def until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def left_alone(talker: Any, phase: str, file: Path, seconds: float) -> None:
    """Kill a visitor in its `phase`; the process must then be as it was before the visit."""
    talker.program.tell("log")  # what a console sets up for its first objects is its own
    talker.ask("alive")
    globals_before, handles = talker.ask("globals"), talker.ask("handles")
    threads, files = procfs.thread_names(talker.pid), descriptors(talker.pid)
    if phase == "paused":
        talker.ask("spin")
    with subprocess.Popen(
        [sys.executable, "-c", VISITOR + PHASES[phase], str(talker.pid), str(file), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as visitor:
        if phase == "idle":
            assert visitor.stdout is not None
            assert visitor.stdout.readline() == "held\n"
            talker.program.tell("log")
            assert int(talker.ask("alive")) >= 50, "it is open"
        visitor.communicate("go\n")
    assert visitor.returncode == -9
    assert until(lambda: talker.ports == [], 3 * seconds + 60), phase
    assert talker.ask("alive") == "0"
    assert talker.ask("globals") == globals_before
    assert talker.ask("handles") == handles
    assert until(lambda: len(procfs.thread_names(talker.pid)) == len(threads), 60), phase
    assert descriptors(talker.pid) == files


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.parametrize(
    "phase",
    [pytest.param(phase, marks=pytest.mark.all_nodes if phase in SLOW else ()) for phase in PHASES],
)
def test_nothing_is_left_after_kill_9(node: Path, talk: Any, tmp_path: Path, phase: str) -> None:
    # A module has no `require` at hand.
    talker = talk(node, esm=True) if phase == "idle" else talk(node, prelude=WITH_A_WORKER)
    left_alone(talker, phase, tmp_path / "a.heapsnapshot", 0.6)


STOPPED = """
os.kill(os.getpid(), signal.SIGSTOP)
print(node.memory_usage().heap_used > 0)
node.close()
"""


def test_stopped_ourselves_we_do_not_stop_the_program(node: Path, talk: Any) -> None:
    """Closing the inspector waits for its clients, and a stopped one does not answer."""
    talker = talk(node)
    with subprocess.Popen(
        [sys.executable, "-c", VISITOR + STOPPED, str(talker.pid), "", "0.3"],
        stdout=subprocess.PIPE,
        text=True,
    ) as visitor:
        os.waitid(os.P_PID, visitor.pid, os.WSTOPPED | os.WNOWAIT)
        time.sleep(1.0)  # three times the lease
        talker.ask("usage")
        assert len(talker.ports) == 1, "it would be closed by now if nobody were connected"
        visitor.send_signal(signal.SIGCONT)
        assert visitor.communicate()[0] == "True\n"
    assert talker.ports == []


@pytest.mark.all_nodes
def test_the_lease_that_everybody_gets(any_node: Path, talk: Any, tmp_path: Path) -> None:
    from nodemem.target import lease

    left_alone(talk(any_node), "idle", tmp_path / "a.heapsnapshot", lease.SECONDS)
