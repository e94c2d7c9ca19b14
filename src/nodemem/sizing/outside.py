"""What a process has in memory beside its JavaScript heap, for which a container pays too."""

from __future__ import annotations

from dataclasses import dataclass

from nodemem.gc.policy.releases import MIB

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
    """Bytes outside the heap, as a range; `measured` at one moment, or an estimate. `parts` are
    the figures of resident memory that it was worked out from, by name, `v8` among them."""

    low: int
    high: int
    measured: bool = False
    parts: tuple[tuple[str, int], ...] = ()

    def reserve(self, budget: int) -> int:
        """What to keep free of the heap in a container of `budget` bytes."""
        if self.measured:
            size = max(int(self.high * SLACK), self.high + max(LEAST, budget // 20))
        else:
            size = NATIVE + int(BUFFERS * budget)
        return -(-size // MIB) * MIB


ESTIMATE = Outside(*BARE)
