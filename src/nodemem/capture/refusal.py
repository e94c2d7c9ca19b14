"""Why a snapshot is not taken, and what can be had instead."""

from __future__ import annotations

from nodemem import units
from nodemem.capture.forecast import Forecast
from nodemem.errors import UnsafeTarget
from nodemem.records import MemorySample
from nodemem.target.session import Session

_STEP = 64 << 20  # limits are named in steps of this size
_EMPTY = 12e6  # bytes of the JavaScript heap of a program that has done nothing


def refuse_unsafe(
    forecast: Forecast, session: Session, sample: MemorySample, *, numeric: bool
) -> None:
    """Raise where the upper end of the forecast has no room.

    Raises:
        UnsafeTarget: it does not fit the container's limit, the machine's memory, or the disk.
    """
    if not forecast.fits_memory and forecast.memory_room is not None:
        limit = units.format_bytes(forecast.memory_limit or 0, binary=True)
        room = units.format_bytes(forecast.memory_room, binary=True)
        left = f"its container, limited to {limit}, has {room} left"
        raise _no_memory(forecast, session, sample, forecast.memory_room, left, numeric=numeric)
    if not forecast.fits_machine and forecast.machine_room is not None:
        left = f"this machine has {units.format_bytes(forecast.machine_room)} left"
        raise _no_memory(forecast, session, sample, forecast.machine_room, left, numeric=numeric)
    if not forecast.fits_disk and forecast.disk_room is not None:
        raise UnsafeTarget(
            "the snapshot may not fit on the disk",
            why=f"it may take up to {units.format_bytes(forecast.file_size.high)} (estimate), "
            f"{units.format_bytes(forecast.disk_room)} are free",
            next="choose another place or a compressed file with -o (a name that ends in .zst), or "
            "add --force to try",
        )


def _no_memory(
    forecast: Forecast,
    session: Session,
    sample: MemorySample,
    room: int,
    left: str,
    *,
    numeric: bool,
) -> UnsafeTarget:
    need = units.format_bytes(forecast.extra_rss.high)
    return UnsafeTarget(
        f"a heap snapshot could get {session.name} killed",
        why=f"it may need up to {need} more memory (estimate), and {left}",
        next="; ".join(_instead(forecast, session, sample, room, numeric=numeric)),
    )


def _instead(
    forecast: Forecast, session: Session, sample: MemorySample, room: int, *, numeric: bool
) -> list[str]:
    """What can be done, the least trouble first."""
    who = session.endpoint.address if session.pid is None else str(session.pid)
    ways = []
    if numeric:
        ways.append("leave out --numeric, which can double it")
    high = forecast.extra_rss.high
    fitting = _EMPTY + (sample.heap_used - _EMPTY) * room / high if high else 0.0
    if _EMPTY * 1.2 < fitting < sample.heap_used:
        ways.append(
            f"wait until heapUsed is below about {units.format_bytes(fitting)} (now "
            f"{units.format_bytes(sample.heap_used)}): nodemem usage {who} --watch 5s"
        )
    if forecast.memory_limit is not None and not forecast.fits_memory:
        needed = forecast.memory_limit - room + forecast.extra_rss.high
        steps = -(-int(needed) // _STEP) * _STEP
        ways.append(f"raise the container's limit to {units.format_bytes(steps, binary=True)}")
    if session.pid is not None:
        ways.append(
            f"see what grows without a snapshot: nodemem {who}, "
            f"nodemem record {who} -o {who}.ndjson"
        )
    ways.append("or add --force to take that risk")
    return ways
