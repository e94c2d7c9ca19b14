"""What a process has in memory beside its JavaScript heap, for which a container pays too."""

from __future__ import annotations

from dataclasses import dataclass

from nodemem.gc.policy.releases import MIB
from nodemem.memory.segments.types import Category, MemoryMap

BARE = (10 * MIB, 100 * MIB)
"""What a process without Buffers has outside its heap. At least its own anonymous memory (measured
idle, Node.js 18 to 26: 2 to 6 MiB, after 4000 requests 8 to 20 MiB); at most that and the files of
Node.js (33 to 49 MiB resident), as published for real services: 60 to 100 MB."""
NATIVE = 64 * MIB
"""What to reserve for it where nothing was measured: its files and 15 MiB of its own."""
BUFFERS = 0.1
"""Share of the container to reserve for Buffers where nothing was measured."""
SLACK = 1.25
"""What was measured at one moment may be this much larger at another."""
LEAST = 16 * MIB


@dataclass(frozen=True)
class Outside:
    """Bytes outside the heap, as a range; `measured` at one moment, or an estimate. `parts` add up
    to it where it was: `buffers`, `native`, `program` (machine code and constants of Node.js and
    its libraries), `stacks` and `other`. `heap` is what V8's heaps have in memory, None if unknown;
    `heaps` what each has, that of the main thread first, those of workers behind it, as far as they
    are told apart."""

    low: int
    high: int
    measured: bool = False
    parts: tuple[tuple[str, int], ...] = ()
    heap: int | None = None
    heaps: tuple[int, ...] = ()

    def reserve(self, budget: int) -> int:
        """What to keep free of the heap in a container of `budget` bytes."""
        if self.measured:
            size = max(int(self.high * SLACK), self.high + max(LEAST, budget // 20))
        else:
            size = NATIVE + int(BUFFERS * budget)
        return -(-size // MIB) * MIB


ESTIMATE = Outside(*BARE)

_BUFFERS = ("array_buffers", "shared_array_buffers", "wasm_memory")
_WHOLE = ("v8_reserved", "v8_whole", "v8_pooled")


def outside_of(found: MemoryMap, sharers: int = 1) -> Outside:
    """What a map of a process's memory has outside of V8's spaces. The files of Node.js are in
    memory once for all `sharers`, the processes of one container; whether other containers have
    them too is no help, as any of them may have to pay."""
    if "segments" in found.unseen:
        return ESTIMATE
    parts = dict.fromkeys(("buffers", "native", "program", "stacks", "other"), 0)
    heap, heaps = 0, dict.fromkeys((one.name for one in found.isolates), 0)
    for one in found.categories:
        if _in_heap(one):
            heap += one.rss
            if one.isolate in heaps:
                heaps[one.isolate] += one.rss
        elif one.category in _BUFFERS:
            parts["buffers"] += one.rss
        elif one.segment in ("code", "data"):
            parts["program"] += one.rss // sharers
        else:
            names = {"heap": "native", "stack": "stacks"}
            parts[names.get(one.segment, "other")] += one.rss
    size = sum(parts.values())
    told = tuple(parts.items())
    return Outside(size, size, measured=True, parts=told, heap=heap, heaps=tuple(heaps.values()))


def _in_heap(one: Category) -> bool:
    name = one.category
    return name in _WHOLE or (name.startswith("v8_") and name.endswith("_space"))
