"""The report on what the garbage collector did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nodemem.render.html.model import Lines, Report, Said, Section
from nodemem.results import Evidence, Finding, Series, Table

_FIGURES = 4


def gc_report(
    *,
    title: Said,
    verdict: Said,
    pauses: Table,
    series: Sequence[Series] = (),
    triggers: Table | None = None,
    longest: Table | None = None,
    isolates: Table | None = None,
    figures: Sequence[Evidence] = (),
    findings: Sequence[Finding] = (),
    subject: Mapping[str, Any] | None = None,
) -> Report:
    """A report on collections: `series` over seconds, a chart for each, then the tables. Chapters
    without content are left out."""
    sections = [Section("gc_pauses", (pauses,))]
    if series:
        sections.append(Section("gc_course", tuple(Lines((one,)) for one in series)))
    for name, table in (
        ("gc_triggers", triggers),
        ("gc_longest", longest),
        ("gc_isolates", isolates),
    ):
        if table is not None and len(table):
            sections.append(Section(name, (table,)))
    return Report(
        title=title,
        verdict=verdict,
        tone="unsure" if findings else "good",
        badge=Said("report.map_badge.findings" if findings else "report.map_badge.none"),
        figures=tuple(figures)[:_FIGURES],
        findings=tuple(findings),
        sections=tuple(sections),
        subject=subject or {},
    )
