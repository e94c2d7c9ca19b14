"""Python, this package, and where it writes."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from nodemem import __version__, kernels, paths
from nodemem.api.checks.check import Check
from nodemem.records import compression

_REINSTALL = "pip install --force-reinstall --no-cache-dir nodemem"
_LITTLE_ROOM = 1_000_000_000  # bytes; a heap at the limit that V8 chooses makes a bigger file


def checks() -> Iterator[Check]:
    yield _python()
    yield Check(
        "nodemem",
        "ok",
        "here",
        {"version": __version__, "path": str(Path(kernels.__file__).parents[1])},
    )
    yield _kernels()
    yield _zstd()
    yield _terminal()
    yield _room()
    yield _state()


def _python() -> Check:
    values = {
        "version": platform.python_version(),
        "build": f"{platform.python_implementation()}, {platform.machine()}",
    }
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return Check("python", "warn", "free_threaded", values)
    return Check("python", "ok", "here", values)


def _kernels() -> Check:
    if kernels.INTERPRETED:
        return Check("kernels", "warn", "interpreted", fix="unset NODEMEM_INTERPRETED")
    names = kernels.names()
    missing = [name for name in names if not kernels.is_compiled(name)]
    if missing:
        return Check("kernels", "fail", "missing", {"names": ", ".join(missing)}, _REINSTALL)
    return Check("kernels", "ok", "compiled", {"count": len(names)})


def _zstd() -> Check:
    try:
        compression.zstd()
    except ImportError:
        return Check("zstd", "warn", "missing", fix="pip install backports.zstd")
    return Check("zstd", "ok", "here")


def _terminal() -> Check:
    encoding = "utf-8" if sys.flags.utf8_mode else locale.getencoding()
    if encoding.lower().replace("-", "") == "utf8":
        return Check("terminal", "ok", "utf8", {"encoding": encoding})
    return Check("terminal", "warn", "other", {"encoding": encoding}, "export LC_ALL=C.UTF-8")


def _room() -> Check:
    elsewhere = "nodemem snapshot PID -o /elsewhere/a.heapsnapshot"
    try:
        here = Path.cwd()
        free = shutil.disk_usage(here).free
    except OSError as error:
        return Check("disk", "warn", "gone", {"error": error.strerror}, "cd")
    values = {"path": str(here), "free": free}
    if not os.access(here, os.W_OK | os.X_OK):
        return Check("disk", "warn", "not_writable", values, elsewhere)
    if free < _LITTLE_ROOM:
        return Check("disk", "warn", "little", values, elsewhere)
    return Check("disk", "ok", "free", values)


def _state() -> Check:
    folder = paths.state_folder()
    if folder is None:
        return Check("state", "warn", "nowhere", fix="export XDG_STATE_HOME=$(mktemp -d)")
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        free = None
    return Check("state", "ok", "here", {"path": str(folder), "free": free})
