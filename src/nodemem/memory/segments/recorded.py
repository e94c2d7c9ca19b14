"""A memory map from one reading of a recording: coarser, by kinds of mappings."""

from __future__ import annotations

from nodemem.memory.segments.types import Category, MemoryMap, Outside, Segment
from nodemem.records import ProcessSample

UNSEEN: tuple[str, ...] = ("spaces", "malloc", "pss")
"""What a recording does not hold."""

_PARTS: dict[str, tuple[Segment, str]] = {
    "code": ("code", "file_code"),
    "data": ("data", "file_data"),
    "shared": ("data", "shared_memory"),
    "v8": ("heap", "v8_whole"),
    "c_heap": ("heap", "c_heap"),
    "stacks": ("stack", "all_stacks"),
}
_TOTALS = {"anonymous": "anonymous_memory", "file": "files", "shared": "shared_memory"}


def detailed(sample: ProcessSample) -> bool:
    """Whether the kinds of mappings were read, as they are now and then."""
    return None not in [getattr(sample.resident, name) for name in _PARTS]


def make(sample: ProcessSample, *, closely: bool) -> MemoryMap:
    """What a reading says: with `closely` by kinds of mappings, which must have been read, else the
    kernel's totals, without segments."""
    resident = sample.resident
    parts: list[tuple[Segment, str, int]]
    if closely:
        parts = [(*kind, getattr(resident, key)) for key, kind in _PARTS.items()]
        unseen, rest = UNSEEN, "anonymous_memory"
    else:
        parts = [("other", name, getattr(resident, key) or 0) for key, name in _TOTALS.items()]
        unseen, rest = (*UNSEEN, "segments"), "unattributed"
    # The parts were read a moment after the total, and may be more by now.
    parts.append(("other", rest, max(0, resident.rss - sum(size for _, _, size in parts))))
    return MemoryMap(
        rss=sum(size for _, _, size in parts),
        categories=[
            Category(segment, name, None, size, None, None, "exact")
            for segment, name, size in parts
            if size
        ],
        outside=Outside(page_tables=resident.page_tables, swap=resident.swap),
        unseen=unseen,
    )
