"""Closing what a session of ours that was killed left open."""

from __future__ import annotations

import time

from nodemem.errors import NodememError, TargetError, TargetTimeout
from nodemem.results import Column, Table
from nodemem.target import discover, family, inspector, procfs, visits
from nodemem.target.session import Session

COLUMNS = (
    Column("pid", role="pid"),
    Column("outcome", role="kind"),
    Column("address"),
    Column("why"),
    Column("fix"),
)
_CLOSES_WITHIN = 2.0
_LOOK_EVERY = 0.02

_Row = tuple[int, str, str | None, str | None, str | None]


def clean(pid: int, *, force: bool = False) -> Table:
    """Close the inspector of process `pid` if an earlier run of ours opened it and was killed:
    what `console.log()` left with it is freed, and the note of that visit deleted.

    `outcome` is `closed`, `was_closed` (there was nothing to do), or `closing` (the program is
    busy, and closes it when it gets to it). `force` closes any inspector, also under others.

    Raises:
        TargetNotFound, NotPermitted, UnsafeTarget: see `attach`.
        TargetError: nothing says that the inspector is ours, or somebody is connected to it.
    """
    return Table(columns=COLUMNS, records=[_clean(pid, force=force)])


def clean_all() -> Table:
    """`clean` for every process of which a note says that an inspector was left open. `outcome`
    may be `failed` too, with its reason."""
    rows: list[_Row] = []
    for visit in visits.leftovers():
        try:
            rows.append(_clean(visit.pid, force=False))
        except NodememError as error:
            rows.append((visit.pid, "failed", None, str(error), error.next))
    return Table(columns=COLUMNS, records=rows)


def _clean(pid: int, *, force: bool) -> _Row:
    inspector.require_running(pid)
    process = discover.examine(pid)
    if process is None:
        raise family.not_node(pid)
    address = process.inspector.address
    if process.inspector.open is False:
        visits.leftovers()  # deletes the note of it
        return pid, "was_closed", None, None, None
    if not force:
        _require_ours(pid, address)
    try:
        with Session(pid) as session:
            session.adopt()
            session.opens_for_others = force
            port = session.endpoint.port
    except TargetTimeout:
        if visits.left(pid) is None:
            raise
        # A session takes over what a note says is ours, and has asked for it to be closed.
        return pid, "closing", address, None, None
    if _closed(pid, port):
        return pid, "closed", address, None, None
    if "target.left_open_for_others" in session.warnings:
        raise _in_use(pid, address)
    return pid, "closing", address, None, None


def _require_ours(pid: int, address: str | None) -> None:
    where = "" if address is None else f" at {address}"
    if (visit := visits.under_way(pid)) is not None:
        raise TargetError(
            f"process {pid} is being visited by process {visit.visitor}",
            why="that is nodemem, too, and closes the inspector when it leaves",
            next=f"end it: kill {visit.visitor}",
        )
    if visits.left(pid) is None:
        raise TargetError(
            f"nothing says that nodemem opened the inspector of process {pid}{where}",
            why="it was started with --inspect, or another tool or user opened it",
            next=f"nodemem doctor --clean {pid} --force closes it all the same",
        )
    if address is not None and procfs.clients(pid, int(address.rpartition(":")[2])):
        raise _in_use(pid, address)


def _in_use(pid: int, address: str | None) -> TargetError:
    return TargetError(
        f"a debugger or another tool is connected to the inspector of process {pid}",
        why="closing it would cut that off",
        next=f"nodemem doctor --clean {pid} --force closes "
        f"{'it' if address is None else address} all the same",
    )


def _closed(pid: int, port: int) -> bool:
    until = time.monotonic() + _CLOSES_WITHIN
    while any(one.port == port for one in procfs.listeners(pid) or []):
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_EVERY)
    return True
