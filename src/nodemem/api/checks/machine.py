"""This machine: which Node.js is here, and what we may do with its processes."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator

from nodemem.api.checks.check import Check
from nodemem.errors import MissingExtra
from nodemem.target import binary, cgroup, commandline, discover, host, ports, told, visits
from nodemem.target.discover import NodeProcess
from nodemem.target.visits import Visit

_ADD_CAPABILITIES = "docker run --cap-add=SYS_PTRACE"


def checks() -> Iterator[Check]:
    running = discover.processes()
    yield _node()
    yield _running(running)
    if told.BY_KERNEL:
        yield _user()
        yield _capabilities()
        yield _yama()
        yield _processes()
        yield _groups()
    yield _loopback()
    yield _port()
    left = visits.leftovers()
    yield from map(_left, left)
    if not left:
        yield Check("visits", "ok", "none")


def _node() -> Check:
    try:
        path = str(binary.find_node())
    except MissingExtra as error:
        return Check("node", "warn", "none", fix=error.next)
    found = binary.of_file(path)
    values = {"path": path, "version": None if found is None else found.version}
    return Check("node", "ok" if found else "warn", "found" if found else "not_node", values)


def _running(running: list[NodeProcess]) -> Check:
    if not running:
        return Check("running", "ok", "none")
    counts = Counter(process.version or "?" for process in running)
    named = [one if n == 1 else f"{one} ×{n}" for one, n in sorted(counts.items())]
    hidden = [process for process in running if not process.readable]
    values = {"count": len(running), "versions": ", ".join(named), "hidden": len(hidden)}
    if hidden:
        others = {process.user for process in hidden} - {"root", discover.our_name()}
        user = f"-u {shlex.quote(next(iter(others)))} " if len(others) == 1 else ""
        return Check("running", "warn", "hidden", values, f"sudo {user}nodemem ps")
    return Check("running", "ok", "all", values)


def _user() -> Check:
    values = {"user": discover.our_name(), "uid": discover.our_id()}
    if discover.our_id() != 0:
        return Check("user", "ok", "ordinary", values)
    reaches_all = "SYS_PTRACE" in (host.capabilities() or ())
    return Check("user", "ok", "root" if reaches_all else "root_in_part", values)


def _capabilities() -> Check:
    held = host.capabilities()
    if held is None:
        return Check("capabilities", "warn", "unknown")
    names = [name for name in host.CAPABILITIES if name in held]
    lacking = [name for name in host.CAPABILITIES if name not in held]
    values = {"held": ", ".join(names), "lacking": ", ".join(lacking)}
    if not lacking:
        return Check("capabilities", "ok", "all", values)
    if discover.our_id() != 0 and not names:
        return Check("capabilities", "ok", "none", values)  # as every ordinary user
    if "SYS_PTRACE" in held:
        return Check("capabilities", "ok", "some", values)
    return Check("capabilities", "warn", "no_ptrace", values, _ADD_CAPABILITIES)


def _yama() -> Check:
    scope = host.ptrace_scope()
    values = {"scope": scope}
    if not scope:
        return Check("yama", "ok", "open", values)
    if scope < 3 and "SYS_PTRACE" in (host.capabilities() or ()):
        return Check("yama", "ok", "privileged", values)
    return Check("yama", "ok", "memory_closed", values)


def _processes() -> Check:
    if host.hides_processes():
        fix = "sudo mount -o remount,hidepid=0 /proc"
        return Check("processes", "ok" if discover.our_id() == 0 else "warn", "hidden", fix=fix)
    if host.first_namespace("pid") is False:
        return Check("processes", "ok", "container")
    return Check("processes", "ok", "all")


def _groups() -> Check:
    version = host.cgroup_version()
    if version is None:
        return Check("cgroup", "warn", "none")
    values = {"version": version, "limit": cgroup.memory(os.getpid()).limit}
    if not cgroup.memory_groups(os.getpid()):
        return Check("cgroup", "warn", "unreadable", values, "cat /proc/self/cgroup")
    return Check("cgroup", "ok", "no_limit" if values["limit"] is None else "limit", values)


def _loopback() -> Check:
    failure = host.loopback_failure()
    if failure is None:
        return Check("loopback", "ok", "works")
    return Check("loopback", "fail", "fails", {"error": failure}, "ip link set lo up")


def _port() -> Check:
    port = commandline.DEFAULT_PORT
    held = ports.holder(commandline.DEFAULT_HOST, port, os.getpid())
    if held is None:
        return Check("default_port", "ok", "free", {"port": port})
    values = {"port": port, "owner": held.pid}
    reason = "connected" if not held.listens else "taken" if held.pid else "taken_unseen"
    return Check("default_port", "warn", reason, values, "export NODE_OPTIONS=--inspect-port=9300")


def _left(visit: Visit) -> Check:
    process = discover.examine(visit.pid)
    values = {
        "pid": visit.pid,
        "script": None if process is None else process.script,
        "address": discover.inspector(visit.pid).address,
        "visitor": visit.visitor,
    }
    return Check("visits", "warn", "left", values, f"nodemem doctor --clean {visit.pid}")
