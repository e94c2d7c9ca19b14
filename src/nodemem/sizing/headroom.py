"""Which limit a process will meet first, and what about its limits looks wrong.

Pure: two readings of a process and what is known of its limits in, bounds and findings out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from nodemem.records import GroupMemory, ProcessSample
from nodemem.results import Evidence, Finding
from nodemem.sizing.ending import Ending, ending
from nodemem.sizing.outside import ESTIMATE, Outside

CLOSE = 0.1
"""Share of a limit that is left when it is called close."""
SOON = 600.0
"""Seconds to a limit, at the present growth, that are called soon."""

Kind = Literal["container", "heap", "machine"]


@dataclass(frozen=True)
class Bound:
    """A limit that ends the process when it is reached; bytes. `used` is what counts towards it,
    `room` what is left; None is unknown. `source` says what sets it: a control group's folder, an
    option, V8 itself (`v8`), the size of the machine's memory. At a limit that `slows` the kernel
    does not kill; it holds the program up."""

    kind: Kind
    limit: int | None
    used: int | None
    source: str | None = None
    free: int | None = None
    slows: bool = False

    @property
    def room(self) -> int | None:
        if self.free is not None:
            return self.free
        if self.limit is None or self.used is None:
            return None
        return max(0, self.limit - self.used)


@dataclass(frozen=True)
class Situation:
    """What is known: two readings of the process, some seconds apart, and its limits.

    `heap_limit` is what limits the V8 heap and `heap_used` what counts towards it, in bytes;
    `heap_source` is who sets the limit; `heaps` is how many V8 heaps (isolates) there are, each
    with that limit, `heap_used` being the fullest; None where that could not be seen.
    `machine_limit` is the machine's memory, `machine_room` what of it is still to be had. `state`
    is the kernel's letter.
    """

    pid: int
    before: ProcessSample
    after: ProcessSample
    heap_limit: int | None = None
    heap_used: int | None = None
    heap_source: str | None = None
    heaps: int | None = None
    machine_limit: int | None = None
    machine_room: int | None = None
    state: str = "S"
    fds_limit: int | None = None
    mappings: int | None = None
    mappings_limit: int | None = None

    @property
    def seconds(self) -> float:
        """Between the readings."""
        return self.after.time - self.before.time

    @property
    def growth(self) -> int:
        """By how many bytes RSS grew between the readings."""
        return self.after.resident.rss - self.before.resident.rss

    @property
    def rate(self) -> float | None:
        """Growth in bytes a second where it stands out of the noise, else None.

        Between two garbage collections every program grows; some megabytes mean nothing.
        """
        stands_out = self.growth > max(4e6, 0.01 * self.before.resident.rss)
        return self.growth / self.seconds if stands_out and self.seconds > 0 else None


def outside(seen: Situation) -> Outside:
    """What lies outside of the heap and counts towards the smallest container, or would towards
    one: all that is used but what V8 has in memory."""
    heap = seen.after.resident.v8
    if heap is None:
        return ESTIMATE
    container = _smallest(seen)
    used = None if container is None else container.used
    beside = max(0, (seen.after.resident.rss if used is None else used) - heap)
    return Outside(beside, beside, measured=True, heap=heap)


def ends(seen: Situation) -> Ending | None:
    """What ends the process if its heap alone keeps growing; None where its limit is unknown."""
    if seen.heap_limit is None:
        return None
    container = _smallest(seen)
    return ending(
        seen.heap_limit,
        None if container is None else container.limit,
        outside(seen),
        machine=seen.machine_limit,
        slows=container is not None and container.slows,
    )


def bounds(seen: Situation) -> list[Bound]:
    """The limits that may end the process: what leaves the least room first, unknown ones last."""
    found = [Bound("container", g.limit, g.used, g.path, slows=g.slows) for g in seen.after.groups]
    found.append(Bound("heap", seen.heap_limit, seen.heap_used, seen.heap_source))
    if seen.machine_limit is not None:
        found.append(Bound("machine", seen.machine_limit, None, "memory", seen.machine_room))
    return sorted(found, key=lambda one: (one.room is None, one.room or 0))


def first(found: list[Bound]) -> Bound | None:
    """The limit that will be met first, as far as known."""
    return next((bound for bound in found if bound.room is not None), None)


def seconds_left(bound: Bound, rate: float | None) -> float | None:
    """Until `bound` is reached if growth goes on as it is; None where there is none."""
    return None if rate is None or bound.room is None else bound.room / rate


def findings(seen: Situation) -> list[Finding]:
    """What looks wrong, the most urgent first."""
    return [*_state(seen), *_limits(seen), *_growth(seen), *_kernel(seen)]


def _state(seen: Situation) -> Iterator[Finding]:
    if seen.state in "Tt":
        yield Finding(
            id="triage.stopped",
            params={"pid": seen.pid},
            confidence=1.0,
            next=f"kill -CONT {seen.pid}",
        )


def _limits(seen: Situation) -> Iterator[Finding]:
    for bound in bounds(seen):
        room, left = bound.room, seconds_left(bound, seen.rate)
        if room is None or bound.limit is None:
            continue
        if room < CLOSE * bound.limit:
            yield Finding(
                id="triage.close.slowing" if bound.slows else f"triage.close.{bound.kind}",
                params={"room": room, "limit": bound.limit, "share": room / bound.limit},
                evidence=(
                    Evidence("limit_source", bound.source),
                    Evidence("seconds_left", left, "s"),
                ),
                confidence=0.9,
                next=_next_for(bound, seen.pid),
            )
            break
        if left is not None and left < SOON:
            yield Finding(
                id="triage.soon",
                params={"room": room, "left": left},
                evidence=(Evidence("limit_source", bound.source),),
                confidence=0.5,
                next=_next_for(bound, seen.pid),
            )
            break
    smallest = _smallest(seen)
    if smallest is None:
        return
    end = ends(seen)
    if end is not None and end.first == "kernel":
        yield Finding(
            id="triage.heap_above_container",
            params={
                "heap": seen.heap_limit,
                "outside": end.needs[0] - (seen.heap_limit or 0),
                "container": smallest.limit,
            },
            evidence=(Evidence("limit_source", smallest.path),),
            confidence=0.95 if end.measured else 0.8,
            next=f"nodemem limits {seen.pid}",
        )
    if kills := seen.after.events.get("oom_kill"):
        yield Finding(
            id="triage.oom_kills",
            params={"count": kills},
            confidence=1.0,
            next=f"nodemem record {seen.pid} -o {seen.pid}.ndjson.zst",
        )


def _smallest(seen: Situation) -> GroupMemory | None:
    limited = [group for group in seen.after.groups if group.limit is not None]
    return min(limited, key=lambda group: group.limit or 0, default=None)


def _growth(seen: Situation) -> Iterator[Finding]:
    if (rate := seen.rate) is not None:
        yield Finding(
            id="triage.growing",
            params={"growth": seen.growth, "seconds": seen.seconds},
            evidence=(Evidence("growth_per_second", rate, "bytes"),),
            confidence=0.3,  # seconds tell no leak from a busy moment
            next=f"nodemem map {seen.pid} --for 30s",
        )


def _kernel(seen: Situation) -> Iterator[Finding]:
    swap, rss = seen.after.resident.swap, seen.after.resident.rss
    if swap is not None and swap > 0.05 * rss:
        yield Finding(id="triage.swapped", params={"swap": swap}, confidence=0.9)
    fds, most = seen.after.fds, seen.fds_limit
    if fds is not None and most is not None and fds > 0.8 * most:
        yield Finding(id="triage.files", params={"count": fds, "limit": most}, confidence=0.9)
    regions, allowed = seen.mappings, seen.mappings_limit
    if regions is not None and allowed is not None and regions > 0.8 * allowed:
        yield Finding(
            id="triage.mappings", params={"count": regions, "limit": allowed}, confidence=0.9
        )


def _next_for(bound: Bound, pid: int) -> str:
    if bound.kind == "machine":
        return "nodemem ps"
    return f"nodemem {'gc' if bound.kind == 'heap' else 'map'} {pid} --for 30s"
