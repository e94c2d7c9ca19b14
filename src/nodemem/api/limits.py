"""The heap limits that a release would take."""

from __future__ import annotations

import shutil
from typing import Literal

from nodemem.errors import UsageError
from nodemem.gc import policy
from nodemem.gc.policy import Flags, HeapLimits, WorkerLimits
from nodemem.target import binary, procfs
from nodemem.units import parse_size

NEWEST = "24"
"""The release that is taken where none is named and none is installed."""


def heap_limits(
    node: str | int | None = None,
    memory: str | int | None = None,
    cgroup: str | int | None = None,
    *,
    max_old_space_size: int | None = None,
    max_semi_space_size: int | None = None,
    min_semi_space_size: int | None = None,
    max_heap_size: int | None = None,
    max_old_space_size_percentage: float | None = None,
    optimize_for_size: bool | None = None,
    lite_mode: bool | None = None,
    minor_ms: bool | None = None,
    minor_mc: bool | None = None,
    huge_max_old_generation_size: bool | None = None,
    cgroup_version: Literal[1, 2] = 2,
    bits: Literal[32, 64] = 64,
    max_old_generation_size_mb: float | None = None,
    max_young_generation_size_mb: float | None = None,
) -> HeapLimits:
    """The limits that a Node.js release takes, and why: nothing is run and nothing is looked at.

    `node` is a release (`24`, `"v22.20.0"`), by default the one on PATH; `memory` is that of the
    machine, by default of this one, and `cgroup` the limit of the process's own control group, both
    in bytes or like `"2g"` (powers of 1024); `"max"`, as in memory.max, is no limit. Flags are in
    MiB, as in Node.js. The last two are `resourceLimits` of a worker thread, in MiB. The result is
    in bytes.

    Raises:
        UsageError: there is no such release, flag or size, or Node.js would not start with it.
    """
    flags = Flags(
        max_old_space_size=max_old_space_size,
        max_semi_space_size=max_semi_space_size,
        min_semi_space_size=min_semi_space_size,
        max_heap_size=max_heap_size,
        max_old_space_size_percentage=max_old_space_size_percentage,
        optimize_for_size=optimize_for_size,
        lite_mode=lite_mode,
        minor_ms=minor_ms,
        minor_mc=minor_mc,
        huge_max_old_generation_size=huge_max_old_generation_size,
    )
    return policy.heap_limits(
        installed() if node is None else node,
        machine() if memory is None else size(memory),
        None if cgroup is None or cgroup == "max" else size(cgroup),
        flags=flags,
        cgroup_version=cgroup_version,
        bits=bits,
        worker=WorkerLimits(max_old_generation_size_mb, max_young_generation_size_mb),
    )


def size(given: str | int) -> int:
    """Bytes from a number or from text like `2g`, whose suffix is a power of 1024.

    Raises:
        UsageError: it is no size.
    """
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise UsageError(f"{given!r} is not a size", next='write it like "2g" or 2147483648')
    return given if isinstance(given, int) else parse_size(given, binary=True)


def group_limit(given: str | int) -> int | Literal["max"]:
    """The limit of a control group: a size, or what memory.max holds where there is none.

    Raises:
        UsageError: it is no size.
    """
    return "max" if given == "max" else size(given)


def installed() -> str:
    """The Node.js on PATH, else `NEWEST`."""
    found = shutil.which("node")
    known = None if found is None else binary.of_file(found)
    version = None if known is None or known.electron else known.version
    return NEWEST if version is None else version


def machine() -> int:
    """Bytes of memory of this machine.

    Raises:
        UsageError: it cannot be read.
    """
    total, _ = procfs.machine_memory()
    if total is None:
        raise UsageError("the memory of this machine cannot be read", next="add --memory 2g")
    return total
