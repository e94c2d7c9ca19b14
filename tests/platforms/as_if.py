"""Runs nodemem as if this were another system: as_if.py darwin|win32|linux ARGUMENTS [/ ...]

What Python has not got there is taken away, and sys.platform says so. Libraries are loaded before,
for they are Linux's own; what stays is what the standard library here cannot do without. Several
commands are run one after another. Without arguments all of nodemem is imported.
"""

from __future__ import annotations

import importlib
import mmap
import os
import pkgutil
import select
import selectors
import signal
import socket
import sys
import types
from importlib.abc import MetaPathFinder
from typing import Any

import backports.zstd  # noqa: F401
import click.shell_completion  # noqa: F401
import duckdb  # noqa: F401
import jinja2  # noqa: F401
import msgspec  # noqa: F401
import numpy  # noqa: F401
import psutil  # noqa: F401
import rich.console
import rich.markdown  # noqa: F401
import websockets.sync.client  # noqa: F401

LINUX_ONLY = {
    os: ["sched_getaffinity", "pidfd_open", "memfd_create", "setns", "unshare", "waitid"],
    signal: ["pidfd_send_signal", "sigtimedwait", "sigwaitinfo", "SIGRTMIN", "SIGRTMAX"],
    select: ["epoll", "EPOLLIN", "POLLRDHUP"],
    mmap: ["MADV_HUGEPAGE", "MADV_DONTFORK", "MAP_POPULATE"],
}
NOT_OF_WINDOWS = {
    os: [
        *("pread", "preadv", "pwrite", "pwritev", "geteuid", "getuid", "getegid", "getgid"),
        *("sysconf", "fork", "forkpty", "killpg", "getpgid", "setsid", "getloadavg", "mkfifo"),
        *("uname", "statvfs", "fchmod", "fchown", "chown", "set_blocking", "posix_fadvise"),
        *("O_CLOEXEC", "O_NONBLOCK", "O_NOFOLLOW", "O_DIRECTORY", "SEEK_DATA", "SEEK_HOLE"),
        *("WEXITED", "WSTOPPED", "WNOWAIT", "P_PID", "CLD_EXITED", "CLD_TRAPPED"),
    ],
    signal: [
        *("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIG_BLOCK", "SIG_SETMASK"),
        *("pthread_sigmask", "valid_signals"),
    ],
    select: ["poll", "POLLIN"],
    socket: ["send_fds", "recv_fds", "SO_REUSEPORT"],
    mmap: ["MAP_PRIVATE", "MAP_SHARED", "MAP_ANONYMOUS", "PROT_READ", "MADV_DONTNEED"],
}
NO_MODULES = ("fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "syslog")


class Hidden(MetaPathFinder):
    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in NO_MODULES:
            raise ImportError(f"there is no {name} on this system")


class WindowsMap(mmap.mmap):
    """A map as Windows has it: without flags and protection, at borders of 64 KiB."""

    def __new__(
        cls, fileno: int, length: int, tagname: None = None, access: int = 0, offset: int = 0
    ) -> Any:
        assert offset % 65536 == 0
        return super().__new__(cls, fileno, length, access=access, offset=offset)

    @property
    def madvise(self) -> Any:
        raise AttributeError("madvise")


def msvcrt() -> types.ModuleType:
    """Locks of bytes from the place where the file stands, by those that Linux has for that."""
    import fcntl

    module: Any = types.ModuleType("msvcrt")
    module.LK_NBLCK, module.LK_UNLCK = 2, 0

    def locking(file: int, how: int, count: int) -> None:
        asked = fcntl.LOCK_UN if how == module.LK_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB
        try:
            fcntl.lockf(file, asked, count, os.lseek(file, 0, os.SEEK_CUR))
        except BlockingIOError as error:
            raise PermissionError(error.errno, error.strerror) from error

    module.locking = locking
    result: types.ModuleType = module
    return result


def become(system: str) -> None:
    away = {"darwin": [LINUX_ONLY], "win32": [LINUX_ONLY, NOT_OF_WINDOWS]}.get(system, [])
    if system == "win32":
        sys.modules["msvcrt"] = msvcrt()
        for name in NO_MODULES:
            sys.modules.pop(name, None)
        sys.meta_path.insert(0, Hidden())
        mmap.ALLOCATIONGRANULARITY = 65536  # type: ignore[misc]
        mmap.mmap = WindowsMap  # type: ignore[misc]
        os.O_BINARY = 0  # type: ignore[attr-defined]
    selectors.DefaultSelector = selectors.SelectSelector  # type: ignore[misc]
    for names in away:
        for module, attributes in names.items():
            for name in attributes:
                if hasattr(module, name):
                    delattr(module, name)
    sys.platform = system


def import_all() -> None:
    import nodemem

    for module in pkgutil.walk_packages(nodemem.__path__, "nodemem."):
        if module.name.rpartition(".")[2] in ("__main__", *OF_LINUX):
            continue
        importlib.import_module(module.name)
    for name in nodemem.__all__:
        getattr(nodemem, name)


OF_LINUX = ("foreground", "drain", "enter_network")
"""Modules that say so themselves, and are loaded where there is Linux only."""


def main(system: str, arguments: list[str]) -> int:
    become(system)
    if not arguments:
        import_all()
        return 0
    from nodemem.cli import run

    command: list[str] = []
    for word in [*arguments, "/"]:
        if word != "/":
            command.append(word)
            continue
        if code := run(command):
            return code
        command = []
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
