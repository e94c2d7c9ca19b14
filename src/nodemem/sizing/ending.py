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
    heap is at the limit; `container` the limit that the kernel holds it to, which it `slows` down
    at instead of killing it (memory.high). All in bytes."""

    first: Ender
    needs: tuple[int, int]
    container: int | None
    measured: bool
    slows: bool = False


def ending(
    heap_limit: int, container: int | None, outside: Outside, *, slows: bool = False
) -> Ending:
    """Which comes first if only the heap grows. `container` is the smallest limit of all groups,
    those that Node.js does not see included; None for no limit."""
    needs = (heap_limit + outside.low, heap_limit + outside.high)
    first: Ender = "either"
    if container is None or needs[1] <= container:
        first = "v8"
    elif needs[0] > container:
        first = "kernel"
    return Ending(first, needs, container, outside.measured, slows)
