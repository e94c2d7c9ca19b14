"""How far a process is from the kernel's limits, as sentences below its memory map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nodemem.cli._frame import Output

if TYPE_CHECKING:
    from nodemem.memory.segments.limits import Limits, Nearest
    from nodemem.records import ControlGroup, Stall

_WAITS = 0.001  # share of the time below which nobody waits for memory


def lines(out: Output, limits: Limits) -> list[str]:
    """Each limit with what is left of it, the own group's first; then what has happened in these
    groups, and whether anybody waits for memory. Nothing where nothing was seen."""
    limited = [one for one in limits.groups if one.limit is not None]
    said = [_limit(out, one, own=one is limits.groups[0]) for one in limited]
    if limits.groups and not limited:
        said.append(out.texts("map.limits.none"))
    nearest = limits.nearest
    if nearest is not None and nearest.kind == "machine":
        said.append(_machine(out, nearest, limited=bool(limited)))
    said += [text for one in limits.groups for text in _events(out, one)]
    said += _pressure(out, limits)
    return said


def _limit(out: Output, one: ControlGroup, *, own: bool) -> str:
    text = out.texts("map.limits.limit", limit=one.limit, path=one.path)
    if not own:
        text += " " + out.texts("map.limits.above")
    if one.room is None:
        return text + " " + out.texts("map.limits.room.unknown")
    then = "slowed" if one.slows else one.at_limit
    text += " " + out.texts(f"map.limits.room.{then}", used=one.used, room=one.room)
    if one.most_room is not None and one.most_room > one.room:
        text += " " + out.texts("map.limits.caches", room=one.most_room)
    return text


def _machine(out: Output, nearest: Nearest, *, limited: bool) -> str:
    key = "machine_first" if limited else "machine"
    return out.texts(f"map.limits.{key}", limit=nearest.limit, room=nearest.room)


def _events(out: Output, one: ControlGroup) -> Iterator[str]:
    met = one.events.get("max", 0)
    kills = one.events.get("oom_kill", 0)
    if met or kills:
        yield out.texts("map.limits.events", path=one.path, met=met, kills=kills)


def _pressure(out: Output, limits: Limits) -> Iterator[str]:
    own = limits.groups[0] if limits.groups else None
    pressure = (own and own.pressure) or limits.pressure
    if pressure is None or not _waits(pressure.some):
        return
    key = "pressure" if own is not None and own.pressure is not None else "machine_pressure"
    full = pressure.full.avg10 if pressure.full is not None else None
    some = pressure.some
    yield out.texts(f"map.limits.{key}", some=some.avg10, minute=some.avg60, full=full)


def _waits(stall: Stall) -> bool:
    return max(stall.avg10, stall.avg60) >= _WAITS
