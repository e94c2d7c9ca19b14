"""Physical memory of a process by kind of mapping, from /proc alone.

The totals (anonymous, file, shared) are in /proc/PID/status, which costs nothing. Their parts are
only in /proc/PID/smaps. The kernel walks the page tables for it and meanwhile holds up calls of
the process that change its memory map: about 35 to 60 ms a GiB, measured. So big processes are
only looked at that closely when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from nodemem.records import Resident
from nodemem.target import procfs

DETAILED_UP_TO = 1 << 30
"""Bytes of RSS up to which smaps is read without being asked to: a stall of some 50 ms at most."""

_GUARD_UP_TO = 64 << 10
_SHARED_FILES = ("/dev/zero", "/dev/shm/", "/memfd:", "/SYSV")


class Mapping(msgspec.Struct):
    """One entry of smaps; sizes in bytes. `flags` are the kernel's two-letter VmFlags."""

    start: int
    end: int
    access: str
    inode: int
    name: str
    rss: int = 0
    anonymous: int = 0
    flags: frozenset[str] = frozenset()


def resident(pid: int, *, detailed: bool | None = None) -> Resident | None:
    """What a process has in physical memory; None if it is gone.

    `detailed` says whether smaps may be read; by default up to `DETAILED_UP_TO`. Where it is not,
    or we may not, the parts are unknown and the totals those of /proc/PID/status.
    """
    status = procfs.status(pid)
    if status is None or status.rss is None:
        return None
    totals = Resident(
        rss=status.rss,
        anonymous=status.anonymous,
        file=status.file,
        shared=status.shared,
        swap=status.swap,
        page_tables=status.page_tables,
    )
    if detailed is None:
        detailed = status.rss <= DETAILED_UP_TO
    parts = _parts(pid) if detailed else None
    return totals if parts is None else _with_parts(totals, parts)


def parse(lines: Iterable[str]) -> Iterator[Mapping]:
    """The entries of a text like /proc/PID/smaps, in its order. Lines that are none are passed
    over."""
    current: Mapping | None = None
    for line in lines:
        key, _, rest = line.partition(" ")
        if not key.endswith(":"):
            if current is not None:
                yield current
            current = _head(line)
        elif current is None:
            continue
        elif key == "Rss:":
            current.rss = _bytes(rest)
        elif key == "Anonymous:":
            current.anonymous = _bytes(rest)
        elif key == "VmFlags:":
            current.flags = frozenset(rest.split())
    if current is not None:
        yield current


def add_up(mappings: Iterable[Mapping]) -> Resident:
    """Resident bytes by kind.

    V8 forbids that what it reserves is inherited by a fork, and nothing else in Node.js does: the
    flag `dc`. The stack of a thread is what lies behind a small region without access rights,
    its guard.
    """
    rss = anonymous = shared = v8 = c_heap = stacks = code = data = 0
    guarded = 0  # the end of the guard just passed
    for one in mappings:
        rss += one.rss
        anonymous += one.anonymous
        if one.name.startswith(_SHARED_FILES):
            shared += one.rss - one.anonymous
        elif one.inode and "x" in one.access:
            code += one.rss
        elif one.inode:
            data += one.rss
        if "dc" in one.flags and one.inode == 0:
            v8 += one.anonymous
        elif one.name == "[heap]":
            c_heap += one.anonymous
        elif one.name == "[stack]" or (
            one.start == guarded and one.access.startswith("rw") and one.inode == 0
        ):
            stacks += one.anonymous
        is_guard = one.access == "---p" and one.inode == 0 and "dc" not in one.flags
        guarded = one.end if is_guard and one.end - one.start <= _GUARD_UP_TO else 0
    return Resident(
        rss=rss,
        anonymous=anonymous,
        file=rss - anonymous - shared,
        shared=shared,
        v8=v8,
        c_heap=c_heap,
        stacks=stacks,
        code=code,
        data=data,
    )


def _parts(pid: int) -> Resident | None:
    try:
        with open(procfs.PROC / str(pid) / "smaps", errors="replace") as lines:
            found = add_up(parse(lines))
    except OSError:
        return None
    return found if found.rss else None


def _with_parts(totals: Resident, parts: Resident) -> Resident:
    return msgspec.structs.replace(parts, swap=totals.swap, page_tables=totals.page_tables)


def _head(line: str) -> Mapping | None:
    fields = line.rstrip("\n").split(None, 5)
    start, dash, end = fields[0].partition("-") if fields else ("", "", "")
    try:
        if len(fields) < 5 or not dash:
            return None
        return Mapping(
            start=int(start, 16),
            end=int(end, 16),
            access=fields[1],
            inode=int(fields[4]),
            name=fields[5] if len(fields) == 6 else "",
        )
    except ValueError:
        return None


def _bytes(rest: str) -> int:
    number = rest.split()[:1]
    return int(number[0]) * 1024 if number and number[0].isdecimal() else 0


def count(pid: int) -> int | None:
    """How many mappings it has; None where that cannot be seen."""
    try:
        with open(procfs.PROC / str(pid) / "maps", "rb") as lines:
            return sum(1 for _ in lines)
    except OSError:
        return None


def count_limit() -> int | None:
    """How many the kernel grants one process."""
    try:
        return int((procfs.PROC / "sys/vm/max_map_count").read_text())
    except (OSError, ValueError):
        return None
