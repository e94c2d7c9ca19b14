"""One process at a glance, without touching it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nodemem.api.heap_sizes import heap_sizes
from nodemem.api.limits_running import Running
from nodemem.api.node import attach
from nodemem.capture.sampler import Sampler
from nodemem.errors import TargetLost
from nodemem.gc.policy import HeapLimits
from nodemem.records import MemorySample, ProcessFacts, ProcessSample
from nodemem.results import Column, Finding, Table
from nodemem.sizing import headroom
from nodemem.sizing.ending import Ending
from nodemem.sizing.headroom import Bound, Situation
from nodemem.target import mappings, procfs, told

KINDS = ("v8", "c_heap", "stacks", "anonymous", "file", "shared")


@dataclass(frozen=True)
class Triage:
    """What can be said of a process. `age` is in seconds since its start; `bounds` are the limits
    that may end it, what leaves the least room first; `readable` says whether we may look at more
    than its totals; `limits` are those of its heap, as far as they can be known from outside, and
    `heap_unknown` is why they cannot (see `Running`); `usage` is there when it was attached to."""

    facts: ProcessFacts
    age: float | None
    situation: Situation
    bounds: list[Bound]
    findings: list[Finding]
    next: str
    readable: bool
    limits: HeapLimits | None = None
    heap_unknown: str | None = None
    usage: MemorySample | None = None

    @property
    def now(self) -> ProcessSample:
        """The second of the two readings."""
        return self.situation.after

    @property
    def detailed(self) -> bool:
        """Whether the parts of the anonymous memory were read."""
        return self.now.resident.v8 is not None

    @property
    def first(self) -> Bound | None:
        """The limit that will be met first, as far as known."""
        return headroom.first(self.bounds)

    @property
    def ends(self) -> Ending | None:
        """What ends the process if its heap alone keeps growing; None where that is unknown."""
        return headroom.ends(self.situation)

    @property
    def seconds_left(self) -> float | None:
        """Until `first` is met if the growth goes on; None where there is none."""
        bound = self.first
        return None if bound is None else headroom.seconds_left(bound, self.situation.rate)

    def table(self) -> Table:
        """Resident memory by kind of mapping; `anonymous` holds what no other row does."""
        before, after = self.situation.before.resident, self.now.resident
        return Table(
            columns=(
                Column("mapping", role="name"),
                Column("resident", unit="bytes"),
                Column("growth", unit="bytes"),
            ),
            records=[
                (kind, value, None if earlier is None or value is None else value - earlier)
                for kind in KINDS
                for value, earlier in [(_own(after, kind), _own(before, kind))]
            ],
            findings=tuple(self.findings),
            summary={"rss": after.rss},
        )

    def to_data(self) -> dict[str, Any]:
        """The JSON form; sizes in bytes, times in seconds."""
        seen = self.situation
        return {
            "age": self.age,
            "resident": self.now.resident,
            "growth": {"bytes": seen.growth, "seconds": seen.seconds},
            "heap": {
                "limit": seen.heap_limit,
                "used": seen.heap_used,
                "source": seen.heap_source,
                "heaps": seen.heaps,
                "attached": self.usage is not None,
            },
            "threads": self.now.threads,
            "fds": self.now.fds,
            "groups": self.now.groups,
            "events": self.now.events,
            "bounds": [
                {
                    "kind": bound.kind,
                    "limit": bound.limit,
                    "used": bound.used,
                    "room": bound.room,
                    "source": bound.source,
                }
                for bound in self.bounds
            ],
            "first": None if self.first is None else self.first.kind,
            "ends": None if self.ends is None else self.ends.first,
            "seconds_left": self.seconds_left,
            "usage": None if self.usage is None else self.usage.to_data(),
            "findings": self.findings,
            "next": self.next,
        }


def triage(
    pid: int,
    *,
    seconds: float = 5.0,
    detailed: bool | None = None,
    attached: bool = False,
    wait: Callable[[float], object] = time.sleep,
) -> Triage:
    """Look at a process twice, `seconds` apart, from /proc and its control groups alone.

    Which kinds of mappings its memory is in is read from smaps, which can hold up a process of
    many gigabytes; so by default only up to 1 GiB (`detailed=None`), never, or always. Only with
    `attached` is its inspector opened, for the figures of its heap.

    Raises:
        TargetNotFound: there is no such process, or it is not Node.js.
        TargetLost: it ended meanwhile.
        TargetError: see `attach`; only with `attached`.
    """
    sampler = Sampler(pid)
    begun = time.monotonic()
    before = sampler.sample(0.0, detailed=detailed)
    wait(seconds)
    after = sampler.sample(time.monotonic() - begun, detailed=detailed)
    status = procfs.status(pid)
    if before is None or after is None or status is None:
        raise _ended(pid)
    usage = _ask(pid) if attached else None
    running = Running(sampler.process)
    heaps = heap_sizes(pid)
    limit, used, source = _heap(running, after, usage, heaps)
    machine, available = procfs.machine_memory()
    seen = Situation(
        pid=pid,
        before=before,
        after=after,
        heap_limit=limit,
        heap_used=used,
        heap_source=source,
        heaps=len(heaps) or None,
        machine_limit=machine,
        machine_room=available,
        state=status.state,
        fds_limit=procfs.open_files_limit(pid),
        mappings=mappings.count(pid),
        mappings_limit=mappings.count_limit(),
    )
    found = headroom.findings(seen)
    return Triage(
        facts=sampler.facts(),
        age=sampler.process.age,
        situation=seen,
        bounds=headroom.bounds(seen),
        findings=found,
        next=_next(pid, found, readable=sampler.process.readable),
        readable=sampler.process.readable,
        limits=running.limits,
        heap_unknown=running.unknown,
        usage=usage,
    )


def glance(pid: int) -> tuple[ProcessFacts, ProcessSample]:
    """Who a process is and what it has in memory, read once as `triage` does.

    Raises:
        TargetNotFound: there is no such process, or it is not Node.js.
        TargetLost: it ended meanwhile.
    """
    sampler = Sampler(pid)
    sample = sampler.sample(0.0, detailed=None)
    if sample is None:
        raise _ended(pid)
    return sampler.facts(), sample


def _next(pid: int, found: list[Finding], *, readable: bool) -> str:
    if not readable:
        return told.elevated(f"nodemem {pid}")  # all else would be refused
    return next((one.next for one in found if one.next), f"nodemem usage {pid}")


def _ended(pid: int) -> TargetLost:
    return TargetLost(
        f"process {pid} ended while we looked at it",
        next="nodemem ps shows the Node.js processes that run now",
    )


def _ask(pid: int) -> MemorySample:
    with attach(pid) as node:
        return node.memory_usage()


def _heap(
    running: Running, after: ProcessSample, usage: MemorySample | None, heaps: list[int]
) -> tuple[int | None, int | None, str | None]:
    """Limit of the V8 heap, what counts towards it, and who set the limit.

    From outside that is what the pages of the fullest heap take, garbage and machine code included;
    where they cannot be read, all that V8 has in physical memory.
    """
    if usage is not None:
        return usage.heap_limit, usage.heap_used, running.source or "v8"
    limits = running.limits
    used = heaps[0] if heaps else after.resident.v8
    return None if limits is None else limits.heap_size_limit, used, running.source


def _own(resident: Any, kind: str) -> int | None:
    value: int | None = getattr(resident, kind)
    if kind != "anonymous" or value is None:
        return value
    return value - sum(getattr(resident, part) or 0 for part in ("v8", "c_heap", "stacks"))
