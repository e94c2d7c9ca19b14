"""Tables, findings and series as text for a terminal."""

from __future__ import annotations

from nodemem.render.grid import Grid, grid
from nodemem.render.spark import sparkline
from nodemem.render.terminal import Terminal, cells, detect, fill, shorten, wrap
from nodemem.render.texts import Texts
from nodemem.render.told import Told, series_span, series_title, tell, tell_summary
from nodemem.render.tree import branches
from nodemem.results import Finding, Series, Table

Result = Table | Finding | Series

_GAP = 2
_MIN_NAME = 12
_STYLE_OF_ROLE = {"source": "cyan", "kind": "dim", "edge": "dim"}


def to_text(
    result: Result,
    texts: Texts,
    *,
    width: int | None = None,
    color: str = "auto",
    unicode: bool | None = None,
) -> str:
    """`result` as lines for a terminal; what is not given is found out from stdout.

    `color` is `auto`, `always` or `never`. The text holds no control characters but our colours.
    """
    terminal = detect(color, width=width, unicode=unicode)
    if isinstance(result, Table):
        lines = _table(result, texts, terminal)
    elif isinstance(result, Finding):
        lines = _finding(tell(result, texts), texts, terminal)
    else:
        lines = [_series(result, texts, terminal)]
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return terminal.encodable(text)


def _table(table: Table, texts: Texts, terminal: Terminal) -> list[str]:
    blocks = [_finding(tell(finding, texts), texts, terminal) for finding in table.findings]
    if table.summary:
        between = " · " if terminal.unicode else " | "
        blocks.append(fill(tell_summary(table, texts), between, terminal.prose, terminal))
    if table.records:
        blocks.append(_grid(table, texts, terminal))
    elif not blocks:
        blocks.append([texts("render.no_rows")])
    notes = []
    if cut := table.truncated:
        note = texts("render.truncated", shown=cut.shown, total=cut.total, how=cut.how)
        notes += [terminal.style(line, "dim") for line in wrap(note, terminal.prose, terminal)]
    for warning in table.warnings:
        note = texts("render.warning", text=warning)
        notes += [terminal.style(line, "yellow") for line in wrap(note, terminal.prose, terminal)]
    blocks.append(notes)
    lines: list[str] = []
    for block in filter(None, blocks):
        lines += ["", *block] if lines else block
    return lines


def _grid(table: Table, texts: Texts, terminal: Terminal) -> list[str]:
    cut = grid(table, texts, unknown="–" if terminal.unicode else "-")
    if cut.depths is not None:
        drawn = branches(cut.depths, unicode=terminal.unicode)
        for row, branch in zip(cut.rows, drawn, strict=True):
            row[cut.stem] = branch + row[cut.stem]
    widths = _widths([cut.titles, *cut.rows], cut.right, terminal.width)
    head = _row(cut.titles, widths, cut, terminal)
    return [
        terminal.style(head.rstrip(), "bold"),
        *(_row(row, widths, cut, terminal, styled=True) for row in cut.rows),
    ]


def _widths(lines: list[list[str]], right: list[bool], width: int) -> list[int]:
    """Cells for each column: numbers get what they need, names share the rest."""
    widths = [max(map(cells, column)) for column in zip(*lines, strict=True)]
    names = [i for i, is_right in enumerate(right) if not is_right]
    for i in names:
        widths[i] = min(widths[i], width)
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    while excess > 0 and names:
        longest = max(names, key=lambda i: widths[i])
        if widths[longest] <= _MIN_NAME:
            break
        widths[longest] -= 1
        excess -= 1
    return widths


def _row(
    values: list[str], widths: list[int], cut: Grid, terminal: Terminal, *, styled: bool = False
) -> str:
    parts = []
    for i, (value, width) in enumerate(zip(values, widths, strict=True)):
        fitted = value if cut.right[i] else shorten(value, width, terminal)
        pad = " " * (width - cells(fitted))
        style = _STYLE_OF_ROLE.get(cut.columns[i].role or "") if styled else None
        shown = terminal.style(fitted, style) if style else fitted
        parts.append(pad + shown if cut.right[i] else shown + pad)
    return (" " * _GAP).join(parts)


def _finding(told: Told, texts: Texts, terminal: Terminal) -> list[str]:
    inner = terminal.prose - 2
    mark = terminal.style("●" if terminal.unicode else "*", "red")
    title = wrap(told.title, inner, terminal)
    lines = [f"{mark} {terminal.style(title[0], 'bold')}"]
    lines += [f"  {terminal.style(line, 'bold')}" for line in title[1:]]
    if told.place:
        lines.append("  " + terminal.style(told.place, "cyan"))
    lines += [f"  {terminal.code(line)}" for line in wrap(told.why, inner, terminal)]
    if told.path:
        label = texts("render.held_through")
        lines += ["", f"  {terminal.style(label, 'dim')}"]
        lines += [f"    {line}" for line in wrap(told.path, inner - 2, terminal)]
    if told.evidence or told.facts:
        lines += ["", *_evidence(told, terminal)]
    lines.append("")
    fix = texts("render.fix", text=told.fix)
    lines += [f"  {terminal.code(line)}" for line in wrap(fix, inner, terminal)]
    if told.next:
        # A command to paste: never broken, whatever its length.
        lines.append(f"  {terminal.style('$', 'dim')} {terminal.style(told.next, 'green')}")
    return lines


def _evidence(told: Told, terminal: Terminal) -> list[str]:
    rows = [*told.evidence, *((label, value, "") for label, value in told.facts)]
    label_width = max(cells(label) for label, _, _ in rows)
    value_width = max((cells(value) for _, value, _ in rows if cells(value) <= 24), default=0)
    lines = []
    for label, value, source in rows:
        left = label + " " * (label_width - cells(label))
        room = terminal.width - 4 - label_width - _GAP
        fitted = shorten(value, room, terminal)
        line = f"    {terminal.style(left, 'dim')}  {fitted}"
        if source:
            pad = " " * max(value_width - cells(fitted), 0)
            room -= max(cells(fitted), value_width) + _GAP
            source = shorten(source, max(room, 0), terminal)
            line += f"{pad}  {terminal.style(source, 'dim')}"
        lines.append(line)
    return lines


def _series(series: Series, texts: Texts, terminal: Terminal) -> str:
    title, span = series_title(series, texts), series_span(series, texts)
    line = sparkline(series.values, unicode=terminal.unicode)
    return (
        f"{title}  {terminal.style(line, 'cyan')}  {span}" if line.strip() else f"{title}  {span}"
    )
