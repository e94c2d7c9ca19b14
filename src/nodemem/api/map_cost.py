"""What reading a memory map costs the process that is read, told before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nodemem.errors import TargetLost
from nodemem.target import discover, family, host, mappings, procfs
from nodemem.target.freeze import AT_MOST

Mode = Literal["default", "gentle", "freeze"]

# Seconds, measured with bench/memory_map: what the kernel holds up calls that change the memory
# map for, for each GiB while it adds up one mapping; what other programs add to that, as we may
# wait for a processor just then; and how long all of the reading takes.
_STALL_GIB = 0.07
_BUSY = 0.03
_READ, _READ_GIB, _READ_MAPPING = 0.03, 0.05, 28e-6
_SPREAD = 3.0


@dataclass(frozen=True)
class Cost:
    """One way of reading. The process is held up for `least` to `most` seconds: all of it with
    `freeze`, else only calls that change its memory map."""

    mode: Mode
    least: float
    most: float


def costs(pid: int) -> list[Cost]:
    """What each way of reading the map of a process would cost it.

    Raises:
        TargetNotFound: there is no such process, or it is not Node.js.
        TargetLost: it ended meanwhile.
        NotPermitted: this is not Linux.
    """
    host.require_linux("to tell what reading costs", instead=f"nodemem map {pid}")
    if discover.examine(pid) is None:
        raise family.not_node(pid)
    status = procfs.status(pid)
    if status is None or status.rss is None:
        raise TargetLost(f"process {pid} ended while we looked at it", next="nodemem ps")
    gib = status.rss / (1 << 30)
    whole = _READ + _READ_GIB * gib + _READ_MAPPING * (mappings.count(pid) or 0)
    return [
        Cost("default", 0.0, _STALL_GIB * gib + _BUSY),
        Cost("gentle", 0.0, _BUSY),
        Cost("freeze", whole / _SPREAD, min(AT_MOST, whole * _SPREAD)),
    ]
