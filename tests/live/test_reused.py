"""A number may mean another process from one step to the next."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.errors import TargetNotFound
from nodemem.target import discover, inspector, procfs

PROGRAM = "console.log('ready'); setInterval(() => {}, 1e6)"
# clone3(2) gives a child the number that one asks for, to root; it then becomes the program.
REBORN = """
import ctypes, os, signal, sys
number = (ctypes.c_int * 1)(int(sys.argv[1]))
wanted = (ctypes.c_uint64 * 11)(0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(number), 1, 0)
child = ctypes.CDLL(None).syscall(435, ctypes.byref(wanted), ctypes.c_size_t(88))
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
print(child, flush=True)
sys.stdin.readline()
if child > 0:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""
BEAR = [sys.executable, "-c", REBORN]


class Successor:
    """Ends a program and starts another one, which gets its number."""

    def __init__(self, node: Path, program: Any) -> None:
        self._node = node
        self._program = program
        self.process: subprocess.Popen[str] | None = None

    def take_over(self) -> None:
        self._program.stop()
        self.process = subprocess.Popen(
            [*BEAR, str(self._program.pid), str(self._node), "--inspect-port=0", "-e", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        lines = {self.process.stdout.readline().strip() for _ in range(2)}
        if "-1" in lines:
            pytest.skip("clone3 gives no numbers here")
        assert lines == {str(self._program.pid), "ready"}

    def stop(self) -> None:
        if self.process is not None:
            self.process.communicate("\n")


@pytest.fixture
def successor(start: Any, any_node: Path) -> Iterator[tuple[int, Successor]]:
    program = start(any_node, PROGRAM, flags=["--inspect-port=0"])
    it = Successor(any_node, program)
    yield program.pid, it
    it.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root chooses the number of a process")
@pytest.mark.parametrize(
    ("module", "step"),
    [
        (inspector, "require_running"),
        (discover, "examine"),
        (discover, "options_of"),
        (procfs, "main_thread_ran"),
        (procfs, "listeners"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_number_means_another_program_after_a_step(
    successor: tuple[int, Successor], monkeypatch: pytest.MonkeyPatch, module: Any, step: str
) -> None:
    pid, other = successor
    original = getattr(module, step)

    def then_reused(*arguments: Any, **options: Any) -> Any:
        done = original(*arguments, **options)
        if other.process is None:
            other.take_over()
        return done

    monkeypatch.setattr(module, step, then_reused)
    monkeypatch.setattr(inspector, "_OPENS_WITHIN", 1.0)
    with pytest.raises(TargetNotFound, match="ended") as caught:
        nodemem.attach(pid)
    assert caught.value.next
    assert other.process is not None
    assert not procfs.gone(pid), "the other program has not been touched"
    assert procfs.listeners(pid) == [], "nor was its inspector opened"
