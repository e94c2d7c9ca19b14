"""The Node.js processes of this host."""

from __future__ import annotations

from nodemem.results import Column, Table
from nodemem.target import discover, family, host

COLUMNS = (
    Column("pid", role="pid"),
    Column("version", role="kind"),
    Column("script", role="name"),
    Column("rss", unit="bytes"),
    Column("threads", unit="count"),
    Column("cgroup_limit", unit="bytes"),
    Column("inspector", role="kind"),
    Column("sigusr1", role="kind"),
    Column("user", role="kind"),
)


_DEPTH = Column("depth", role="depth")


def ps(*, tree: bool = False) -> Table:
    """All Node.js processes on this host, one row each by pid, found without touching them. With
    `tree`, each is followed by those that it has started, and `depth` counts how many are above.

    `version` is exact (`v22.20.0`); `rss` and `cgroup_limit`, the smallest limit of the control
    group and its parents, are bytes. `inspector` is `closed`, `open`, or the `host:port` where it
    is open; `sigusr1`, what the signal that opens it would do: `safe`, `blocked` (nothing),
    `uncaught` (kill the process); `unknown` where the system does not tell, `absent` where there is
    no such signal. None is what cannot be seen, as in other users' processes.

    Raises:
        NotPermitted: /proc is not mounted.
    """
    host.require_processes()
    if tree:
        return _tree(family.forest())
    return Table(columns=COLUMNS, records=[_row(process) for process in discover.processes()])


def process_tree(pid: int) -> Table:
    """A process and the Node.js processes that it and its children have started, as those of a
    cluster or behind `npm` and shells: rows as of `ps`, and `depth`, the number of Node.js
    processes above, in the order of a walk. To ask them all, attach to one after another: they
    often share one inspector port.

    Raises:
        TargetNotFound: there is no such process, or no Node.js in its tree.
    """
    return _tree(family.family(pid))


def _tree(members: list[family.Member]) -> Table:
    table = Table(
        columns=(_DEPTH, *COLUMNS),
        records=[(member.depth, *_row(member.process)) for member in members],
    )
    # The first column of text is the one that branches are drawn at.
    others = (column.key for column in COLUMNS if column.key not in ("pid", "script"))
    return table.select("depth", "pid", "script", *others)


def _row(process: discover.NodeProcess) -> tuple[object, ...]:
    return (
        process.pid,
        process.version,
        process.script,
        process.rss,
        process.threads,
        process.cgroup_limit,
        _inspector(process.inspector),
        process.sigusr1,
        process.user,
    )


def _inspector(state: discover.Inspector) -> str | None:
    if state.open is None:
        return None
    return state.address or "open" if state.open else "closed"
