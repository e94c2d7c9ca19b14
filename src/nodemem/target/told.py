"""Who tells what processes there are and what they have: the kernel's /proc, or psutil where there
is none, as on macOS and Windows.

`procfs` marks those of its functions that psutil can answer as `portable`; which of the two answers
is decided here and nowhere else. NODEMEM_PROCESSES=psutil asks for psutil on Linux too, with as
little to see as elsewhere, to try what is written for other systems.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

import msgspec

BY_KERNEL = sys.platform == "linux" and os.environ.get("NODEMEM_PROCESSES") != "psutil"
"""Whether there is a /proc to read."""

PROC = Path("/proc") if BY_KERNEL else Path("/proc-of-linux")
_SYSTEMS = {
    "darwin": "macOS",
    "win32": "Windows",
    "linux": "Linux" if BY_KERNEL else "Linux without its /proc, by NODEMEM_PROCESSES",
}
SYSTEM = _SYSTEMS.get(sys.platform, sys.platform)
"""What this system is called."""

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def elevated(command: str, user: str | None = None) -> str:
    """How to run a command as somebody who may do more: as `user`, by default the administrator."""
    if sys.platform == "win32":
        return f"in a terminal that was opened as administrator: {command}"
    return f"sudo {command}" if user is None else f"sudo -u {user} {command}"


class Status(msgspec.Struct, frozen=True):
    """What there is to know of a process at once. Sizes are bytes (`rss` is the sum of `anonymous`,
    `file` and `shared`, `peak` the most that it ever was, `reserved` the addresses that it has
    taken), None in a process that has ended; the masks are bit sets of signals (bit 0 is signal 1);
    `state` is the kernel's letter (R, S, D, T, t, Z, X). `user` is its name where a `uid` says
    nothing. None is what this system does not tell."""

    name: str
    state: str
    parent: int
    uid: int | None
    threads: int | None
    rss: int | None
    caught: int | None
    blocked: int | None
    ignored: int | None
    anonymous: int | None = None
    file: int | None = None
    shared: int | None = None
    swap: int | None = None
    page_tables: int | None = None
    peak: int | None = None
    reserved: int | None = None
    user: str | None = None


class Listener(msgspec.Struct, frozen=True):
    """A TCP socket that accepts connections. No other one of the process has its `inode`."""

    host: str
    port: int
    inode: int


class Holder(msgspec.Struct, frozen=True):
    """Process `pid` has the port, None if it cannot be seen or has left: `listens` there, or has
    made a connection from there."""

    pid: int | None
    listens: bool = True


class Hold(Protocol):
    """A hold on one process, which no other one with its number takes the place of."""

    @property
    def ended(self) -> bool: ...

    def send(self, number: int) -> None:
        """Send it a signal. Raises OSError: it has ended, or may not be signalled."""

    def close(self) -> None: ...


def portable(function: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """Marks a function that `elsewhere` has too, under the same name; the one that answers here."""
    if BY_KERNEL:
        return function
    from nodemem.target import elsewhere

    namesake: Callable[Given, Answer] = getattr(elsewhere, function.__name__)
    return namesake
