"""The Node.js processes of this host."""

from __future__ import annotations

from nodemem.results import Column, Table
from nodemem.target import discover

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


def ps() -> Table:
    """All Node.js processes on this host, one row each by pid, found without touching them.

    `version` is exact (`v22.20.0`); `rss` and `cgroup_limit`, the smallest limit of the control
    group and its parents, are bytes. `inspector` is `closed`, `open`, or the `host:port` where it
    is open; `sigusr1`, what the signal that opens it would do: `safe`, `blocked` (nothing),
    `uncaught` (kill the process). None is what cannot be seen, as in other users' processes.
    """
    return Table(columns=COLUMNS, records=[_row(process) for process in discover.processes()])


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
