"""What can be said of a process whose mappings may not be read, or on a system that shows none: the
system's own totals, and what V8 says of itself where it was asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from nodemem.memory.segments import findings, limits, v8
from nodemem.memory.segments.types import (
    UNATTRIBUTED,
    Category,
    Exactness,
    Isolate,
    Kind,
    MemoryMap,
    Outside,
    Refusal,
)
from nodemem.records import MemorySample, Observed


def make(
    seen: Observed,
    refusals: tuple[Refusal, ...],
    isolates: Mapping[str, MemorySample] | None = None,
) -> MemoryMap:
    """A map of what is known: the kernel's three parts, anonymous memory, files and shared memory,
    none of which can be given to a segment; else V8's heaps and ArrayBuffers by what it says of its
    `isolates`, as estimates, for what of that is in physical memory it does not know. The rest
    belongs to `unattributed`."""
    kernel = {
        "anonymous_memory": seen.anonymous,
        "files": seen.file,
        "shared_memory": seen.shared,
    }
    parts = [_part(name, size) for name, size in kernel.items() if size]
    rss = max(seen.rss or 0, sum(one.rss for one in parts))
    left = rss - sum(one.rss for one in parts)
    for one in _told_by_v8(isolates or {}):
        size = min(one.rss, left)
        if size:
            parts.append(replace(one, rss=size))
            left -= size
    rest = _part(UNATTRIBUTED, left, "estimate" if isolates else "exact")
    found = MemoryMap(
        rss=rss,
        categories=[*parts, rest],
        private=seen.uss,
        outside=outside(seen, rss),
        limits=limits.of(seen),
        isolates=tuple(Isolate(name, None) for name in isolates or {}),
        refusals=refusals,
        unseen=("rest" if isolates else "segments", "pss" if seen.uss is None else "shared"),
    )
    return findings.add(found, seen)


def _part(category: str, size: int, exactness: Exactness = "exact") -> Category:
    return Category("other", category, None, size, None, None, exactness)


def _told_by_v8(isolates: Mapping[str, MemorySample]) -> Iterator[Category]:
    constants = "read_only_space"  # which all isolates share
    for isolate, sample in isolates.items():
        for space in sample.spaces:
            kind = Kind(v8.segment_of(space.name), f"v8_{space.name}", isolate)
            if space.name == constants:
                kind = v8.READ_ONLY
            if space.name != constants or isolate == "main":
                yield Category(*kind, space.physical, None, None, "estimate")
        if sample.array_buffers:
            size = sample.array_buffers
            yield Category("heap", "array_buffers", isolate, size, None, None, "estimate")


def outside(seen: Observed, rss: int) -> Outside:
    """What belongs to the process besides its RSS."""
    return Outside(
        page_tables=seen.page_tables,
        swap=seen.swap,
        reserved=None if seen.reserved is None else max(0, seen.reserved - rss),
        group_kernel=seen.group_kernel,
    )
