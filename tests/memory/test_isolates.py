"""How isolates are called."""

from __future__ import annotations

from nodemem.memory.segments.threads import Thread, isolates
from nodemem.records import MappedMemory, ThreadName


def test_workers_are_counted_in_the_order_of_their_threads() -> None:
    # After the highest id, the kernel begins with the lowest again.
    stack = MappedMemory(0, 4096, "rw-p")
    heaps = {32_000: 1, 32_005: 2, 32_007: None, 12: 3}
    found = [Thread(ThreadName(tid, tid, "node"), 0, stack, heap) for tid, heap in heaps.items()]
    named = {1: "main", 2: "worker 1", 3: "worker 2"}
    assert isolates(found, 32_000, [1, 2, 3]) == named
    assert isolates(found[::-1], 32_000, [3, 2, 1]) == named
