"""What /proc says about a process, read without touching the process.

Every function answers None for what cannot be seen: the process is gone, or belongs to somebody
else. Nothing here raises for that; callers that must know why ask `gone` and `readable`.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from nodemem.records import ThreadName
from nodemem.target import told
from nodemem.target.told import Listener, Status, portable

PROC = told.PROC
SIGUSR1_BIT = 1 << (10 - 1)
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100  # a second
_MAX_TEXT = 4 << 20
ESTABLISHED, LISTEN = "01", "0A"


@portable
def pids() -> Iterator[int]:
    """All process ids that can be seen."""
    for name in _names(PROC) or []:
        if name.isdecimal():
            yield int(name)


def gone(pid: int) -> bool:
    """Whether it has ended; a zombie has."""
    found = status(pid)
    return found is None or found.state in "ZX"


@portable
def readable(pid: int) -> bool:
    """Whether we may look at its files and memory map: same user, or root."""
    try:
        (PROC / str(pid) / "exe").readlink()
    except PermissionError:
        return False
    except OSError:
        pass
    return True


@portable
def status(pid: int) -> Status | None:
    text = _text(pid, "status")
    if text is None:
        return None
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    try:
        return Status(
            name=fields["Name"],
            state=fields["State"].strip()[:1],
            parent=int(fields["PPid"]),
            uid=int(fields["Uid"].split()[1]),
            threads=int(fields["Threads"]),
            rss=_kilobytes(fields, "VmRSS"),
            caught=int(fields["SigCgt"], 16),
            blocked=int(fields["SigBlk"], 16),
            ignored=int(fields["SigIgn"], 16),
            anonymous=_kilobytes(fields, "RssAnon"),
            file=_kilobytes(fields, "RssFile"),
            shared=_kilobytes(fields, "RssShmem"),
            swap=_kilobytes(fields, "VmSwap"),
            page_tables=_kilobytes(fields, "VmPTE"),
            peak=_kilobytes(fields, "VmHWM"),
            reserved=_kilobytes(fields, "VmSize"),
        )
    except (KeyError, ValueError, IndexError):
        return None


@portable
def inner_pid(pid: int) -> int | None:
    """What it calls itself: in a container the id is another one than on the host."""
    return inner_of(_text(pid, "status") or "")


def inner_of(status: str) -> int | None:
    """The same, from the text of its status."""
    found = re.search(r"^NSpid:.*?(\d+)$", status, re.MULTILINE)
    return None if found is None else int(found[1])


@portable
def private(pid: int) -> int | None:
    """What it has in memory for itself alone (USS), bytes. Not here: its mappings tell."""
    return None


@portable
def children(pid: int) -> list[int]:
    """The processes that its main thread has started and that are still there."""
    words = (_text(pid, f"task/{pid}/children") or "").split()
    return [int(word) for word in words if word.isdecimal()]


@portable
def start_ticks(pid: int) -> int | None:
    """Clock ticks from boot to its start: with the pid, an identity that is never used twice."""
    fields = _stat_fields(pid)
    return None if fields is None else int(fields[19])


@portable
def age(pid: int) -> float | None:
    """Seconds since it was started."""
    started = start_ticks(pid)
    try:
        uptime = float((PROC / "uptime").read_text().split()[0])
    except (OSError, ValueError):
        return None
    return None if started is None else max(0.0, uptime - started / _TICKS)


@portable
def cpu_seconds(pid: int) -> float | None:
    """Processor time used so far by all its threads, user and system."""
    fields = _stat_fields(pid)
    if fields is None:
        return None
    return (int(fields[11]) + int(fields[12])) / _TICKS


def thread_cpu_seconds(pid: int, thread: int | None = None) -> float | None:
    """Processor time used so far by one thread, by default the main one, to the nanosecond."""
    text = _text(pid, f"task/{pid if thread is None else thread}/schedstat")
    try:
        return None if text is None else int(text.split()[0]) / 1e9
    except (ValueError, IndexError):
        return None


def main_thread_ran(pid: int) -> float | None:
    """Seconds in which its main thread ran or wanted to, waiting for a processor."""
    words = (_text(pid, f"task/{pid}/schedstat") or "").split()
    return (int(words[0]) + int(words[1])) / 1e9 if len(words) == 3 else None


@portable
def open_files(pid: int) -> int | None:
    """How many file descriptors it has open."""
    names = _names(PROC / str(pid) / "fd")
    return None if names is None else len(names)


def open_files_limit(pid: int) -> int | None:
    """How many it may have open; None for no limit, or unknown."""
    for line in (_text(pid, "limits") or "").splitlines():
        if line.startswith("Max open files"):
            soft = line.split()[3]
            return int(soft) if soft.isdecimal() else None
    return None


def cpu_pressure() -> float | None:
    """Share of the last ten seconds in which some thread of this machine wanted a processor and
    had none; None where the kernel does not count that (before 4.20, or switched off)."""
    try:
        first = (PROC / "pressure" / "cpu").read_text().partition("\n")[0].split()
        return float(dict(word.split("=") for word in first[1:])["avg10"]) / 100
    except (OSError, ValueError, KeyError):
        return None


def boot_id() -> str | None:
    """What names this run of this machine; containers on it have the same."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


@portable
def machine_memory() -> tuple[int | None, int | None]:
    """Bytes of memory that this machine has, and how many of them are still to be had."""
    try:
        lines = (PROC / "meminfo").read_text().splitlines()
    except OSError:
        return None, None
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return _kilobytes(fields, "MemTotal"), _kilobytes(fields, "MemAvailable")


@portable
def argv(pid: int) -> list[str] | None:
    """Its command line. A program may have written a title over it."""
    return _strings(pid, "cmdline")


@portable
def environ(pid: int) -> dict[str, str] | None:
    """The environment it was started with."""
    entries = _strings(pid, "environ")
    return None if entries is None else dict(entry.partition("=")[::2] for entry in entries)


def thread_names(pid: int) -> list[str]:
    """Names of its threads as they are now; those of ended ones are left out."""
    tasks = _names(PROC / str(pid) / "task") or []
    names = (_text(pid, f"task/{task}/comm") for task in tasks)
    return [name.strip() for name in names if name is not None]


def threads(pid: int) -> list[ThreadName]:
    """Its threads as they are now; those that end meanwhile are left out."""
    alike = inner_pid(pid) in (pid, None)
    found = []
    for tid in thread_ids(pid):
        name = _text(pid, f"task/{tid}/comm")
        inner = tid if alike else inner_of(_text(pid, f"task/{tid}/status") or "")
        if name is not None and inner is not None:
            found.append(ThreadName(tid, inner, name.rstrip("\n")))
    return found


def thread_ids(pid: int) -> list[int]:
    """The ids of its threads, ascending; none once it is gone."""
    return sorted(int(name) for name in _names(PROC / str(pid) / "task") or [])


def is_traced(pid: int) -> bool:
    """Whether a debugger is attached to it."""
    found = re.search(r"^TracerPid:\s*(\d+)", _text(pid, "status") or "", re.MULTILINE)
    return found is not None and found[1] != "0"


@portable
def link(pid: int, name: str) -> str | None:
    """Where a link below /proc/PID points to: `exe`, `cwd`, `fd/3`."""
    try:
        return str((PROC / str(pid) / name).readlink())
    except OSError:
        return None


def bits(pid: int) -> int | None:
    """Whether its program is one of 32 or of 64 bits; None where it cannot be read."""
    try:
        with (PROC / str(pid) / "exe").open("rb") as file:
            head = file.read(5)
    except OSError:
        return None
    return {1: 32, 2: 64}.get(head[4]) if head[:4] == b"\x7fELF" and len(head) == 5 else None


def mapped_files(pid: int) -> list[str] | None:
    """Paths of the files in its memory map, each once, in the order of the map."""
    text = _text(pid, "maps")
    if text is None:
        return None
    fields = (line.split(None, 5) for line in text.splitlines() if "/" in line)
    return list(dict.fromkeys(f[5] for f in fields if len(f) == 6 and f[5].startswith("/")))


@portable
def listeners(pid: int) -> list[Listener] | None:
    """The TCP sockets on which it accepts connections."""
    inodes = socket_inodes(pid)
    if inodes is None:
        return None
    found = [
        Listener(host, port, inode)
        for host, port, state, inode in sockets(pid)
        if state == LISTEN and inode in inodes
    ]
    return sorted(found, key=lambda listener: (listener.port, listener.host))


def poll_groups(pid: int) -> list[set[int]]:
    """For each event loop of the process (epoll, oldest first), the inodes it waits for."""
    groups = []
    for name in sorted(_names(PROC / str(pid) / "fd") or [], key=int):
        if link(pid, f"fd/{name}") == "anon_inode:[eventpoll]":
            fields = (line.split() for line in (_text(pid, f"fdinfo/{name}") or "").splitlines())
            inodes = [f for line in fields if line[:1] == ["tfd:"] for f in line if f[:4] == "ino:"]
            if inodes:
                groups.append({int(inode[4:], 16) for inode in inodes})
    return groups


@portable
def clients(pid: int, port: int) -> int | None:
    """How many connections it has accepted on `port` and not yet closed."""
    inodes = socket_inodes(pid)
    if inodes is None:
        return None
    return sum(
        1
        for _, local, state, inode in sockets(pid)
        if state == ESTABLISHED and local == port and inode in inodes
    )


def shares_network(pid: int) -> bool | None:
    """Whether its loopback interface is ours."""
    theirs = link(pid, "ns/net")
    return None if theirs is None else theirs == link(os.getpid(), "ns/net")


def sockets(pid: int) -> Iterator[tuple[str, int, str, int]]:
    """(host, port, state, inode) of every TCP socket in the network of a process."""
    for name, family in (("net/tcp", socket.AF_INET), ("net/tcp6", socket.AF_INET6)):
        for line in (_text(pid, name) or "").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9:
                address, port = fields[1].split(":")
                yield _address(address, family), int(port, 16), fields[3], int(fields[9])


def socket_inodes(pid: int) -> set[int] | None:
    """What names its sockets, in the network that it is in."""
    names = _names(PROC / str(pid) / "fd")
    if names is None:
        return None
    targets = (link(pid, f"fd/{name}") or "" for name in names)
    return {int(target[8:-1]) for target in targets if target.startswith("socket:[")}


def _address(text: str, family: int) -> str:
    # The kernel prints an address as 32-bit words in the byte order of the machine.
    words = bytes.fromhex(text)
    count = len(words) // 4
    packed = struct.pack(f"={count}I", *struct.unpack(f">{count}I", words))
    return socket.inet_ntop(family, packed)


def _stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (state) on: the second may hold anything."""
    text = _text(pid, "stat")
    fields = [] if text is None else text.rpartition(")")[2].split()
    return fields if len(fields) > 19 else None


def _strings(pid: int, name: str) -> list[str] | None:
    text = _text(pid, name)
    return None if text is None else text.split("\0")[:-1] or ([text] if text else [])


def _text(pid: int, name: str) -> str | None:
    try:
        with open(PROC / str(pid) / name, "rb") as file:
            return file.read(_MAX_TEXT).decode(errors="replace")
    except OSError:
        return None


def _kilobytes(fields: dict[str, str], name: str) -> int | None:
    """A field like `6664 kB` in bytes; absent in zombies and in older kernels."""
    value = fields.get(name, "").split()
    return int(value[0]) * 1024 if value and value[0].isdecimal() else None


def _names(folder: Path) -> list[str] | None:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return None
