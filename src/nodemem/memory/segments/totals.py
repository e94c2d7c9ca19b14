"""What can be said of a process whose mappings may not be read: the kernel's own totals."""

from __future__ import annotations

from nodemem.memory.segments import findings, limits
from nodemem.memory.segments.types import (
    UNATTRIBUTED,
    Category,
    MemoryMap,
    Outside,
    Refusal,
    Segment,
)
from nodemem.records import Observed


def make(seen: Observed, refusals: tuple[Refusal, ...]) -> MemoryMap:
    """A map of three parts, anonymous memory, files and shared memory, none of which can be given
    to a segment."""
    rss = seen.rss or 0
    parts = {
        "anonymous_memory": seen.anonymous or 0,
        "files": seen.file or 0,
        "shared_memory": seen.shared or 0,
    }
    parts[UNATTRIBUTED] = max(0, rss - sum(parts.values()))
    found = MemoryMap(
        rss=sum(parts.values()),
        categories=[
            Category(_NOWHERE, name, None, size, None, None, "exact")
            for name, size in parts.items()
            if size or name == UNATTRIBUTED
        ],
        outside=outside(seen, rss),
        limits=limits.of(seen),
        refusals=refusals,
        unseen=("segments", "pss"),
    )
    return findings.add(found, seen)


def outside(seen: Observed, rss: int) -> Outside:
    """What belongs to the process besides its RSS."""
    return Outside(
        page_tables=seen.page_tables,
        swap=seen.swap,
        reserved=None if seen.reserved is None else max(0, seen.reserved - rss),
        group_kernel=seen.group_kernel,
    )


_NOWHERE: Segment = "other"
