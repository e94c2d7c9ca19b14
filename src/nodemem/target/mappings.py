"""Physical memory of a process by kind of mapping, from /proc alone.

The totals (anonymous, file, shared) are in /proc/PID/status, which costs nothing. Their parts are
only in /proc/PID/smaps. The kernel walks the page tables for it and meanwhile holds up calls of
the process that change its memory map: about 35 to 60 ms a GiB, measured. So big processes are
only looked at that closely when it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from nodemem.records import MappedMemory, Resident
from nodemem.target import procfs

DETAILED_UP_TO = 1 << 30
"""Bytes of RSS up to which smaps is read without being asked to: a stall of some 50 ms at most."""

_GUARD_UP_TO = 64 << 10
_SHARED_FILES = ("/dev/zero", "/dev/shm/", "/memfd:", "/SYSV")
_ENTRY = re.compile(
    rb"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ (\d+)(?: +([^\n]*))?\n"
    rb"((?:[A-Z][^\n]*\n)*)",
    re.M,
)
_FIELD = re.compile(rb"^(\w+): +(\d+)", re.M)
_FLAGS = re.compile(rb"^VmFlags: *([^\n]*)", re.M)


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


def read(pid: int) -> list[MappedMemory]:
    """All mappings of a process with what is in memory of each, from smaps.

    Raises:
        OSError: it is gone, or may not be looked at.
    """
    return parse(_whole(procfs.PROC / str(pid) / "smaps"))


def read_plain(pid: int) -> list[MappedMemory]:
    """All mappings of a process from maps, which is cheap: sizes and flags are unknown.

    Raises:
        OSError: it is gone, or may not be looked at.
    """
    return parse(_whole(procfs.PROC / str(pid) / "maps"))


def parse(text: bytes) -> list[MappedMemory]:
    """The entries of a text like /proc/PID/smaps or maps, in its order. Lines that are none are
    passed over.

    Tens of thousands of mappings are mostly alike, so what follows the first line of an entry is
    taken apart once for each different text.
    """
    known: dict[bytes, _Body] = {}
    flags: dict[bytes, frozenset[str]] = {}
    found = []
    for start, stop, access, offset, inode, name, body in _ENTRY.findall(text):
        values = known.get(body)
        if values is None:
            values = known[body] = _body(body, flags)
        found.append(
            MappedMemory(
                int(start, 16),
                int(stop, 16),
                access.decode("ascii", "replace"),
                name.decode(errors="replace") if name else "",
                values.flags,
                int(offset, 16),
                int(inode),
                *values[1:],
            )
        )
    return found


def add_up(mappings: Iterable[MappedMemory]) -> Resident:
    """Resident bytes by kind.

    V8 forbids that what it reserves is inherited by a fork, and nothing else in Node.js does: the
    flag `dc`. The stack of a thread is what lies behind a small region without access rights,
    its guard.
    """
    rss = anonymous = shared = v8 = c_heap = stacks = code = data = 0
    guarded = 0  # the end of the guard just passed
    for one in mappings:
        flags = one.flags or frozenset()
        rss += one.rss
        anonymous += one.anonymous
        if one.file.startswith(_SHARED_FILES):
            shared += one.rss - one.anonymous
        elif one.inode and "x" in one.access:
            code += one.rss
        elif one.inode:
            data += one.rss
        if "dc" in flags and one.inode == 0:
            v8 += one.anonymous
        elif one.file == "[heap]":
            c_heap += one.anonymous
        elif one.file == "[stack]" or (
            one.start == guarded and one.access.startswith("rw") and one.inode == 0
        ):
            stacks += one.anonymous
        is_guard = one.access == "---p" and one.inode == 0 and "dc" not in flags
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


class _Body(NamedTuple):
    """What an entry says after its first line, in the order of `MappedMemory`'s last fields."""

    flags: frozenset[str] | None
    rss: int
    pss: int | None
    uss: int | None
    anonymous: int
    swap: int
    lazy_free: int
    huge: int


def _body(text: bytes, known_flags: dict[bytes, frozenset[str]]) -> _Body:
    kilobytes = {key: int(value[:18]) for key, value in _FIELD.findall(text)}
    size = {key: value * 1024 for key, value in kilobytes.items()}
    flags = _FLAGS.search(text)
    private = [size[key] for key in (b"Private_Clean", b"Private_Dirty") if key in size]
    if flags is not None and flags[1] not in known_flags:
        known_flags[flags[1]] = frozenset(flags[1].decode("ascii", "replace").split())
    return _Body(
        None if flags is None else known_flags[flags[1]],
        size.get(b"Rss", 0),
        size.get(b"Pss"),
        sum(private) if private else None,
        size.get(b"Anonymous", 0),
        size.get(b"Swap", 0),
        size.get(b"LazyFree", 0),
        size.get(b"AnonHugePages", 0),
    )


def _whole(path: Path) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return b"".join(iter(lambda: file.read(1 << 20), b""))


def _parts(pid: int) -> Resident | None:
    try:
        found = add_up(read(pid))
    except OSError:
        return None
    return found if found.rss else None


def _with_parts(totals: Resident, parts: Resident) -> Resident:
    return msgspec.structs.replace(parts, swap=totals.swap, page_tables=totals.page_tables)


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
