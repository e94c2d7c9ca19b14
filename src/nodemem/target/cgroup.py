"""The memory limit that a process's control group, or one above it, sets; version 1 and 2.

A limit on a parent (a systemd slice, a nested pod) binds as hard as one's own, although Node.js
does not see it: the smallest of all counts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from nodemem.records import GroupMemory
from nodemem.target import procfs


class CgroupMemory(msgspec.Struct, frozen=True):
    """Memory of the control groups of a process, in bytes; None where nothing is set or seen.

    `limit` is the smallest limit of the own group and its parents; `headroom` is what can still
    be allocated before one of these limits is reached, page cache that the kernel would give up
    counted as free; `oom_kills` is how often the kernel has killed in the own group.
    """

    limit: int | None = None
    headroom: int | None = None
    oom_kills: int | None = None


def memory(pid: int, *, proc: Path = procfs.PROC) -> CgroupMemory:
    """What binds the process `pid`. `proc` is where procfs is mounted."""
    groups = memory_groups(pid, proc=proc)
    found = levels(groups)
    limits = [level.limit for level in found if level.limit is not None]
    rooms = [level.room for level in found if level.room is not None]
    return CgroupMemory(min(limits, default=None), min(rooms, default=None), oom_kills(groups))


def levels(groups: Sequence[Path]) -> list[GroupMemory]:
    """Limit and use of each of `groups` that sets a limit, in their order."""
    found = ((group, _limit(group)) for group in groups)
    return [
        GroupMemory(path=str(group), limit=limit, used=_used(group))
        for group, limit in found
        if limit is not None
    ]


def memory_groups(pid: int, *, proc: Path = procfs.PROC) -> list[Path]:
    """Folders of the groups that account for its memory, the own one first, then its parents."""
    unified: str | None = None
    own: str | None = None
    for line in _read(proc / str(pid) / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            own = path
        elif controllers == "":
            unified = path
    for version, named in ((1, own), (2, unified)):
        found = None if named is None else _folder(version, named, pid, proc)
        if found is None:
            continue
        folder, top = found
        groups = [folder, *(p for p in folder.parents if p == top or p.is_relative_to(top))]
        if version == 1 or any((group / "memory.max").exists() for group in groups):
            return groups
    return []


def oom_kills(groups: Sequence[Path]) -> int | None:
    """How often the kernel has killed a process of the first of `groups` for want of memory."""
    return events(groups).get("oom_kill")


def events(groups: Sequence[Path]) -> dict[str, int]:
    """What befell the first of `groups` since it was made: `oom_kill` and, with version 2, `max`,
    `high`, `oom`; empty where nothing is counted."""
    for group in groups[:1]:
        for name in ("memory.events", "memory.oom_control"):
            if counters := _counters(group / name):
                return counters
    return {}


def kernel(groups: Sequence[Path]) -> int | None:
    """What the first of `groups` pays for the kernel's own needs, page tables among them; bytes."""
    for group in groups[:1]:
        found = _counters(group / "memory.stat").get("kernel")
        return _number(group / "memory.kmem.usage_in_bytes") if found is None else found
    return None


def _folder(version: int, named: str, pid: int, proc: Path) -> tuple[Path, Path] | None:
    """Folder of the group `named`, and of the highest one above it that can be seen.

    A group beside the root of our own cgroup namespace, as of another container of one pod, is
    `/../name`. It cannot be seen in our file system, but may be in that of the process.
    """
    ours = _mounts(version, proc / "self/mountinfo")
    for root, top in ours:
        if (inner := _within(root, named)) is not None and (top / inner).is_dir():
            return top / inner, top
    outside = proc / str(pid) / "root"
    for root, mounted in _mounts(version, proc / str(pid) / "mountinfo"):
        top = outside / mounted.relative_to("/")
        if (inner := _within(root, named)) is not None and (top / inner).is_dir():
            return top / inner, top
    if ours and not named.startswith("/.."):  # it was named from outside the namespace we are in
        return ours[0][1], ours[0][1]
    return None


def _mounts(version: int, mountinfo: Path) -> list[tuple[str, Path]]:
    """(root within the hierarchy, mount point) of each mount that shows memory groups."""
    found = []
    for line in _read(mountinfo).splitlines():
        head, _, tail = line.partition(" - ")
        where, what = head.split(), tail.split()
        if len(where) < 5 or len(what) < 3 or not where[4].startswith("/"):
            continue
        if (version == 2 and what[0] == "cgroup2") or (
            version == 1 and what[0] == "cgroup" and "memory" in what[2].split(",")
        ):
            found.append((where[3], Path(where[4])))
    return found


def _within(root: str, named: str) -> str | None:
    """The path of the group `named` below the group `root`; None if it is not below it."""
    inner = named.removeprefix(root)
    if root != "/" and (inner == named or inner[:1] not in ("", "/")):
        return None
    return None if ".." in inner.split("/") else inner.strip("/")


def _limit(group: Path) -> int | None:
    names = ("memory.max", "memory.high", "memory.limit_in_bytes")
    limits = [limit for name in names if (limit := _number(group / name)) is not None]
    # Version 1 writes "no limit" as the largest number of pages; such a figure binds nobody.
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    bound = min(limits, default=None)
    return None if bound is None or bound > physical else bound


def _used(group: Path) -> int | None:
    used = _number(group / "memory.current")
    if used is None:
        used = _number(group / "memory.usage_in_bytes")
    if used is None:
        return None
    counters = _counters(group / "memory.stat")
    cache = counters.get("total_inactive_file", counters.get("inactive_file", 0))
    return max(0, used - cache)


def _counters(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in _read(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


def _number(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdecimal() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
