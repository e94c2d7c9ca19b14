"""What a process has in memory at one moment, read from /proc: nothing is sent to it."""

from __future__ import annotations

import mmap
from typing import BinaryIO

import msgspec

from nodemem.records import MappedMemory, Observed
from nodemem.target import cgroup, cgroup_facts, mappings, presence, procfs
from nodemem.target.address_space import lost

_VSYSCALL = "[vsyscall]"


def observe(pid: int, *, gentle: bool = False) -> Observed:
    """Read a process once: its mappings with their figures, as far as we may, its threads and the
    kernel's totals.

    With `gentle` the figures are counted from its page map, a little at a time: that never holds
    it up for long, but what it shares, and the flags of mappings, stay unknown.

    Raises:
        TargetLost: it has ended.
    """
    started = procfs.start_ticks(pid)
    try:
        found: list[MappedMemory] | None = _counted(pid) if gentle else mappings.read(pid)
    except OSError:
        found = None
    status = procfs.status(pid)
    if status is None or status.rss is None or procfs.start_ticks(pid) != started or found == []:
        raise lost(pid)
    groups = cgroup.memory_groups(pid)
    machine, available = procfs.machine_memory()
    return Observed(
        pid=pid,
        page_size=mmap.PAGESIZE,
        mappings=found,
        program=_program(pid, found or []),
        threads=procfs.threads(pid),
        rss=status.rss,
        anonymous=status.anonymous,
        file=status.file,
        shared=status.shared,
        page_tables=status.page_tables,
        swap=status.swap,
        reserved=status.reserved,
        uss=procfs.private(pid),
        mappings_limit=mappings.count_limit(),
        groups=cgroup_facts.describe(groups),
        group_kernel=cgroup.kernel(groups),
        machine_limit=machine,
        machine_room=available,
        pressure=cgroup_facts.pressure(procfs.PROC / "pressure/memory"),
    )


def open_mapped(pid: int, name: str) -> BinaryIO | None:
    """The file that a mapping of a process names, as the process sees it; None where it is not to
    be had. A replaced or deleted program is still open as its `exe`."""
    folder = procfs.PROC / str(pid)
    place = folder / "exe" if name == procfs.link(pid, "exe") else folder / f"root{name}"
    try:
        return open(place, "rb")
    except OSError:
        return None


def _counted(pid: int) -> list[MappedMemory]:
    # vsyscall is outside of the addresses that a page map has.
    found = [one for one in mappings.read_plain(pid) if one.file != _VSYSCALL]
    with presence.of_process(pid) as asked:
        counted = asked.count([(one.start, one.end) for one in found])
    return [
        msgspec.structs.replace(one, rss=rss, anonymous=anonymous)
        for one, (rss, anonymous) in zip(found, counted, strict=True)
    ]


def _program(pid: int, found: list[MappedMemory]) -> str | None:
    for one in found:
        if "/libnode.so" in one.file:
            return one.file
    return procfs.link(pid, "exe")
