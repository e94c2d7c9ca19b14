"""A process held still: all of its threads, not for long, and as it was afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nodemem.errors import NotPermitted, TargetLost
from nodemem.target import procfs
from nodemem.target.freeze import Frozen
from nodemem.testing import NodeProgram

Start = Callable[..., NodeProgram]
TICKS = """
process.on('SIGUSR2', () => console.log('signalled'));
new (require('node:worker_threads').Worker)('setInterval(() => {}, 1)', { eval: true })
  .on('online', () => console.log('ready'));
setInterval(() => console.log('tick'), 2);
"""


def states(pid: int) -> set[str]:
    stats = (Path(f"/proc/{pid}/task/{tid}/stat") for tid in procfs.thread_ids(pid))
    return {stat.read_text().rpartition(")")[2].split()[0] for stat in stats}


def ticks_on(program: NodeProgram) -> None:
    seen = len(program.stdout_lines)
    until = time.monotonic() + 60
    while len(program.stdout_lines) <= seen + 2:
        assert time.monotonic() < until, "it does not go on"
        time.sleep(0.005)


def test_all_threads_stand_still_and_go_on(node: Path, start: Start) -> None:
    program = start(node, TICKS)
    with Frozen(program.pid) as frozen:
        assert states(program.pid) == {"t"}
        time.sleep(0.05)
        seen = len(program.stdout_lines)
        os.kill(program.pid, signal.SIGUSR2)
        time.sleep(0.1)
        assert len(program.stdout_lines) == seen
    assert not frozen.let_go_early
    program.wait_for("signalled")
    ticks_on(program)
    assert not procfs.is_traced(program.pid)
    assert program.process.poll() is None, "its end is left for its parent to see"


def test_it_goes_on_when_the_time_is_over_and_when_we_fail(any_node: Path, start: Start) -> None:
    program = start(any_node, TICKS)
    with Frozen(program.pid, at_most=0.05) as frozen:
        ticks_on(program)
    assert frozen.let_go_early
    with pytest.raises(KeyboardInterrupt), Frozen(program.pid):
        raise KeyboardInterrupt
    ticks_on(program)


def test_it_goes_on_when_we_are_killed_and_belongs_to_one(any_node: Path, start: Start) -> None:
    program = start(any_node, TICKS)
    code = (
        "import sys, time\nfrom nodemem.target.freeze import Frozen\n"
        "with Frozen(int(sys.argv[1]), at_most=60): print('held', flush=True); time.sleep(60)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(program.pid)], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(NotPermitted) as refused, Frozen(program.pid):
        pass
    assert "debugger" in str(refused.value)
    other.kill()
    other.wait()
    ticks_on(program)


def test_a_process_that_is_gone(any_node: Path, start: Start) -> None:
    program = start(any_node, TICKS)
    program.stop()
    with pytest.raises(TargetLost), Frozen(program.pid):
        pass
