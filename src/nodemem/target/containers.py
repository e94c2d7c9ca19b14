"""Which container a process is in, and how to get into it, as far as that shows from outside."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from nodemem.target import procfs

LOGS = Path("/var/log/containers")
"""Where a Kubernetes node links the log of each container: `<pod>_<namespace>_<container>-<id>`."""

_GROUP = re.compile(r"/(?:([a-z-]+)-)?([0-9a-f]{64})(?:\.scope)?(?=/|$)")
_LOG = re.compile(r"([a-z0-9.-]+)_([a-z0-9-]+)_([a-z0-9-]+)-[0-9a-f]{64}\.log")
_VOLUME = re.compile(r"/pods/[0-9a-f-]{36}/containers/([a-z0-9-]+)/")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,252}")
_SHOWN = 12  # characters of an id that the tools print, and take
# The prefix of the scope that systemd makes, or the parent group where there is no systemd.
_RUNTIMES = {"docker": "docker", "libpod": "podman", "libpod_parent": "podman"}
_RUNTIMES |= {"nerdctl": "nerdctl", "default": "nerdctl"}


class Container(msgspec.Struct, frozen=True):
    """`runtime` is the command line tool that knows it: `docker`, `podman`, `nerdctl`, or
    `kubectl`; None if that cannot be told."""

    id: str
    runtime: str | None


def find(pid: int, *, proc: Path = procfs.PROC) -> Container | None:
    """The innermost container of a process by the names of its control groups; None if there is
    none, or it is our own. `proc` is where procfs is mounted."""
    found = _find(str(pid), proc)
    ours = _find("self", proc)
    return None if found is None or (ours is not None and ours.id == found.id) else found


def way_in(pid: int, *, proc: Path = procfs.PROC, logs: Path = LOGS) -> str:
    """The command that runs nodemem beside a process which we may not reach from here.

    What it names comes in part from the container itself, so it is taken only where it looks like
    a name.
    """
    container = find(pid, proc=proc)
    inner = procfs.inner_of(_read(proc / str(pid) / "status")) or pid
    if container is None or container.runtime is None:
        return f"sudo nsenter --target {pid} --net nodemem usage {pid}"
    if container.runtime != "kubectl":
        return f"{container.runtime} exec -it {container.id[:_SHOWN]} nodemem usage {inner}"
    pod, namespace, name = _kubernetes(pid, container.id, proc, logs)
    return (
        f"kubectl debug -it {pod} -n {namespace} --target={name} --profile=general "
        f"--image=python:3-slim -- sh -c 'pip install -q nodemem && nodemem usage {inner}'"
    )


def _find(pid: str, proc: Path) -> Container | None:
    for line in _read(proc / pid / "cgroup").splitlines():
        path = line.split(":", 2)[-1]
        matches = list(_GROUP.finditer(path))
        if matches:
            prefix, identity = matches[-1].groups()
            parent = path[: matches[-1].start()].rpartition("/")[2]
            runtime = "kubectl" if "kubepods" in path else _RUNTIMES.get(prefix or parent)
            return Container(identity, runtime)
    return None


def _kubernetes(pid: int, identity: str, proc: Path, logs: Path) -> tuple[str, str, str]:
    """Pod, its namespace and the container's name; in capitals what is not known."""
    for file in logs.glob(f"*-{identity}.log"):
        if named := _LOG.fullmatch(file.name):
            return named[1], named[2], named[3]
    volume = _VOLUME.search(_read(proc / str(pid) / "mountinfo"))
    hosts = re.search(r"(?:^|\0)HOSTNAME=([^\0]*)", _read(proc / str(pid) / "environ"))
    pod = hosts[1] if hosts and _NAME.fullmatch(hosts[1]) else "POD"
    return pod, "NAMESPACE", volume[1] if volume else "CONTAINER"


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
