"""All that control groups say of their memory: more files than a reading every second can take.

Version 2: Documentation/admin-guide/cgroup-v2.rst of the kernel; version 1:
Documentation/admin-guide/cgroup-v1/memory.rst.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from nodemem.records import ControlGroup, Pressure, Stall
from nodemem.target import cgroup
from nodemem.target.cgroup import counters, number


def describe(groups: Sequence[Path]) -> list[ControlGroup]:
    """What each of `groups` says, in their order. Limit and use are those of `cgroup.levels`, and
    so is the last one, above all that can be seen, if there is one."""
    seen = {str(group) for group in groups}
    unseen = [one for one in cgroup.levels(groups) if one.path not in seen]
    return [
        *(_one(group) for group in groups),
        *(ControlGroup(one.path, one.limit, version=1, hard=one.limit) for one in unseen),
    ]


def pressure(path: Path) -> Pressure | None:
    """The pressure stall information in a file, None where the kernel keeps none."""
    kinds = {}
    for line in cgroup.read(path).splitlines():
        kind, *rest = line.split()
        found = _stall(dict(pair.split("=", 1) for pair in rest if "=" in pair))
        if found is not None:
            kinds[kind] = found
    return Pressure(kinds["some"], kinds.get("full")) if "some" in kinds else None


def _one(group: Path) -> ControlGroup:
    light = cgroup.level(group)
    more = _version_1 if (group / "memory.usage_in_bytes").exists() else _version_2
    return more(group, ControlGroup(light.path, light.limit, light.used, light.slows))


def _version_1(group: Path, light: ControlGroup) -> ControlGroup:
    stat = counters(group / "memory.stat")
    control = counters(group / "memory.oom_control")
    events = {"max": number(group / "memory.failcnt"), "oom_kill": control.get("oom_kill")}
    return replace(
        light,
        version=1,
        hard=cgroup.hard_limit(group),
        current=number(group / "memory.usage_in_bytes"),
        cache=_sum(stat, "total_inactive_file", "total_active_file"),
        peak=number(group / "memory.max_usage_in_bytes"),
        kernel=number(group / "memory.kmem.usage_in_bytes"),
        swap=stat.get("total_swap"),
        swap_limit=_swap_limit(group),
        events={name: count for name, count in events.items() if count is not None},
        at_limit="wait" if control.get("oom_kill_disable") else "process",
    )


def _version_2(group: Path, light: ControlGroup) -> ControlGroup:
    stat = counters(group / "memory.stat")
    return replace(
        light,
        hard=cgroup.hard_limit(group),
        high=cgroup.binding(number(group / "memory.high")),
        current=number(group / "memory.current"),
        cache=_sum(stat, "inactive_file", "active_file", "slab_reclaimable"),
        peak=number(group / "memory.peak"),
        kernel=stat.get("kernel"),
        swap=number(group / "memory.swap.current"),
        swap_limit=number(group / "memory.swap.max"),
        events=counters(group / "memory.events"),
        at_limit="group" if number(group / "memory.oom.group") else "process",
        pressure=pressure(group / "memory.pressure"),
    )


def _swap_limit(group: Path) -> int | None:
    """Version 1 limits memory and swap together."""
    together = cgroup.binding(number(group / "memory.memsw.limit_in_bytes"))
    alone = cgroup.hard_limit(group)
    return None if together is None or alone is None else max(0, together - alone)


def _sum(stat: dict[str, int], *names: str) -> int | None:
    known = [stat[name] for name in names if name in stat]
    return sum(known) if known else None


def _stall(fields: dict[str, str]) -> Stall | None:
    try:
        ten, minute, five = (float(fields[name]) / 100 for name in ("avg10", "avg60", "avg300"))
        return Stall(ten, minute, five, int(fields["total"]) / 1e6)
    except (KeyError, ValueError):
        return None
