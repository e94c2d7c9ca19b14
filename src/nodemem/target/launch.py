"""Starting a Node.js program so that it can be attached to beside any other."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from nodemem.errors import TargetNotFound, UsageError

_GRACE = 5.0


def start(
    program: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
) -> subprocess.Popen[Any]:
    """Start `program` with a free inspector port of its own; the inspector stays closed. Its memory
    may be read by its user even where Yama would allow that to its ancestors only.

    Raises:
        UsageError: there is no program to start.
        TargetNotFound: it cannot be started.
    """
    if not program:
        raise UsageError("there is no program to start", next="name one, e.g. node app.js")
    environ = dict(os.environ if env is None else env)
    # First, so that what the user has set wins. The default port serves one process a machine; and
    # 0, for any free one, keeps the workers of a cluster from starting: Node.js counts up from it.
    options = f"--inspect-port={_free_port()} {environ.get('NODE_OPTIONS', '')}"
    environ["NODE_OPTIONS"] = options.rstrip()
    try:
        return subprocess.Popen(
            list(program),
            env=environ,
            cwd=cwd,
            stdout=stdout,
            stderr=stderr,
            preexec_fn=_may_be_read if sys.platform == "linux" else None,
        )
    except OSError as error:
        raise TargetNotFound(
            f"cannot start {program[0]}",
            why=error.strerror or str(error),
            next="give its full path, or install it: pip install nodemem[node] brings Node.js",
        ) from error


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PTRACER, _ANY = 0x59616D61, ctypes.c_ulong(-1)


def _may_be_read() -> None:
    """Let other programs of the same user read the memory of this one.

    With Yama, as on most laptops, only a program's ancestors may, unless it says so before. That
    lasts for the program that we are about to become, not for those that it starts. Where there is
    no Yama this is refused and does nothing (Documentation/admin-guide/LSM/Yama.rst).
    """
    assert _LIBC is not None
    _LIBC.prctl(_PR_SET_PTRACER, _ANY, 0, 0, 0)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def end(process: subprocess.Popen[Any]) -> int:
    """Ask a program to end, then make it; its exit code."""
    with contextlib.suppress(OSError):
        process.terminate()
    try:
        return process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
