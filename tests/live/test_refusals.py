"""What cannot be attached to is refused with a reason and a next step, and is not harmed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.api.doctor import doctor as nodemem_doctor
from nodemem.cli import run
from nodemem.errors import (
    NodememError,
    NotPermitted,
    TargetError,
    TargetLost,
    TargetNotFound,
    UnsafeTarget,
    UsageError,
)
from nodemem.target import procfs

IDLE = "console.log('ready'); setInterval(() => {}, 1e6)"


def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def refusal(target: int | str, kind: type[NodememError]) -> NodememError:
    with pytest.raises(kind) as caught:
        nodemem.attach(target)
    assert caught.value.why or "no process" in caught.value.what
    assert caught.value.next
    return caught.value


def test_no_such_process(start: Any, any_node: Path) -> None:
    program = start(any_node, IDLE)
    program.stop()
    assert "there is no process" in refusal(program.pid, TargetNotFound).what


def test_not_node() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            error = refusal(other.pid, TargetNotFound)
            assert other.poll() is None
        finally:
            other.kill()
    assert "is not Node.js" in error.what
    assert "sleep 60" in str(error.why)


def test_a_zombie() -> None:
    other = subprocess.Popen(["true"])
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert "zombie" in str(refusal(other.pid, TargetNotFound).why)
    other.wait()


def test_a_stopped_process(start: Any, any_node: Path) -> None:
    program = start(any_node, IDLE)
    program.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, program.pid, os.WSTOPPED | os.WNOWAIT)
    error = refusal(program.pid, UnsafeTarget)
    assert error.next == f"kill -CONT {program.pid}"


def test_the_signal_is_switched_off(start: Any, any_node: Path) -> None:
    program = start(any_node, IDLE, flags=["--disable-sigusr1"])
    assert "--disable-sigusr1" in str(refusal(program.pid, NotPermitted).why)
    assert program.process.poll() is None


def test_the_permission_model(start: Any, node: Path) -> None:
    """What is advised is taken: before Node.js 24 no option lets an inspector in."""
    known = subprocess.run([node, "--help"], capture_output=True, text=True, check=True).stdout
    if "permission" not in known:
        pytest.skip("this release has no permission model")
    option = "--permission" if " --permission" in known else "--experimental-permission"
    flags = [option, "--allow-fs-read=*"]
    program = start(node, IDLE, flags=flags)
    error = refusal(program.pid, NotPermitted)
    assert f"switched off, as with {option}" in str(error.why)
    if "--allow-inspector" not in known:
        assert f"without {option}" in str(error.next)
        return
    assert "--allow-inspector" in str(error.next)
    program = start(node, IDLE, flags=[*flags, "--allow-inspector", "--inspect-port=0"])
    with nodemem.attach(program.pid) as visited:
        assert visited.memory_usage().heap_used > 0


def test_the_program_handles_the_signal_itself(
    start: Any, any_node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nodemem.target import inspector

    monkeypatch.setattr(inspector, "_OPENS_WITHIN", 1.0)
    source = "process.on('SIGUSR1', () => console.log('mine')); " + IDLE
    program = start(any_node, source, flags=["--inspect-port=0"])
    error = refusal(program.pid, TargetError)
    assert "handles SIGUSR1 itself" in str(error.why)
    program.wait_for("mine")


IMPATIENT = """
import sys, nodemem
from nodemem.target import inspector
inspector._OPENS_WITHIN = 0.5
print('here', flush=True)
sys.stdin.readline()
try: nodemem.attach(int(sys.argv[1]))
except nodemem.TargetTimeout as error: print(error)
"""


def test_a_step_that_cannot_be_interrupted(start: Any, any_node: Path) -> None:
    """The inspector opens once it is over; a later run knows that as ours, and closes it."""
    source = """
    process.stdin.once('data', () => {
      console.log('busy');
      const until = Date.now() + 2500;
      while (Date.now() < until) require('crypto').pbkdf2Sync('a', 'b', 3e6, 64, 'sha512');
    });
    console.log('ready');
    """
    program = start(any_node, source, flags=["--inspect-port=0"])
    with subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, str(program.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as visitor:
        assert visitor.stdout is not None
        assert visitor.stdout.readline() == "here\n", "the step is short, so it begins only now"
        program.tell("go")
        program.wait_for("busy")
        said, _ = visitor.communicate("go\n")
    assert "busy in a single step" in said
    assert until(lambda: any("listening" in line for line in program.stderr_lines))
    with nodemem.attach(program.pid) as visited:
        assert visited.opened_inspector
    assert procfs.listeners(program.pid) == []


def test_the_port_is_taken_and_by_whom(start: Any, any_node: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        program = start(any_node, IDLE, flags=[f"--inspect-port={port}"])
        error = refusal(program.pid, TargetError)
    assert f"port {port} is taken" in error.what
    assert f"process {os.getpid()} " in str(error.why)
    assert program.stderr_lines == [], "it must not even be asked to try"


@pytest.mark.parametrize("over", [False, True], ids=["open", "over"])
def test_a_connection_has_the_port(start: Any, node: Path, over: bool) -> None:
    """Whoever made it is not a listener, and yet Node.js cannot listen there."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as made,
    ):
        port = made.getsockname()[1]
        program = start(node, IDLE, flags=[f"--inspect-port={port}"])
        if over:
            made.close()
            server.accept()[0].close()
        error = refusal(program.pid, TargetError)
        [check] = [one for one in nodemem_doctor(program.pid).checks if one.name == "port"]
        assert program.stderr_lines == [], "it must not even be asked to try"
        os.kill(program.pid, signal.SIGUSR1)
        assert until(lambda: any("in use" in line for line in program.stderr_lines)), "it was true"
    assert f"port {port} is taken" in error.what
    assert ("less than a minute ago" if over else f"process {os.getpid()} ") in str(error.why)
    assert (check.status, check.reason) == ("fail", "connected")


def test_our_own_connections_leave_the_port_they_come_from(start: Any, node: Path) -> None:
    first = start(node, IDLE, flags=["--inspect-port=0"])
    with nodemem.attach(first.pid) as visited:
        [inspector] = procfs.listeners(first.pid) or []
        ours = procfs.socket_inodes(os.getpid()) or set()
        [port] = [port for _, port, _, inode in procfs.sockets(first.pid) if inode in ours]
        second = start(node, IDLE, flags=[f"--inspect-port={port}"])
        with nodemem.attach(second.pid) as other:
            assert [one.port for one in procfs.listeners(second.pid) or []] == [port]
            assert other.memory_usage().rss > 0
        assert visited.memory_usage().rss > 0
        assert inspector.port != port
    with nodemem.attach(second.pid) as again:
        assert again.memory_usage().rss > 0


def test_the_advice_to_free_the_port_is_good(start: Any, any_node: Path) -> None:
    holder = start(any_node, IDLE, flags=["--inspect=127.0.0.1:0"])
    [port] = [one.port for one in procfs.listeners(holder.pid) or []]
    program = start(any_node, IDLE, flags=[f"--inspect-port={port}"])
    advice = str(refusal(program.pid, TargetError).next)
    command = re.search(r"nodemem (doctor --clean \d+ --force)", advice)
    assert command is not None
    assert run(command[1].split()) == 0
    with nodemem.attach(program.pid) as visited:
        assert visited.memory_usage().rss > 0


def test_a_program_that_waits_for_a_debugger(start: Any, node: Path) -> None:
    program = start(node, IDLE, flags=["--inspect-brk=127.0.0.1:0"], ready=None)
    assert until(lambda: any("ws://" in line for line in program.stderr_lines))
    assert "waits for a debugger" in str(refusal(program.pid, TargetError).why)
    assert program.process.poll() is None


def test_a_process_that_has_only_just_started_survives(node: Path) -> None:
    for _ in range(3):
        with subprocess.Popen(
            [str(node), "--inspect-port=0", "-e", "setInterval(() => {}, 1e6)"],
            stderr=subprocess.DEVNULL,
        ) as young:
            try:
                with nodemem.attach(young.pid) as visited:
                    assert visited.memory_usage().rss > 0
                assert young.poll() is None
            finally:
                young.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a process as somebody else")
def test_another_users_process(start: Any, any_node: Path) -> None:
    program = start(any_node, IDLE, flags=["--inspect-port=0"])
    code = (
        "import os, sys, nodemem\n"
        "nodemem.ps()\n"  # loads what that user may not read
        "try: nodemem.attach(0)\n"
        "except nodemem.TargetNotFound: pass\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "for row in nodemem.ps().rows():\n"
        "    if row['pid'] == int(sys.argv[1]): print('listed', row['inspector'], row['rss'] > 0)\n"
        "try: nodemem.attach(int(sys.argv[1]))\n"
        "except nodemem.NotPermitted as error: print(error, '|', error.next)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(program.pid)], capture_output=True, text=True, check=True
    )
    assert "listed None True" in done.stdout
    assert "belongs to another user" in done.stdout
    assert "sudo -u root" in done.stdout


@pytest.mark.parametrize("text", ["server.js", "localhost", "127.0.0.1:", "127.0.0.1:99999", ""])
def test_texts_that_name_no_process(text: str) -> None:
    refusal(text, UsageError)


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    refusal(f"127.0.0.1:{port}", TargetLost)
    refusal(f"ws://127.0.0.1:{port}/x", TargetLost)


def test_something_else_listens(start: Any, any_node: Path) -> None:
    source = (
        "const s = require('http').createServer((q, r) => r.end('<html>'));"
        "s.listen(0, '127.0.0.1', () => console.log('ready', s.address().port))"
    )
    port = start(any_node, source).stdout_lines[0].split()[1]
    assert "not the inspector" in refusal(f"127.0.0.1:{port}", TargetNotFound).what
    refusal(f"ws://127.0.0.1:{port}/x", TargetLost)


def test_the_port_was_taken_only_for_a_moment(
    start: Any, any_node: Path, free_port: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Free when we look and free again when we give up, but taken when Node.js tries."""
    from nodemem.target import inspector, ports

    monkeypatch.setattr(inspector, "_OPENS_WITHIN", 2.0)
    port = free_port()
    program = start(any_node, IDLE, flags=[f"--inspect-port={port}"])
    rival: list[socket.socket] = []

    def send(handle: int, number: int) -> None:
        rival.append(socket.create_server(("127.0.0.1", port)))
        send_signal(handle, number)
        assert until(lambda: any("in use" in line for line in program.stderr_lines))

    def holder(*where: Any) -> ports.Holder | None:
        found = look(*where)
        for one in rival:
            one.close()
        return found

    look = ports.holder
    monkeypatch.setattr(ports, "holder", holder)
    send_signal = signal.pidfd_send_signal
    monkeypatch.setattr(signal, "pidfd_send_signal", send)
    error = refusal(program.pid, TargetError)
    assert f"port {port} is taken" in error.what
    assert f"process {os.getpid()} " in str(error.why)
