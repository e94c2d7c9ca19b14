"""Who started whom: the Node.js processes below a process, as those of a cluster."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from nodemem.errors import TargetNotFound
from nodemem.target import discover, host, procfs
from nodemem.target.discover import NodeProcess


class Member(msgspec.Struct, frozen=True):
    """One process in a tree. `depth` is the number of Node.js processes above it: shells and other
    programs between them do not count."""

    process: NodeProcess
    depth: int

    @property
    def pid(self) -> int:
        return self.process.pid


def family(pid: int) -> list[Member]:
    """A process and the Node.js processes that it and its children have started, each followed by
    its own. The first need not be Node.js: it may be a shell, `npm` or a supervisor.

    A process whose parent has ended belongs to nobody any more.

    Raises:
        TargetNotFound: there is no such process, or no Node.js in its tree.
    """
    if procfs.gone(pid):
        raise not_node(pid)
    members = _below(pid)
    if not members:
        raise TargetNotFound(
            f"process {pid} is not Node.js and has started none",
            next="nodemem ps --tree shows the Node.js processes of this host",
        )
    return members


def not_node(pid: int) -> TargetNotFound:
    """The error to raise where a process that is no Node.js was named: a shell or a supervisor was
    very likely meant for what runs below it.

    Raises:
        NotPermitted: no process can be looked at on this machine, for /proc is not mounted.
    """
    host.require_processes()
    if procfs.gone(pid):
        return TargetNotFound(
            f"there is no process {pid}", next="nodemem ps lists the Node.js processes of this host"
        )
    command = " ".join(procfs.argv(pid) or [])[:80] or procfs.link(pid, "exe") or "unknown"
    members = _below(pid)
    if not members:
        return TargetNotFound(
            f"process {pid} is not Node.js",
            why=f"it runs: {command}",
            next="nodemem ps lists the Node.js processes of this host",
        )
    first = members[0]
    return TargetNotFound(
        f"process {pid} is not Node.js, but has started process {first.pid}, which is",
        why=f"it runs: {command}",
        next=f"name that one, {first.pid}; all are shown by: nodemem map {pid} --tree",
    )


def forest() -> list[Member]:
    """All Node.js processes of this host, each followed by those that it has started."""
    return _arranged(discover.processes(), _parents())


def _below(pid: int) -> list[Member]:
    parents = _parents()
    children = _children(parents)
    below, found = [pid], {pid}
    for one in below:  # grows while it is gone through
        fresh = [child for child in children.get(one, ()) if child not in found]
        below += fresh
        found.update(fresh)
    seen = (discover.examine(one) for one in below)
    return _arranged([one for one in seen if one is not None], parents)


def _parents() -> dict[int, int]:
    seen = ((pid, procfs.status(pid)) for pid in procfs.pids())
    return {pid: status.parent for pid, status in seen if status is not None}


def _children(parents: dict[int, int]) -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for pid in sorted(parents):
        children.setdefault(parents[pid], []).append(pid)
    return children


def _arranged(found: Iterable[NodeProcess], parents: dict[int, int]) -> list[Member]:
    """`found` in the order of a walk, siblings by pid."""
    processes = {process.pid: process for process in found}
    above = {pid: _nearest(pid, processes, parents) for pid in processes}
    children = _children({pid: parent or 0 for pid, parent in above.items()})
    members: list[Member] = []
    left = [(pid, 0) for pid in reversed(children.get(0, []))]
    while left:
        pid, depth = left.pop()
        members.append(Member(processes[pid], depth))
        left += [(child, depth + 1) for child in reversed(children.get(pid, []))]
    return members


def _nearest(pid: int, processes: Iterable[int], parents: dict[int, int]) -> int | None:
    """The next of `processes` above one. The ids are not of one moment, so they may go round."""
    passed = {pid}
    parent = parents.get(pid)
    while parent is not None and parent not in passed:
        if parent in processes:
            return parent
        passed.add(parent)
        parent = parents.get(parent)
    return None
