"""A memory map as a report, and as the tree that is drawn of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from nodemem.memory.segments.limits import Limits
from nodemem.memory.segments.types import Category, MemoryMap
from nodemem.memory.segments.who import Who
from nodemem.render.html import Report, Said, map_report
from nodemem.results import Column, Evidence, Table

Name = Callable[[str], str]
"""What a segment or category is called in the reader's language."""


def map_tree(found: MemoryMap, segment: Name, category: Name) -> Table:
    """Segments, below each its categories, below these isolates where there are several; columns
    `depth`, `name`, `rss`, the largest first."""
    rows: list[tuple[int, str, int]] = []
    for name, size in sorted(found.segments.items(), key=lambda pair: -pair[1]):
        if not size:
            continue
        rows.append((0, segment(name), size))
        by_category: dict[str, list[Category]] = defaultdict(list)
        for one in found.categories:
            if one.segment == name and one.rss:
                by_category[one.category].append(one)
        for part, many in sorted(by_category.items(), key=lambda pair: -_rss(pair[1])):
            rows.append((1, category(part), _rss(many)))
            if len(many) > 1:
                own = sorted(many, key=lambda one: (-one.rss, one.isolate or ""))
                rows += [(2, one.isolate or "", one.rss) for one in own]
    columns = Column("depth", role="depth"), Column("name", role="name"), Column("rss", "bytes")
    return Table(columns, rows)


def report_on(whose: Who, found: MemoryMap, segment: Name, category: Name) -> Report:
    """The report: where RSS is, what would help, how far the process is from its limits."""
    free = sum(one.rss for one in found.categories if one.category == "malloc_free")
    segments: dict[str, int] = dict(found.segments.items())
    return map_report(
        title=Said("report.map_of", {"script": whose.script or "", "pid": whose.pid}),
        verdict=Said("report.map_verdict", {"rss": found.rss, **segments}),
        tree=map_tree(found, segment, category),
        parts=_parts(found, segment, category),
        figures=(
            Evidence("rss", found.rss, "bytes"),
            Evidence("heap_segment", segments["heap"], "bytes"),
            Evidence("malloc_free", None if "malloc" in found.unseen else free, "bytes"),
            Evidence("unattributed", found.unattributed, "bytes"),
        ),
        findings=found.findings,
        remarks=found.remarks,
        limits=_limits(found.limits),
        process=(
            Evidence("pid", str(whose.pid)),
            Evidence("version", whose.version),
            Evidence("script", whose.script),
            Evidence("page_tables", found.outside.page_tables, "bytes"),
            Evidence("swap", found.outside.swap, "bytes"),
            Evidence("reserved", found.outside.reserved, "bytes"),
        ),
        subject=whose.to_data(),
    )


def _rss(many: list[Category]) -> int:
    return sum(one.rss for one in many)


def _parts(found: MemoryMap, segment: Name, category: Name) -> Table:
    """The categories, those of several isolates and threads together."""
    by_name: dict[tuple[str, str], list[Category]] = defaultdict(list)
    for one in found.categories:
        by_name[one.segment, one.category].append(one)
    sizes: dict[str, int] = dict(found.segments.items())
    order = sorted(by_name.items(), key=lambda pair: (-sizes[pair[0][0]], -_rss(pair[1])))
    return Table(
        columns=(
            Column("segment", role="kind"),
            Column("category", role="name"),
            Column("rss", "bytes"),
            Column("pss", "bytes"),
            Column("uss", "bytes"),
        ),
        records=[
            (
                segment(name),
                category(part) + (f" ×{len(many)}" if len(many) > 1 else ""),
                _rss(many),
                _sum([one.pss for one in many]),
                _sum([one.uss for one in many]),
            )
            for (name, part), many in order
            if _rss(many)
        ],
        warnings=tuple(f"{one.what}: {one.why}" for one in found.refusals),
    )


def _sum(sizes: list[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _limits(limits: Limits) -> list[Evidence]:
    """Each limit with what is left of it."""
    told = []
    for one in limits.groups:
        if one.limit is not None:
            told.append(Evidence("cgroup_limit", one.limit, "bytes", one.path))
            told.append(Evidence("limit_room", one.room, "bytes", one.path))
        if one.events.get("oom_kill"):
            told.append(Evidence("oom_kills", one.events["oom_kill"], "count", one.path))
    if limits.machine.limit is not None:
        told.append(Evidence("machine_room", limits.machine.room, "bytes"))
    return told
