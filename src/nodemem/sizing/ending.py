"""What ends a process whose heap keeps growing: V8, or before that the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nodemem.sizing.outside import Outside

Ender = Literal["v8", "kernel", "either"]
"""`either`: the estimate of what lies outside the heap does not decide it."""


@dataclass(frozen=True)
class Ending:
    """`first` ends it. `needs` is what the process has in memory, at least and at most, when its
    heap is at the limit; `allowed` what the kernel allows, the `container` or the memory of the
    `machine`. A container's limit may be one at which the kernel `slows` the process instead of
    killing it (memory.high). All in bytes; None is unknown."""

    first: Ender
    needs: tuple[int, int]
    allowed: int | None
    where: Literal["container", "machine"]
    measured: bool
    slows: bool = False


def ending(
    heap_limit: int,
    container: int | None,
    outside: Outside,
    *,
    machine: int | None = None,
    slows: bool = False,
) -> Ending:
    """Which comes first if only the heap grows. `container` is the smallest limit of all groups,
    those that Node.js does not see included; None for no limit."""
    needs = (heap_limit + outside.low, heap_limit + outside.high)
    allowed = machine if container is None else container
    first: Ender = "either"
    if allowed is None or needs[1] <= allowed:
        first = "v8"
    elif needs[0] > allowed:
        first = "kernel"
    where: Literal["container", "machine"] = "machine" if container is None else "container"
    return Ending(first, needs, allowed, where, outside.measured, slows)
