"""All that the control groups of a process say of its memory at one moment."""

from __future__ import annotations

from typing import Literal

import msgspec

from nodemem.records.types import GroupMemory


class Stall(msgspec.Struct, frozen=True):
    """How much of the last 10, 60 and 300 seconds tasks waited for memory, as shares 0..1, and for
    how many seconds since the start."""

    avg10: float
    avg60: float
    avg300: float
    total: float


class Pressure(msgspec.Struct, frozen=True):
    """The kernel's pressure stall information of memory: `some` is while at least one task waited,
    `full` while all that were not idle did."""

    some: Stall
    full: Stall | None = None


class ControlGroup(GroupMemory, frozen=True, rename=None):
    """A control group, version 1 or 2, bytes; None where it does not say.

    `hard` is the limit at which the kernel kills and `high` the one from which it holds programs
    up; `limit` is the smaller one. `current` is all that is charged to the group, `cache` the part
    of it that the kernel could give up at most (page cache and caches of its own), `peak` the
    greatest `current` so far, `kernel` what the kernel needs for the group's programs. `swap` is in
    none of them.

    `events` counts what befell the group since it was made: `max` (the limit was met), `high`,
    `oom` (nothing was left to give up), `oom_kill` (a process was killed). `at_limit` is what
    happens then: the kernel kills one `process`, the whole `group`, or lets it `wait`.
    """

    version: int = 2
    hard: int | None = None
    high: int | None = None
    current: int | None = None
    cache: int | None = None
    peak: int | None = None
    kernel: int | None = None
    swap: int | None = None
    swap_limit: int | None = None
    events: dict[str, int] = msgspec.field(default_factory=dict)
    at_limit: Literal["process", "group", "wait"] = "process"
    pressure: Pressure | None = None

    @property
    def most_room(self) -> int | None:
        """What can still be allocated if the kernel gives up every cache first."""
        if self.limit is None or self.current is None:
            return None
        return max(0, self.limit - self.current + (self.cache or 0))
