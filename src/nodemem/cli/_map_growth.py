"""`map A B`, `map RECORDING`, `map PID --for 30s`: what grew, in which category."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nodemem.cli._frame import Output
from nodemem.cli._map_text import refusals
from nodemem.errors import UsageError
from nodemem.render.segments import category_name, segment_name
from nodemem.render.terminal import cells, detect, wrap
from nodemem.render.values import say
from nodemem.render.visible import visible

if TYPE_CHECKING:
    from nodemem.memory.segments.growth import Growth, Row

_FIGURE = 9


def between(out: Output, targets: Sequence[int | Path]) -> None:
    """Print what grew between two maps, of processes or saved."""
    from nodemem.api.map_growth import compare_maps
    from nodemem.records import is_recording

    for target in targets:
        if isinstance(target, Path) and is_recording(target):
            raise UsageError(
                f"{target} is a recording, which is compared with itself only",
                next=f"nodemem map {target} compares its first reading with its last",
            )
    first, second = targets
    _show(out, compare_maps(first, second))


def within(out: Output, recording: Path) -> None:
    """Print what grew in a recording."""
    from nodemem.api.map_growth import recorded_growth

    _show(out, recorded_growth(recording), recording=str(recording))


def over_time(out: Output, pid: int, seconds: float, *, freeze: bool, gentle: bool) -> None:
    """Print what grows in a process; Ctrl-C ends the time early."""
    from nodemem.api.map_growth import grown

    def wait(seconds: float) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(seconds)

    _show(out, grown(pid, seconds, freeze=freeze, gentle=gentle, wait=wait))


def _show(out: Output, found: Growth, **more: Any) -> None:
    out.command = "map-growth"
    warnings = tuple(out.texts(f"map.doubt.{doubt}") for doubt in found.doubts)
    if out.format == "text" and out.path is not None and out.path.suffix == ".html":
        out.write(_page(out, found, warnings))
        return
    if out.format == "text":
        out.write("\n".join(_lines(out, found, warnings)))
        return
    before, after = found.whose
    subject = {"before": before.to_data(), "after": after.to_data(), **more}
    out.emit(found.table(warnings), subject=subject, data=found.to_data())


def _lines(out: Output, found: Growth, warnings: Sequence[str]) -> list[str]:
    terminal = detect(out.color)
    head = [_head(out, found), *warnings]
    text = refusals(out, found.after)
    text += [line for note in head for line in wrap(note, terminal.prose, terminal)]
    rows = _rows(out, found)
    width = max((cells(label) for label, *_ in rows), default=0)
    titles = [out.texts.column(key) for key in ("before", "after", "growth")]
    columns = "  ".join(" " * (_FIGURE - cells(title)) + title for title in titles)
    text += ["", terminal.style(" " * (width + 2) + columns, "dim")]
    for label, before, after, is_segment in rows:
        figures = [say(size, "bytes", out.texts) for size in (before, after)]
        figures.append(_signed(out, after - before))
        line = label + " " * (width - cells(label) + 2)
        line += "  ".join(f"{figure:>{_FIGURE}}" for figure in figures)
        text.append(terminal.style(line, "bold") if is_segment else line)
    notes = [*_isolates(out, found), *_outside(out, found)]
    notes += [out.texts(f"map.growth.unseen.{name}") for name in _untold(found)]
    text += [""] if notes else []
    text += [line for note in notes for line in wrap(note, terminal.prose, terminal)]
    return [terminal.encodable(line) for line in text]


def _page(out: Output, found: Growth, warnings: tuple[str, ...]) -> str:
    """The comparison as one HTML file."""
    from nodemem.render.html import Bars, Report, Said, Section, to_html
    from nodemem.results import Column, Table

    rows = [row[:3] for row in _rows(out, found) if found.rows[0].segment is None or not row[3]]
    grown = sorted(rows, key=lambda row: row[1] - row[2])
    table = Table(
        columns=(
            Column("category", role="name"),
            *(Column(key, unit="bytes") for key in ("before", "after", "growth")),
        ),
        records=[(label.strip(), *sizes, sizes[1] - sizes[0]) for label, *sizes in grown],
        warnings=warnings,
    )
    before, after = found.whose
    report = Report(
        title=Said("report.map_of", {"script": after.script or "", "pid": after.pid}),
        verdict=Said("map.growth.verdict", {"growth": _signed(out, found.growth)}),
        tone="unsure" if warnings else "good",
        badge=Said("report.map_badge.growth"),
        sections=(Section("map_growth", (Bars(table, "category", "growth"),)),),
        subject={"before": before.to_data(), "after": after.to_data()},
    )
    return to_html(report, out.texts)


def _head(out: Output, found: Growth) -> str:
    before, after = found.whose
    key = "same" if found.seconds is not None else "two"
    return out.texts(
        f"map.growth.{key}",
        script=visible(after.script or out.texts("unknown")),
        pid=after.pid,
        first=before.pid,
        seconds=found.seconds,
        before=found.before.rss,
        after=found.after.rss,
        growth=_signed(out, found.growth),
    )


def _signed(out: Output, growth: int) -> str:
    return ("+" if growth > 0 else "") + say(growth, "bytes", out.texts)


def _rows(out: Output, found: Growth) -> list[tuple[str, int, int, bool]]:
    """(label, before, after, whether it is a segment): each segment before its categories that have
    changed, those of several isolates together, the greatest change first."""
    from nodemem.memory.segments.types import SEGMENTS

    by_segment: dict[str | None, list[Row]] = {segment: [] for segment in (*SEGMENTS, None)}
    for row in found.rows:
        by_segment[row.segment].append(row)
    rows = []
    for segment, own in by_segment.items():
        if not any(one.before or one.after for one in own):
            continue
        name = "RSS" if segment is None else segment_name(out.texts, segment)
        rows.append((name, sum(one.before for one in own), sum(one.after for one in own), True))
        by_category: dict[str, list[Row]] = defaultdict(list)
        for one in own:
            if one.category is not None:
                by_category[one.category].append(one)
        for category, many in by_category.items():
            before, after = sum(one.before for one in many), sum(one.after for one in many)
            if any(one.growth for one in many):
                # Threads of two processes have different ids, but are not more for that.
                sides = [one for one in many if one.before], [one for one in many if one.after]
                count = max(len(side) for side in sides)
                label = category_name(out.texts, category) + (f" ×{count}" if count > 1 else "")
                rows.append((f"  {label}", before, after, False))
    return rows


def _isolates(out: Output, found: Growth) -> list[str]:
    """How V8's heap of each isolate has grown, where there are several and one has."""
    sums: dict[str, int] = defaultdict(int)
    for one in found.rows:
        if one.isolate is not None and (one.category or "").startswith("v8_"):
            sums[one.isolate] += one.growth
    changed = [pair for pair in sums.items() if pair[1]]
    if len(sums) < 2 or not changed:
        return []
    order = sorted(changed, key=lambda pair: (-abs(pair[1]), pair[0]))
    told = ", ".join(f"{visible(name)} {_signed(out, size)}" for name, size in order)
    return [out.texts("map.growth.isolates", told=told)]


def _outside(out: Output, found: Growth) -> list[str]:
    told = [
        out.texts(f"map.outside.{name}", size=_signed(out, after - before))
        for name, before, after in found.outside()
        if after != before
    ]
    return [out.texts("map.growth.outside", told=", ".join(told))] if told else []


def _untold(found: Growth) -> list[str]:
    """What neither of the two says."""
    both = set(found.before.unseen) & set(found.after.unseen)
    return [name for name in ("segments", "rest", "spaces", "malloc") if name in both]
