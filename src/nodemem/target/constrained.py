"""What libuv tells a Node.js process of its memory: uv_get_total_memory, uv_get_constrained_memory.

Until libuv 1.44 (Node.js 20.2) it reads one file, `/sys/fs/cgroup/memory/memory.limit_in_bytes`:
the root of what is mounted of version 1. Later it reads the limits of the process's own group, the
hard and the soft one, and takes the smaller. It never looks at the groups above.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from nodemem.target import cgroup, procfs

_UNLIMITED = 1 << 62
"""Version 1 writes "no limit" as the largest number of pages."""


class Constrained(msgspec.Struct, frozen=True):
    """Bytes; None for no limit, or none that can be seen. `version` is that of the hierarchy that
    libuv asks, `own` the own group's limit, `root` that of the root of version 1. `total` is the
    machine's memory as the process sees it, which lxcfs can make smaller."""

    total: int | None
    version: Literal[1, 2] | None = None
    own: int | None = None
    root: int | None = None


def constrained(pid: int, *, proc: Path = procfs.PROC) -> Constrained:
    """What the process `pid` is told. `proc` is where procfs is mounted."""
    inside = proc / str(pid) / "root"
    total = _total(inside / "proc/meminfo") or _total(proc / "meminfo")
    root = _number(inside / "sys/fs/cgroup/memory/memory.limit_in_bytes")
    groups = cgroup.memory_groups(pid, proc=proc)
    try:
        listed = (proc / str(pid) / "cgroup").read_text(errors="replace")
    except OSError:
        listed = ""
    own: int | None = None
    version: Literal[1, 2] | None = None
    if listed.startswith("0::/"):  # libuv takes it for version 2 only if that is the first line
        version, names = 2, ("memory.max", "memory.high")
    else:
        version, names = 1, ("memory.limit_in_bytes", "memory.soft_limit_in_bytes")
    if groups:
        limits = [limit for name in names if (limit := _number(groups[0] / name)) is not None]
        own = min(limits, default=None)
    return Constrained(total, version if groups else None, own, root)


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(errors="replace").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() and len(text) < 20 and int(text) < _UNLIMITED else None


def _total(meminfo: Path) -> int | None:
    try:
        line = meminfo.read_text(errors="replace").partition("\n")[0].split()
    except OSError:
        return None
    known = len(line) >= 2 and line[0] == "MemTotal:" and line[1].isdecimal()
    return int(line[1]) * 1024 if known else None
