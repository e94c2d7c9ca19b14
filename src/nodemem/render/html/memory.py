"""The report on where a process's memory is, and the chapter of it that other reports have too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nodemem.render.html.model import Facts, Report, Said, Section, Treemap
from nodemem.results import Evidence, Finding, Table

_FIGURES = 4


def map_section(tree: Table, id: str = "map") -> Section:
    """The memory map as areas: `tree` has the columns `depth`, `name` and `rss`. `id` is `map`, or
    `map_after` where snapshots were taken before."""
    return Section(id, (Treemap(tree, "name", "rss"),))


def map_report(
    *,
    title: Said,
    verdict: Said,
    tree: Table,
    parts: Table,
    figures: Sequence[Evidence] = (),
    findings: Sequence[Finding] = (),
    remarks: Sequence[Finding] = (),
    limits: Sequence[Evidence] = (),
    process: Sequence[Evidence] = (),
    subject: Mapping[str, Any] | None = None,
) -> Report:
    """A report on one memory map. `parts` are its categories with their figures; `remarks` are
    findings about what is not wrong. Chapters without content are left out."""
    sections = [map_section(tree), Section("map_parts", (parts,))]
    if limits:
        sections.append(Section("map_limits", (Facts(tuple(limits)),)))
    if process:
        sections.append(Section("process", (Facts(tuple(process)),)))
    return Report(
        title=title,
        verdict=verdict,
        tone="unsure" if findings else "good",
        badge=Said("report.map_badge.findings" if findings else "report.map_badge.none"),
        figures=tuple(figures)[:_FIGURES],
        findings=(*findings, *remarks),
        sections=tuple(sections),
        subject=subject or {},
    )
