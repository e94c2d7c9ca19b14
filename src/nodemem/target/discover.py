"""The Node.js processes of this host, found and described without touching them."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Literal

import msgspec

from nodemem.target import binary, cgroup, commandline, procfs
from nodemem.target.told import Listener, Status

Sigusr1 = Literal["safe", "blocked", "uncaught", "unknown", "absent"]
"""What SIGUSR1, the signal that opens the inspector, would do: `safe` opens it (or runs a handler
of the program's own); `blocked` does nothing (--disable-sigusr1, the permission model); `uncaught`
would kill the process, as in its first milliseconds. `unknown` where the system does not tell, and
`absent` on Windows, which has no such signal."""

_WILDCARDS = ("0.0.0.0", "::")
_LOOPBACK = ("127.0.0.1", "::1")
# Names that Node.js gives its main thread; the only trace of it in processes we may not read.
_THREAD_NAMES = ("node", "MainThread", "node-MainThread")


class Inspector(msgspec.Struct, frozen=True):
    """Whether the inspector is open; `address` is `host:port`, None if several sockets may be it.

    `open` is None where the process's sockets cannot be seen.
    """

    open: bool | None
    address: str | None = None


class NodeProcess(msgspec.Struct, frozen=True):
    """One Node.js process, as seen from outside. `age` is in seconds, sizes are bytes."""

    pid: int
    version: str | None
    script: str | None
    argv: list[str]
    user: str
    rss: int | None
    threads: int | None
    age: float | None
    cgroup_limit: int | None
    inspector: Inspector
    sigusr1: Sigusr1
    readable: bool
    electron: bool = False


def processes() -> list[NodeProcess]:
    """Every Node.js process on this host, by pid. Other users' are listed as far as they show."""
    found = (examine(pid) for pid in sorted(procfs.pids()) if pid != os.getpid())
    return [process for process in found if process is not None]


def examine(pid: int) -> NodeProcess | None:
    """Describe one process; None if it is gone or is not Node.js."""
    status = procfs.status(pid)
    if status is None or status.state in "ZX":
        return None
    readable = procfs.readable(pid)
    argv = procfs.argv(pid) or []
    node = binary.of_process(pid) if readable else _by_command_line(argv)
    if node is None and (readable or status.name not in _THREAD_NAMES):
        return None
    if any(word.startswith("--type=") for word in argv) and node is not None and node.electron:
        return None  # a renderer or helper of an Electron application, which runs no Node.js
    return NodeProcess(
        pid=pid,
        version=None if node is None else node.version,
        script=commandline.script(argv),
        argv=argv,
        user=user_of(status),
        rss=status.rss,
        threads=status.threads,
        age=procfs.age(pid),
        cgroup_limit=cgroup.memory(pid).limit,
        inspector=inspector(pid),
        sigusr1=sigusr1(status),
        readable=readable,
        electron=node is not None and node.electron,
    )


def sigusr1(status: Status) -> Sigusr1:
    """Read from the signal masks what SIGUSR1 would do to a process."""
    if sys.platform == "win32":
        return "absent"
    if status.caught is None or status.blocked is None or status.ignored is None:
        return "unknown"
    if status.caught & procfs.SIGUSR1_BIT:
        return "safe"
    if (status.blocked | status.ignored) & procfs.SIGUSR1_BIT:
        return "blocked"
    return "uncaught"


def inspector(pid: int) -> Inspector:
    """Whether its inspector is open, concluded from its sockets, command line and threads."""
    listeners = procfs.listeners(pid)
    if listeners is None:
        return Inspector(open=None)
    options = options_of(pid)
    # From Node.js 24 on the thread that serves the inspector has a name; before, all are `node`.
    threads = procfs.thread_names(pid)
    serving = "InspectorIo" in threads
    named = any(name.endswith("V8Worker") for name in threads)
    exact = [one for one in listeners if one.port == options.port]
    if exact and (serving or not named):
        return Inspector(open=True, address=address_of(exact[0]))
    sought = options.port == 0 or not options.certain
    if not listeners or not (serving or (sought and not named)):
        return Inspector(open=False)
    # A random port, or one that cannot be known. The inspector has an event loop of its own, beside
    # that of the program; so have servers in worker threads, mostly on all interfaces.
    apart = _apart_from_the_program(pid, listeners)
    if not options.certain:
        apart = [one for one in apart if one.host in _LOOPBACK]
    if serving or options.opened or apart:
        found = apart or listeners
        return Inspector(True, address_of(found[0]) if len(found) == 1 else None)
    return Inspector(open=False)


def _apart_from_the_program(pid: int, listeners: list[Listener]) -> list[Listener]:
    """The sockets that none of the loops serves which Node.js creates before all else: that of
    V8's delayed tasks and that of the program."""
    groups = procfs.poll_groups(pid)
    own = set().union(*groups[:2])
    others = set().union(*groups[2:])
    return [one for one in listeners if one.inode in others and one.inode not in own]


def options_of(pid: int) -> commandline.InspectorOptions:
    """Where the inspector of a process is or would be, by what it was started with."""
    environ = procfs.environ(pid) or {}
    return commandline.inspector_options(procfs.argv(pid) or [], environ.get("NODE_OPTIONS", ""))


def address_of(listener: Listener) -> str:
    """Where to connect to a listening socket from its own host: `127.0.0.1:9229`, `[::1]:9229`."""
    host = listener.host
    if host in _WILDCARDS:
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"
    return f"[{host}]:{listener.port}" if ":" in host else f"{host}:{listener.port}"


def _by_command_line(argv: list[str]) -> binary.NodeBinary | None:
    """Where a process may not be read, the program that its command line names may be."""
    path = shutil.which(argv[0]) if argv else None
    return None if path is None else binary.of_file(path)


def user_of(status: Status) -> str:
    """The name of the user that a process belongs to, or a number where it has none."""
    return status.user or user_name(status.uid)


def user_name(uid: int | None) -> str:
    """The name of a user, or its number where it has none."""
    if sys.platform == "win32" or uid is None:
        return "?"
    try:
        import pwd

        return str(pwd.getpwuid(uid)[0])
    except KeyError:
        return str(uid)


def is_ours(status: Status) -> bool:
    """Whether a process belongs to the user that we are."""
    ours = our_id()
    return status.user == our_name() if ours is None else status.uid == ours


def our_id() -> int | None:
    """The number of the user that we act as; None on Windows, which has none."""
    if sys.platform == "win32":
        return None
    return os.geteuid()


def our_name() -> str:
    """The name of the user that we are."""
    ours = procfs.status(os.getpid())
    return "?" if ours is None else user_of(ours)
