"""One process: whether it can be attached to, without touching it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nodemem.api.checks.check import Check, Status
from nodemem.errors import NotPermitted, UnsafeTarget
from nodemem.target import discover, family, inspector, namespaces, ports, procfs, visits
from nodemem.target.discover import NodeProcess

_RESTART = "NODE_OPTIONS=--inspect=127.0.0.1:0 node ..."
_OPENS = ("safe", "unknown")  # what SIGUSR1 does, as `ps` says it


def checks(pid: int) -> Iterator[Check]:
    """What stands between us and the inspector of a process, in the order in which it is met.

    Raises:
        TargetNotFound: there is no such process, or it has ended.
    """
    try:
        inspector.require_running(pid)
    except NotPermitted as error:
        yield _not_permitted(pid, error)
        return
    except UnsafeTarget as error:
        yield Check("process", "fail", "stopped", {"pid": pid}, error.next)
        return
    process = discover.examine(pid)
    if process is None:
        command = " ".join(procfs.argv(pid) or [])[:80]
        yield Check("process", "fail", "not_node", {"pid": pid, "command": command}, "nodemem ps")
        return
    values = {"pid": pid, "script": process.script, "version": process.version, "age": process.age}
    yield Check("process", "ok", "node", values)
    yield _network(pid)
    yield _inspector(process)
    if not process.inspector.open:
        yield _signal(process)
        if process.sigusr1 in _OPENS:
            yield _port(pid)


def _not_permitted(pid: int, error: NotPermitted) -> Check:
    status = procfs.status(pid)
    if status is None or discover.is_ours(status):
        return Check("process", "fail", "privileged", {"pid": pid}, f"sudo nodemem doctor {pid}")
    users = {
        "user": discover.user_of(status),
        "ours": discover.our_name(),
    }
    return Check("process", "fail", "of_another_user", {"pid": pid, **users}, error.next)


def _network(pid: int) -> Check:
    shared = procfs.shares_network(pid)
    try:
        namespaces.connect_to(pid)
    except NotPermitted as error:
        return Check("network", "fail", "apart", fix=error.next)
    return Check("network", "ok", "entered" if shared is False else "shared")


def _inspector(process: NodeProcess) -> Check:
    pid, state = process.pid, process.inspector
    if not state.open:
        return Check("inspector", "ok", "closed")
    clean = f"nodemem doctor --clean {pid}"
    if visit := visits.left(pid):
        values = {"address": state.address, "visitor": visit.visitor}
        return Check("inspector", "warn", "left", values, clean)
    if visit := visits.under_way(pid):
        values = {"address": state.address, "visitor": visit.visitor}
        return Check("inspector", "ok", "visited", values)
    if state.address is None:
        return Check("inspector", "warn", "somewhere", fix="nodemem usage HOST:PORT")
    return Check("inspector", "ok", "open", {"address": state.address})


def _signal(process: NodeProcess) -> Check:
    safe = process.sigusr1 in _OPENS
    fix = None if safe else _RESTART
    return Check("signal", "ok" if safe else "fail", process.sigusr1, {"pid": process.pid}, fix)


def _port(pid: int) -> Check:
    options = discover.options_of(pid)
    port = options.port
    if not port:
        return Check("port", "ok", "any")
    held = ports.holder(options.host, port, pid)
    if held is None:
        return Check("port", "ok", "free", {"port": port})
    fix = f"sudo ss -ltnp 'sport = :{port}'" if held.pid is None else f"nodemem doctor {held.pid}"
    reason = "taken_unseen" if held.pid is None else "taken"
    if not held.listens:
        fix, reason = f"ss -tan 'sport = :{port}'", "connected"
    status: Status = "fail" if options.certain else "warn"
    return Check("port", status, reason, {"port": port, "owner": held.pid}, fix)


def standing(pid: int) -> dict[str, Any]:
    """See `api.doctor.standing`."""
    process = discover.examine(pid)
    if process is None:
        raise family.not_node(pid)
    state = process.inspector
    options = discover.options_of(pid)
    port = None if state.open is None else options.port
    held = None if state.open or not port else ports.holder(options.host, port, pid)
    at = None if state.address is None else int(state.address.rpartition(":")[2])
    return {
        "pid": pid,
        "version": process.version,
        "script": process.script,
        "user": process.user,
        "readable": process.readable,
        "inspector": {True: "open", False: "closed", None: "unknown"}[state.open],
        "address": state.address,
        "port": port,
        "taken": held is not None,
        "owner": None if held is None else held.pid,
        "sigusr1": process.sigusr1,
        "clients": None if at is None else procfs.clients(pid, at),
        "left": visits.left(pid) is not None,
    }
