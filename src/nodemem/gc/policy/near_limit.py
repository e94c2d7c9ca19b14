"""What happens when the old generation nears its limit: how V8 ends the process, and when."""

from __future__ import annotations

from dataclasses import dataclass

from nodemem.gc.policy.releases import MIB, Release, rules

CONSECUTIVE = 4
"""Ineffective major collections in a row: kMaxConsecutiveIneffectiveMarkCompacts, source."""
LAST_RESORT = (2, 7)
"""Full collections that V8 tries, at least and at most, when an allocation fails, before it ends
the process: Heap::CollectAllAvailableGarbage, source."""
SNAPSHOT_RAISES = "young_generation_size"
"""By which of the limits --heapsnapshot-near-heap-limit raises the old one for each snapshot:
Environment::NearHeapLimitCallback, source. It is that of the defaults, whatever the flags: with
semi-spaces of 2 or 4 MiB it raised by 48 MiB in 22, 192 in 24 and 96 in 26 (measured)."""
WORKER_MERCY = 16 * MIB
"""By how much Node.js raises the limit of a worker that meets it, once, to end it with
ERR_WORKER_OUT_OF_MEMORY: Worker::NearHeapLimit, source."""
REACHED = "Reached heap limit"
INEFFECTIVE = "Ineffective mark-compacts near heap limit"
"""What the process prints when V8 ends it, after `FATAL ERROR:`."""


@dataclass(frozen=True)
class NearLimit:
    """`size` and `utilization`: a major collection is ineffective if it leaves the old generation
    at this share of its limit or more, and the program had less than this share of the time. `size`
    is None where V8 does not look at that."""

    size: float | None
    utilization: float

    def ineffective(self, old_used: int, old: int, utilization: float) -> bool:
        """Whether a major collection counts: after `CONSECUTIVE` of them V8 ends the process."""
        if self.size is None:
            return False
        return old_used >= self.size * old and utilization < self.utilization


def near_limit(node: str | int | Release) -> NearLimit:
    """The rules of a release. --detect-ineffective-gcs-near-heap-limit is in the --v8-options of
    Node.js 10 on, not of 8. 0.8 and 0.4 are in Heap::IsIneffectiveMarkCompact (source), 0.95 and
    0.4 in the --v8-options of 26. Measured with programs that fill their heap, by the average
    utilization that is printed: the 7 that V8 ended as ineffective (20 to 26) had four in a row,
    the fourth being the last collection in 6 and the last but one in 1; none of 16 that reached the
    limit otherwise (18 to 24) had."""
    major = rules(node).major
    if major < 10:
        return NearLimit(None, 0.4)
    return NearLimit(0.95 if major >= 26 else 0.8, 0.4)
