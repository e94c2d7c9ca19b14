"""What collections amount to, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nodemem.cli._frame import Output

if TYPE_CHECKING:
    from nodemem.api.gc import GcReport
    from nodemem.gc.statistics import Statistics
    from nodemem.results import Table


def text_of(out: Output, report: GcReport, title: str) -> str:
    """The whole page: figures, findings, the course of the heap, causes, longest pauses."""
    from nodemem.gc.table import isolates_table, longest_table, pauses_table, triggers_table

    one, isolates = report.figures, report.collected.sorted()
    head = out.texts(
        "gc.title",
        title=title,
        formats=", ".join(report.shapes),
        count=one.count,
        seconds=one.seconds,
    )
    figures = "\n".join(_wrapped(out, _figures(out, one, len(isolates))))
    blocks = [head, _table(out, pauses_table(one)), figures]
    blocks += [out.text(finding).rstrip("\n") for finding in report.findings]
    blocks.append("\n".join(out.text(series).rstrip("\n") for series in one.series()))
    if len(isolates) > 1:
        blocks.append(_table(out, isolates_table(isolates)))
    if one.triggers:
        blocks.append(out.texts("gc.triggers") + "\n" + _table(out, triggers_table(one)))
    if one.longest:
        blocks.append(out.texts("gc.longest") + "\n" + _table(out, longest_table(one)))
    return "\n\n".join(filter(None, blocks)) + "\n"


def _table(out: Output, table: Table) -> str:
    return out.text(table).rstrip("\n")


def _wrapped(out: Output, lines: list[str]) -> Iterator[str]:
    from nodemem.render.terminal import detect, wrap

    terminal = detect(out.color)
    for line in lines:
        first, *others = wrap(line, terminal.prose - 2, terminal)
        yield first
        yield from (f"  {other}" for other in others)


def _figures(out: Output, one: Statistics, isolates: int) -> list[str]:
    """Lines of single figures, as far as the source tells them."""
    texts, lines = out.texts, []
    if one.allocated.value is not None:
        rate = one.rate(one.allocated)
        lines.append(texts("gc.allocated", size=one.allocated.value, rate=rate))
    if one.promoted.value is not None:
        rate = one.rate(one.promoted)
        lines.append(texts("gc.promoted", size=one.promoted.value, rate=rate))
    if one.mean_survival is not None:
        lines.append(texts("gc.survival", part=one.mean_survival))
    if isolates == 1 and one.share is not None:
        lines.append(texts("gc.share", part=one.share))
        known = [(ms, part) for ms, part in one.utilizations().items() if part is not None]
        if known:
            windows = " · ".join(texts("gc.window", ms=float(ms), part=p) for ms, p in known)
            lines.append(texts("gc.mmu", windows=windows))
    if isolates == 1 and one.live.last is not None:
        key = "gc.live" if one.live.slope() is None else "gc.live_slope"
        slope = one.live.slope()
        lines.append(texts(key, last=one.live.last, first=one.live.first, slope=slope))
    if one.lost:
        lines.append(texts("gc.lost", count=one.lost))
    if one.cost is not None and one.seconds:
        lines.append(texts("gc.cost", cost=one.cost, part=one.cost / one.seconds))
    return lines
