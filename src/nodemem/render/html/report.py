"""A report as one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING, Any

from nodemem import __version__
from nodemem.render.grid import Grid, grid
from nodemem.render.html.bars import bars
from nodemem.render.html.lines import lines
from nodemem.render.html.model import Bars, Block, Facts, Lines, Path, Report, Said, Treemap
from nodemem.render.html.path import path
from nodemem.render.html.treemap import treemap
from nodemem.render.texts import Texts
from nodemem.render.told import series_title, tell, tell_evidence, tell_summary
from nodemem.render.visible import visible
from nodemem.results import Column, Series, Table, envelope, to_json

if TYPE_CHECKING:
    from jinja2 import Environment

_TABLE_ROWS = 200  # of the table that stands for a chart
_MOMENTS = 60


def to_html(report: Report, texts: Texts) -> str:
    """`report` in the language of `texts`: one page without any reference to elsewhere.

    The same report gives the same bytes. Text from a heap is escaped wherever it stands, and the
    page's policy lets no other style or script run than its own.
    """
    style, script = _asset("report.css"), _asset("report.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            texts=texts,
            title=_said(report.title, texts),
            verdict=_said(report.verdict, texts),
            tone=report.tone,
            badge=_said(report.badge or Said(f"report.tone.{report.tone}"), texts),
            lead=_said(report.lead, texts) if report.lead else "",
            figures=[tell_evidence(item, texts) for item in report.figures],
            findings=[tell(finding, texts) for finding in report.findings],
            sections=[
                {
                    "id": section.id,
                    "title": (title := texts(f"report.{section.id}.title", **section.params)),
                    "intro": texts(f"report.{section.id}.intro", **section.params),
                    "blocks": [_show(block, title, texts) for block in section.blocks],
                }
                for section in report.sections
            ],
            data=_data(report),
            version=__version__,
            style=style,
            script=script,
            policy=_policy(style, script),
        )
    )


@dataclass(frozen=True)
class _Shown:
    """A block ready for the template: a drawing with a table that says the same, or one of them."""

    svg: str = ""
    grid: Grid | None = None
    raw: tuple[tuple[Any, ...], ...] = ()
    facts: tuple[tuple[str, str, str], ...] = ()
    summary: tuple[str, ...] = ()
    unfolded: bool = False
    notes: tuple[str, ...] = ()


def _show(block: Block, title: str, texts: Texts) -> _Shown:
    match block:
        case Facts(items):
            return _Shown(facts=tuple(tell_evidence(item, texts) for item in items))
        case Lines(series, markers, levels):
            svg = lines(
                series,
                texts,
                title=title,
                markers=[(time, _said(label, texts)) for time, label in markers],
                levels=[(value, _said(label, texts)) for value, label in levels],
            )
            return _tabled(svg, _moments(series), texts, [series_title(s, texts) for s in series])
        case Bars(table, name, value, top):
            svg = bars(table, texts, title=title, name=name, value=value, top=top)
            return replace(_tabled(svg, table, texts), unfolded=True)
        case Treemap(table, name, size):
            svg = treemap(table, texts, title=title, name=name, size=size)
            return _tabled(svg, table, texts)
        case Path(table):
            return _tabled(path(table, texts, title=title), table, texts)
        case Table():
            return _tabled("", block, texts)


def _tabled(svg: str, table: Table, texts: Texts, titles: Iterable[str] | None = None) -> _Shown:
    notes = [texts("render.warning", text=warning) for warning in table.warnings]
    cut = table.truncated
    if svg and len(table) > _TABLE_ROWS:
        table = table.head(_TABLE_ROWS, texts("chart.rest_in_data"))
        cut = table.truncated
    if cut:
        notes.append(texts("render.truncated", shown=cut.shown, total=cut.total, how=cut.how))
    shown = grid(table, texts, unknown="–")
    if titles is not None:
        shown.titles[1:] = titles
    kept = [i for i, column in enumerate(table.columns) if column.role != "depth"]
    return _Shown(
        svg=svg,
        grid=shown,
        raw=tuple(tuple(_raw(record[i]) for i in kept) for record in table.records),
        summary=tuple(tell_summary(table, texts)),
        notes=tuple(notes),
    )


def _raw(value: Any) -> Any:
    """What a column is sorted by."""
    return value if isinstance(value, int | float) else visible(str(value or ""))


def _moments(series: tuple[Series, ...]) -> Table:
    """The values of all series at, at most, `_MOMENTS` of their times."""
    times = sorted({time for one in series for time in one.times})
    step = max(1, -(-len(times) // _MOMENTS))
    seen = [dict(zip(one.times, one.values, strict=True)) for one in series]
    return Table(
        (Column("time", "s"), *(Column(f"series_{i}", s.unit) for i, s in enumerate(series))),
        [(time, *(values.get(time) for values in seen)) for time in times[::step]],
    )


def _said(said: Said, texts: Texts) -> str:
    return texts(said.key, **said.params)


def _data(report: Report) -> str:
    """What the report was made of, as JSON that cannot end the element it stands in."""
    framed = envelope(
        "report",
        subject=dict(report.subject),
        data={
            "verdict": {"id": report.verdict.key, "params": dict(report.verdict.params)},
            "tone": report.tone,
            "figures": list(report.figures),
            "findings": list(report.findings),
            "sections": [
                {"id": section.id, "blocks": [_block_data(block) for block in section.blocks]}
                for section in report.sections
            ],
        },
    )
    text = to_json(framed).decode()
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _block_data(block: Block) -> dict[str, Any]:
    match block:
        case Facts(items):
            return {"kind": "facts", "items": list(items)}
        case Lines(series, markers, levels):
            return {
                "kind": "lines",
                "series": list(series),
                "markers": [[time, label.key] for time, label in markers],
                "levels": [[value, label.key] for value, label in levels],
            }
        case Table():
            return {"kind": "table", **block.to_data()}
        case _:
            return {"kind": type(block).__name__.lower(), **block.table.to_data()}


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("nodemem.render.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _quoted
    return environment


def _quoted(text: str) -> Any:
    """Prose whose `quoted` parts become code; everything is escaped first."""
    from markupsafe import Markup, escape

    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part)
        for i, part in enumerate(parts)
    )


@functools.cache
def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Content-Security-Policy: nothing from elsewhere, and of our own just these two texts."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; style-src 'sha256-{digest(style)}'; "
        f"script-src 'sha256-{digest(script)}'; base-uri 'none'; form-action 'none'"
    )
