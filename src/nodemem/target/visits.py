"""A note of each inspector that we open, from before it is opened until it is closed again.

Whoever is killed with `kill -9` can close nothing, and until the lease is in the target nothing
there knows of us either. The note tells later runs of the same user that the open inspector is
ours. It lies in `visits/` of the state folder, for our eyes only (0600); where nothing can be
written there is none, and the visit goes on as ever.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from nodemem import paths, portable
from nodemem.target import discover, procfs

FOLDER = "visits"
_LARGEST = 4096  # bytes of a note; ours have some 200
_SETTLES = 10.0  # seconds in which an inspector that was asked for may still open
_KEPT = 30 * 86400.0  # seconds for which we keep the notes of another boot, machine or container

State = Literal["under_way", "left", "over"]


class Visit(msgspec.Struct, frozen=True):
    """Process `pid` was about to be asked to open its inspector, by process `visitor`.

    `started` and `visitor_started` are clock ticks from boot to the start of each: with the id and
    the `boot` they are an identity that is never used twice. `port` is where the inspector was
    expected, 0 for any free one; `inode` is its listening socket, None as long as none was seen.
    `when` is in seconds since 1970.
    """

    pid: int
    started: int
    boot: str
    port: int
    visitor: int
    visitor_started: int
    when: float
    inode: int | None = None


def begin(pid: int, port: int) -> Visit | None:
    """Note that we are about to open the inspector of `pid`; None where that cannot be."""
    started, ours = procfs.start_ticks(pid), procfs.start_ticks(os.getpid())
    if started is None or ours is None:
        return None
    visit = Visit(
        pid=pid,
        started=started,
        boot=_boot(),
        port=port,
        visitor=os.getpid(),
        visitor_started=ours,
        when=round(time.time(), 3),
    )
    return visit if _write(visit) else None


def opened(visit: Visit | None, inode: int) -> None:
    """Add which socket opened: then no inspector that is opened later is taken for this one."""
    if visit is not None:
        _write(msgspec.structs.replace(visit, inode=inode))


def forget(pid: int) -> None:
    """The inspector of `pid` is closed: no note of it is true any more."""
    for path in _notes():
        if path.name.startswith(f"{_here()}-{pid}-"):
            _remove(path)


def left(pid: int) -> Visit | None:
    """The visit to `pid` whose visitor is gone and whose inspector is still open, if there is."""
    return next((visit for visit in leftovers() if visit.pid == pid), None)


def under_way(pid: int) -> Visit | None:
    """The visit to `pid` whose visitor still runs, if there is one."""
    found = (visit for _, visit in _read_all() if visit.pid == pid)
    return next((visit for visit in found if state(visit) == "under_way"), None)


def leftovers() -> list[Visit]:
    """The visits whose visitor is gone and whose inspector is still open, by pid. Notes that are
    true no more are deleted."""
    found = []
    for path, visit in _read_all():
        judged = state(visit)
        if judged == "left":
            found.append(visit)
        elif judged == "over":
            _remove(path)
    return sorted(found, key=lambda visit: visit.pid)


def state(visit: Visit) -> State:
    """What has become of a visit: its visitor still runs, or what it asked for may only just be
    opening (`under_way`); it is gone and the inspector is open (`left`), or is not (`over`)."""
    if visit.boot != _boot() or procfs.start_ticks(visit.pid) != visit.started:
        return "over"
    if procfs.gone(visit.pid):
        return "over"
    if procfs.start_ticks(visit.visitor) == visit.visitor_started and not procfs.gone(
        visit.visitor
    ):
        return "under_way"
    if _is_open(visit):
        return "left"
    return "over" if abs(time.time() - visit.when) > _SETTLES else "under_way"


def _is_open(visit: Visit) -> bool:
    if visit.inode is None:
        return bool(discover.inspector(visit.pid).open)
    return any(one.inode == visit.inode for one in procfs.listeners(visit.pid) or [])


def _write(visit: Visit) -> bool:
    folder = _folder()
    if folder is None:
        return False
    path = folder / f"{_here()}-{visit.pid}-{visit.started}.json"
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _remove(draft)
        descriptor = portable.new_file(draft)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(visit))
        # Not synced to disk: who survives a power cut is not the target.
        os.replace(draft, path)
    except OSError:
        _remove(draft)
        return False
    return True


def _read_all() -> Iterator[tuple[Path, Visit]]:
    for path in _notes():
        if not path.name.startswith(f"{_here()}-"):
            continue
        with contextlib.suppress(OSError, msgspec.DecodeError):
            descriptor = portable.open_file(path, os.O_RDONLY | portable.NO_LINK)
            with os.fdopen(descriptor, "rb") as file:
                yield path, msgspec.json.decode(file.read(_LARGEST), type=Visit)


def _notes() -> list[Path]:
    """All notes and drafts; those from elsewhere are deleted once nobody can miss them."""
    folder = _folder()
    try:
        found = [] if folder is None else sorted(folder.iterdir())
    except OSError:
        return []
    kept = []
    for path in found:
        with contextlib.suppress(OSError):
            if time.time() - path.lstat().st_mtime > _KEPT and not path.name.startswith(_here()):
                _remove(path)
            else:
                kept.append(path)
    return kept


def _folder() -> Path | None:
    state_folder = paths.state_folder()
    return None if state_folder is None else state_folder / FOLDER


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _here() -> str:
    """Where a process id has its meaning: this boot of this machine, and this pid namespace."""
    namespace = procfs.link(os.getpid(), "ns/pid") or ""
    return f"{_boot()[:8]}-{''.join(filter(str.isdecimal, namespace))}"


def _boot() -> str:
    return procfs.boot_id() or ""
