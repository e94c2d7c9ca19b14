"""What a heap says of the process that it is of."""

from __future__ import annotations

from nodemem.heap.engine.snapshot import Snapshot


def node_version(snapshot: Snapshot) -> str | None:
    """`process.version` of the program, read from its heap; None when it is not there. An index
    remembers it."""
    found: str | None = snapshot.remembered("node version", lambda: read_version(snapshot))
    return found


def read_version(snapshot: Snapshot) -> str | None:
    """What `node_version` tells, read anew."""
    for process in snapshot.objects_named("process"):
        version = _member(snapshot, process, "version")
        if version is not None and snapshot.node_type(version) == "string":
            return snapshot.name(version)
    return None


def main_script(snapshot: Snapshot) -> str | None:
    """`process.argv[1]` of the program, the path of its script; None when it is not there."""
    for process in snapshot.objects_named("process"):
        arguments = _member(snapshot, process, "argv")
        script = None if arguments is None else _member(snapshot, arguments, 1)
        if script is not None and snapshot.node_type(script) == "string":
            return snapshot.name(script)
    return None


def _member(snapshot: Snapshot, ordinal: int, name: str | int) -> int | None:
    wanted = ("element",) if isinstance(name, int) else ("property",)
    found = (e.target for e in snapshot.edges(ordinal) if e.name == name and e.type in wanted)
    return next(found, None)
