"""The words in which V8 says what it collected and why.

From src/heap/heap.cc (GarbageCollectionReasonToString, SelectGarbageCollector) and gc-tracer.cc of
V8 10.2 to 13.6, and from logs of 8.4 to 14.6.
"""

from __future__ import annotations

from typing import NamedTuple

from nodemem.records import GcKind


class Collector(NamedTuple):
    kind: GcKind
    name: str


SCAVENGE = Collector("minor", "scavenge")
MINOR_MARK_SWEEP = Collector("minor", "minor-mark-sweep")
MARK_COMPACT = Collector("major", "mark-compact")

PLAIN = {
    b"Scavenge": SCAVENGE,
    b"Minor Mark-Sweep": MINOR_MARK_SWEEP,
    b"Minor Mark-Compact": MINOR_MARK_SWEEP,
    b"Incremental Minor Mark-Sweep": MINOR_MARK_SWEEP,
    b"Mark-sweep": MARK_COMPACT,
    b"Mark-compact": MARK_COMPACT,
    b"Mark-Compact": MARK_COMPACT,
    b"Incremental Mark-Compact": MARK_COMPACT,
}
"""`--trace-gc`."""

SHORT = {
    "s": SCAVENGE,
    "mms": MINOR_MARK_SWEEP,
    "mmc": MINOR_MARK_SWEEP,
    "ms": MARK_COMPACT,
    "mc": MARK_COMPACT,
}
"""`--trace-gc-nvp`: a full collection is `ms` up to V8 10, `mc` later."""

PROFILER = {
    "Scavenge": Collector("minor", "scavenge"),
    "MinorMarkCompact": MINOR_MARK_SWEEP,
    "MinorMarkSweep": MINOR_MARK_SWEEP,
    "MarkSweepCompact": MARK_COMPACT,
    "IncrementalMarking": Collector("incremental", "mark-compact"),
    "ProcessWeakCallbacks": Collector("weak-callbacks", "weak-callbacks"),
}
"""v8.GCProfiler."""

PERFORMANCE = {
    1: SCAVENGE,
    2: MINOR_MARK_SWEEP,
    4: MARK_COMPACT,
    8: PROFILER["IncrementalMarking"],
    16: PROFILER["ProcessWeakCallbacks"],
}
"""perf_hooks: `detail.kind`."""
OLDER_PERFORMANCE = {
    1: SCAVENGE,
    2: MARK_COMPACT,
    4: PROFILER["IncrementalMarking"],
    8: PROFILER["ProcessWeakCallbacks"],
}
"""The same up to Node.js 17."""

FORCED = 4  # perf_hooks.constants.NODE_PERFORMANCE_GC_FLAGS_FORCED

CAUSES = (
    "allocation failure",
    "allocation limit",
    "background allocation failure",
    "context disposal",
    "counters extension",
    "CppHeap allocation failure",
    "debugger",
    "deserialize",
    "external finalize",
    "external memory pressure",
    "finalize concurrent MinorMS",
    "finalize concurrent minor mark-sweep",
    "finalize incremental marking via stack guard",
    "finalize incremental marking via task",
    "frozen",
    "full hash-table",
    "global allocation limit",
    "heap profiler",
    "idle context disposal",
    "idle task",
    "incremental marking limit",
    "last resort",
    "low memory notification",
    "make heap iterable",
    "measure memory",
    "memory pressure",
    "memory reducer",
    "runtime",
    "sampling profiler",
    "snapshot creator",
    "task",
    "testing",
    "unknown",
)
COLLECTOR_CAUSES = (
    "Concurrent MinorMS needs finalization",
    "GC in old space forced by flags",
    "GC in old space requested",
    "Incremental marking forced finalization",
    "Incremental marking needs finalization",
    "promotion and new space full",
    "scavenge might not succeed",
)
