"""What psutil says about a process, on systems without /proc: the namesakes of the functions that
are marked `portable`, with the same meaning.

As there, None is what cannot be seen. psutil's memory_maps is not asked: macOS has none, and that
of Windows gives the sizes of mapped files, not what of them is in memory.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, TypeVar

from nodemem.errors import MissingExtra
from nodemem.target.told import Holder, Listener, Status

Value = TypeVar("Value")

_DEAD, _STOPPED = ("zombie", "dead"), ("stopped", "tracing-stop")
_TICKS = 100  # a second


def _psutil() -> ModuleType:
    try:
        import psutil
    except ImportError as error:
        raise MissingExtra(
            "the processes of this machine cannot be looked at",
            why="that takes psutil here, which is not installed",
            next="pip install psutil",
        ) from error
    module: ModuleType = psutil
    return module


def _told(question: Callable[[], Value]) -> Value | None:
    """The answer to one question; None where there is none."""
    try:
        return question()
    except (_psutil().Error, OSError):
        return None


def _process(pid: int) -> Any:
    """It, to be asked; None if there is no such process."""
    try:
        return _told(lambda: _psutil().Process(pid))
    except (ValueError, OverflowError):  # no number of a process
        return None


def _ask(pid: int, question: Callable[[Any], Value]) -> Value | None:
    one = _process(pid)
    return None if one is None else _told(lambda: question(one))


def pids() -> Iterator[int]:
    yield from _psutil().pids()


def status(pid: int) -> Status | None:
    one = _process(pid)
    if one is None:
        return None
    with one.oneshot():
        state = _told(one.status)
        memory = _told(one.memory_info)
        uids = _told(one.uids) if sys.platform != "win32" else None
        return Status(
            name=(_told(one.name) or "").removesuffix(".exe"),
            state="Z" if state in _DEAD else "T" if state in _STOPPED else "S",
            parent=_told(one.ppid) or 0,
            uid=None if uids is None else uids.effective,
            threads=_told(one.num_threads),
            rss=None if memory is None else memory.rss,
            caught=None,
            blocked=None,
            ignored=None,
            # On Windows that is what it has written to, and no addresses.
            reserved=None if memory is None or sys.platform == "win32" else memory.vms,
            user=_told(one.username),
        )


def private(pid: int) -> int | None:
    uss: int | None = _ask(pid, lambda one: one.memory_full_info().uss)
    return uss


def readable(pid: int) -> bool:
    return _process(pid) is None or argv(pid) is not None


def children(pid: int) -> list[int]:
    return _ask(pid, lambda one: [child.pid for child in one.children()]) or []


def inner_pid(pid: int) -> int | None:
    return pid if _process(pid) is not None else None


def start_ticks(pid: int) -> int | None:
    """As there, but from 1970 on."""
    return _ask(pid, lambda one: round(one.create_time() * _TICKS))


def age(pid: int) -> float | None:
    return _ask(pid, lambda one: max(0.0, time.time() - one.create_time()))


def cpu_seconds(pid: int) -> float | None:
    used: float | None = _ask(pid, lambda one: sum(one.cpu_times()[:2]))
    return used


def open_files(pid: int) -> int | None:
    count: int | None = _ask(pid, lambda one: one.num_fds()) if os.name == "posix" else None
    return count


def machine_memory() -> tuple[int | None, int | None]:
    memory = _told(_psutil().virtual_memory)
    return (None, None) if memory is None else (memory.total, memory.available)


def argv(pid: int) -> list[str] | None:
    return _ask(pid, lambda one: list(one.cmdline()))


def environ(pid: int) -> dict[str, str] | None:
    return _ask(pid, lambda one: dict(one.environ()))


def link(pid: int, name: str) -> str | None:
    """Its program, `exe`, or its folder, `cwd`; nothing else is known."""
    place: str | None = None
    if name in ("exe", "cwd"):
        place = _ask(pid, lambda one: getattr(one, name)())
    return place or None


def listeners(pid: int) -> list[Listener] | None:
    """As there; a socket is told from others of its process by its port."""
    found = _connections(pid)
    if found is None:
        return None
    listening = [one.laddr for one in found if one.status == "LISTEN"]
    return sorted(
        (Listener(address.ip, address.port, address.port) for address in listening),
        key=lambda listener: (listener.port, listener.host),
    )


def clients(pid: int, port: int) -> int | None:
    found = _connections(pid)
    if found is None:
        return None
    return len([one for one in found if one.status == "ESTABLISHED" and one.laddr.port == port])


def listener(port: int, seen_from: int) -> int | None:
    return next((int(pid) for pid in _listening(port) if pid is not None), None)


def holder(host: str, port: int, seen_from: int) -> Holder | None:
    """As there, but for connections, which are not seen to keep a port."""
    return next((Holder(pid) for pid in _listening(port)), None)


def _listening(port: int) -> Iterator[Any]:
    """Who listens on a port; None for somebody who may not be seen."""
    found = _told(lambda: _psutil().net_connections("tcp"))
    if found is not None:
        yield from (one.pid for one in found if one.status == "LISTEN" and one.laddr.port == port)
        return
    for pid in pids():  # macOS shows all of them to root only
        if any(one.port == port for one in listeners(pid) or []):
            yield pid


def _connections(pid: int) -> list[Any] | None:
    return _ask(pid, lambda one: list(one.net_connections("tcp")))


class _Held:
    def __init__(self, process: Any) -> None:
        self._process = process

    @property
    def ended(self) -> bool:
        return not self._process.is_running() or _told(self._process.status) in _DEAD

    def send(self, number: int) -> None:
        psutil = _psutil()
        try:
            self._process.send_signal(signal.Signals(number))
        except psutil.NoSuchProcess as error:
            raise ProcessLookupError(str(error)) from error
        except psutil.AccessDenied as error:
            raise PermissionError(str(error)) from error

    def close(self) -> None:
        pass


def take_hold(pid: int) -> _Held:
    """Raises OSError: there is no such process."""
    process = _process(pid)
    if process is None:
        raise ProcessLookupError(f"there is no process {pid}")
    return _Held(process)
