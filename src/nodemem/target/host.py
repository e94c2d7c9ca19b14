"""What this machine lets this command do with other processes, read without trying it on any."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

from nodemem.errors import NotPermitted
from nodemem.target import procfs, told

CAPABILITIES = {"KILL": 5, "SYS_PTRACE": 19, "SYS_ADMIN": 21}
"""Those that matter here, by their bit: signals to others' processes; their files below /proc and
their memory; the network namespaces of containers."""

# The namespaces that the kernel itself makes have fixed numbers (include/linux/proc_ns.h).
_FIRST = {"pid": 0xEFFFFFFC, "user": 0xEFFFFFFD}
_SECONDS = 2.0


def capabilities() -> frozenset[str] | None:
    """Which of `CAPABILITIES` are in force for this process; None if that cannot be read."""
    found = re.search(r"^CapEff:\s+([0-9a-f]+)$", _read(procfs.PROC / "self/status"), re.MULTILINE)
    if found is None:
        return None
    mask = int(found[1], 16)
    return frozenset(name for name, bit in CAPABILITIES.items() if mask >> bit & 1)


def ptrace_scope() -> int | None:
    """Yama's rule for who may read another process's memory: 0 its user, 1 its parent, 2 who has
    SYS_PTRACE, 3 nobody; None where Yama is not built in."""
    text = _read(procfs.PROC / "sys/kernel/yama/ptrace_scope").strip()
    return int(text) if text.isdecimal() else None


def first_namespace(kind: str) -> bool | None:
    """Whether this process is in the machine's own namespace of that kind (`pid`, `user`)."""
    link = procfs.link(os.getpid(), f"ns/{kind}")
    found = re.search(r"\d+", link or "")
    return None if found is None else int(found[0]) == _FIRST[kind]


def hides_processes(*, proc: Path = procfs.PROC) -> bool:
    """Whether /proc is mounted so that it shows the processes of its reader only (hidepid)."""
    for line in _read(proc / "self/mountinfo").splitlines():
        head, _, tail = line.partition(" - ")
        if head.split()[4:5] == ["/proc"] and tail.startswith("proc "):
            return re.search(r"hidepid=(?!0|off)", line) is not None
    return False


def require_linux(what: str, *, instead: str) -> None:
    """Make sure that this is Linux, with a /proc, which `what` takes.

    Raises:
        NotPermitted: it is another system; `instead` is what to do there.
    """
    if not told.BY_KERNEL:
        raise NotPermitted(f"{what} takes Linux", why=f"this is {told.SYSTEM}", next=instead)


def require_processes() -> None:
    """Make sure that processes can be looked at here at all.

    Raises:
        NotPermitted: this is Linux, and /proc is not mounted.
    """
    if told.BY_KERNEL and not (procfs.PROC / "self").exists():
        raise NotPermitted(
            "the processes of this machine cannot be looked at",
            why="/proc is not mounted",
            next="name an inspector (node --inspect; nodemem usage 127.0.0.1:9229), or a file",
        )


def cgroup_version() -> int | None:
    """Which version of control groups accounts for memory here; None if none is mounted."""
    versions = set()
    for line in _read(procfs.PROC / "self/mountinfo").splitlines():
        kind, _, options = line.partition(" - ")[2].partition(" ")
        if kind == "cgroup2":
            versions.add(2)
        elif kind == "cgroup" and "memory" in re.split(r"[ ,]", options):
            versions.add(1)
    return min(versions, default=None)  # with both, memory is with version 1


def loopback_failure() -> str | None:
    """Why no connection can be made over 127.0.0.1; None if it can."""
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname(), _SECONDS),
        ):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
