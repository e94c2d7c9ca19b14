"""The memory limit that a process's control group, or one above it, sets; version 1 and 2.

A limit on a parent (a systemd slice, a nested pod) binds as hard as one's own, although Node.js
does not see it: the smallest of all counts.
"""

from __future__ import annotations

import itertools
import os
import sys
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
    """Limit and use of each of `groups` that sets a limit, in their order; then that of a group
    above them all which cannot be seen, where the kernel tells of it."""
    found = [one for group in groups if (one := level(group)).limit is not None]
    unseen = unseen_limit(groups)
    seen = min((one.limit for one in found if one.limit is not None), default=None)
    if unseen is not None and (seen is None or unseen < seen):
        found.append(GroupMemory(path=str(groups[-1] / ".."), limit=unseen))
    return found


def level(group: Path) -> GroupMemory:
    """Limit and use of one group."""
    hard, high = hard_limit(group), binding(number(group / "memory.high"))
    limit = min((one for one in (hard, high) if one is not None), default=None)
    return GroupMemory(str(group), limit, _used(group), slows=limit is not None and limit != hard)


def hard_limit(group: Path) -> int | None:
    """The limit at which the kernel kills."""
    limit = binding(number(group / "memory.max"))
    return binding(number(group / "memory.limit_in_bytes")) if limit is None else limit


def binding(limit: int | None) -> int | None:
    """A limit, None where it binds nobody: version 1 writes "no limit" as the largest number of
    pages."""
    if sys.platform == "win32":
        return limit
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None if limit is None or limit > physical else limit


def unseen_limit(groups: Sequence[Path]) -> int | None:
    """The smallest limit of the first of `groups` and of all above it, whether they can be seen
    from here or not; known with version 1 only."""
    for group in groups[:1]:
        return binding(counters(group / "memory.stat").get("hierarchical_memory_limit"))
    return None


def memory_groups(pid: int, *, proc: Path = procfs.PROC) -> list[Path]:
    """Folders of the groups that account for its memory, the own one first, then its parents."""
    unified: str | None = None
    own: str | None = None
    for line in read(proc / str(pid) / "cgroup").splitlines():
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
        above = (p for p in folder.parents if p == top or p.is_relative_to(top))
        groups = [folder, *itertools.takewhile(_counts_children, above)]
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
            if counted := counters(group / name):
                return counted
    return {}


def kernel(groups: Sequence[Path]) -> int | None:
    """What the first of `groups` pays for the kernel's own needs, page tables among them; bytes."""
    for group in groups[:1]:
        found = counters(group / "memory.stat").get("kernel")
        return number(group / "memory.kmem.usage_in_bytes") if found is None else found
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


def _counts_children(group: Path) -> bool:
    """Whether what its children use counts in it, as it always does since Linux 5.11."""
    return number(group / "memory.use_hierarchy") != 0


def _mounts(version: int, mountinfo: Path) -> list[tuple[str, Path]]:
    """(root within the hierarchy, mount point) of each mount that shows memory groups."""
    found = []
    for line in read(mountinfo).splitlines():
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


def _used(group: Path) -> int | None:
    used = number(group / "memory.current")
    if used is None:
        used = number(group / "memory.usage_in_bytes")
    if used is None:
        return None
    stat = counters(group / "memory.stat")
    cache = stat.get("total_inactive_file", stat.get("inactive_file", 0))
    return max(0, used - cache)


def counters(path: Path) -> dict[str, int]:
    """The lines `name number` of a file."""
    pairs = (line.split() for line in read(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


def number(path: Path) -> int | None:
    """The number that a file holds; None where it is missing or says `max`."""
    text = read(path).strip()
    return int(text) if text.isdecimal() else None


def read(path: Path) -> str:
    """What a file holds; nothing where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
