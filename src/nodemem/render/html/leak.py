"""The report on a hunt for leaks: its chapters, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nodemem.render.html.memory import map_section
from nodemem.render.html.model import (
    Bars,
    Facts,
    Lines,
    Path,
    Report,
    Said,
    Section,
    Tone,
    Treemap,
)
from nodemem.results import Evidence, Finding, Series, Table

_FIGURES = 4
_LEAST_BARS = 3  # one or two bars say no more than their figures


def leak_report(
    *,
    title: Said,
    findings: Sequence[Finding] = (),
    verdict: Said | None = None,
    tone: Tone | None = None,
    memory: Sequence[Series] = (),
    markers: Sequence[tuple[float, Said]] = (),
    collections: tuple[Mapping[str, Any], Sequence[Series]] | None = None,
    growth: Table | None = None,
    growth_by: str = "added_size",
    path: Table | None = None,
    dominators: Table | None = None,
    memory_map: Table | None = None,
    process: Sequence[Evidence] = (),
    method: Sequence[Evidence] = (),
    subject: Mapping[str, Any] | None = None,
) -> Report:
    """A report whose verdict is the first of `findings`, or `verdict` with its `tone`.

    `memory` are series in bytes over seconds, `markers` moments on them; `collections` the
    parameters of that chapter's text and series in bytes. `growth` has a column
    `class` and the bytes in `growth_by`; `path` is a retaining path, the root first; `dominators`
    a tree with the columns `name` and `retained`, `memory_map` one as `map_section` takes it.
    Chapters without content are left out.
    """
    sections: list[Section] = []
    if memory:
        times = [time for one in memory for time in one.times]
        span = max(times, default=0.0) - min(times, default=0.0)
        seen = {"n": max(len(one.times) for one in memory), "t": span}
        sections.append(Section("memory", (Lines(tuple(memory), tuple(markers)),), seen))
    if collections is not None and collections[1]:
        params, series = collections
        sections.append(Section("collections", (Lines(tuple(series)),), params))
    if growth is not None:
        drawn = Bars(growth, "class", growth_by) if len(growth) >= _LEAST_BARS else growth
        sections.append(Section("growth", (drawn,)))
    if path is not None:
        sections.append(Section("path", (Path(path),)))
    if dominators is not None:
        sections.append(Section("dominators", (Treemap(dominators),)))
    if memory_map is not None:
        sections.append(map_section(memory_map, "map_after"))
    if process:
        sections.append(Section("process", (Facts(tuple(process)),)))
    if method:
        sections.append(Section("method", (Facts(tuple(method)),)))
    if verdict is None:
        verdict = _verdict(findings)
    return Report(
        title=title,
        verdict=verdict,
        tone=tone or ("bad" if findings else "good"),
        figures=findings[0].evidence[:_FIGURES] if findings else (),
        findings=tuple(findings),
        sections=tuple(sections),
        subject=subject or {},
    )


def _verdict(findings: Sequence[Finding]) -> Said:
    if not findings:
        return Said("report.no_leak")
    return Said(f"finding.{findings[0].id}.title", findings[0].params)
