"""The numbers of a process for the pages on its segments and on RSS."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from nodemem.api import memory_map
from nodemem.errors import NotPermitted


def map_facts(pid: int, segment: str | None) -> dict[str, Any]:
    """What is in one segment of a process's memory, or with None in all of them, in bytes. `parts`
    are (category or segment, bytes), the greatest first; they add up to `segment_size`.

    Raises:
        TargetError: see `memory_map`; NotPermitted where the segments may not be told apart.
    """
    process, found = memory_map.read(pid, ask=False)
    if "segments" in found.unseen:
        raise _refused(found.refusals)
    sums: dict[str, int] = defaultdict(int)
    for one in found.categories:
        if segment in (None, one.segment):
            sums[one.segment if segment is None else one.category] += one.rss
    heaps = {one.isolate for one in found.spaces}
    own = [one for one in found.categories if one.category.startswith("v8_")]
    own = [one for one in own if one.segment == "heap"]
    free = [one.rss for one in found.categories if one.category == "malloc_free"]
    return {
        "pid": process.pid,
        "version": process.version,
        "script": process.script,
        "rss": found.rss,
        "pss": found.pss,
        "uss": found.uss,
        "parts": [
            (name, size)
            for name, size in sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))
            if size
        ],
        "segment_size": sum(sums.values()),
        "v8": sum(one.rss for one in own),
        "isolates": len(heaps) or None,
        "malloc_free": None if "malloc" in found.unseen else sum(free),
        "threads": process.threads,
        "page_tables": found.outside.page_tables,
        "swap": found.outside.swap,
        "reserved": found.outside.reserved,
    }


def _refused(refusals: tuple[Any, ...]) -> NotPermitted:
    for one in refusals:
        return NotPermitted(one.what, why=one.why, next=one.next)
    return NotPermitted("the mappings of this process may not be read")
