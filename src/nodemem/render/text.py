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
_LEAST_NAME = 8  # where even that is too wide
_MIN_SOURCE = 24
_LONG_VALUE = 24  # sources do not line up behind longer ones
_LONG = 0.35  # of the width
_MOST_SPARK, _LEAST_SPARK = 40, 8
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
    elif not table.findings:
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
    unknown = "–" if terminal.unicode else "-"
    cut = grid(table, texts, unknown=unknown)
    drawn: list[str] = []
    if cut.depths is not None:
        drawn = branches(cut.depths, unicode=terminal.unicode)
        for row, branch in zip(cut.rows, drawn, strict=True):
            row[cut.stem] = branch + row[cut.stem]
    stem = max(map(cells, drawn), default=0) + _LEAST_NAME
    if _excess(_natural_widths(cut, terminal), terminal) > 0:
        _break_titles(cut)
    below = _below(cut, terminal)
    widths = _widths(cut, terminal, stem)
    for row, branch in zip(cut.rows, drawn, strict=False):
        room = max(widths[cut.stem] - cells(branch), 1)
        row[cut.stem] = branch + shorten(row[cut.stem][len(branch) :], room, terminal)
    titles = _stacked(cut.titles)
    lines = [terminal.style(_row(some, widths, cut, terminal).rstrip(), "bold") for some in titles]
    for index, row in enumerate(cut.rows):
        lines.append(_row(row, widths, cut, terminal, styled=True))
        for title, values in below:
            if values[index] != unknown:
                note = wrap(f"{title}: {values[index]}", terminal.width - 2, terminal)
                lines += [terminal.style(f"  {line}", "dim") for line in note]
    return lines


def _below(cut: Grid, terminal: Terminal) -> list[tuple[str, list[str]]]:
    """Columns of long text that would squeeze all others: they go below their rows instead.

    Not in a tree, which they would tear; nor sources, of which the end is enough as long as that
    has room for a file's name.
    """
    moved: list[tuple[str, list[str]]] = []
    while _excess(natural := _natural_widths(cut, terminal), terminal) > 0 and not cut.depths:
        movable = [
            i
            for i, column in enumerate(cut.columns)
            if not cut.right[i] and i != cut.stem and column.role != "source"
        ]
        long = [i for i in movable if natural[i] > terminal.width * _LONG]
        if not long:
            break
        moved.append(cut.take(max(long, key=natural.__getitem__)))
    widths = _widths(cut, terminal)
    for i, column in enumerate(cut.columns):
        squeezed = widths[i] < min(_MIN_SOURCE, _natural_widths(cut, terminal)[i])
        if column.role == "source" and squeezed and not cut.depths:
            return [cut.take(i), *moved]
    return moved


def _natural_widths(cut: Grid, terminal: Terminal) -> list[int]:
    lines = [*_stacked(cut.titles), *cut.rows]
    widths = [max(map(cells, column)) for column in zip(*lines, strict=True)]
    return [
        width if is_right else min(width, terminal.width)
        for width, is_right in zip(widths, cut.right, strict=True)
    ]


def _excess(widths: list[int], terminal: Terminal) -> int:
    return sum(widths) + _GAP * (len(widths) - 1) - terminal.width


def _break_titles(cut: Grid) -> None:
    """Titles wider than the numbers below them go on two lines, at the space nearest to their
    middle."""
    for i, title in enumerate(cut.titles):
        spaces = [at for at, character in enumerate(title) if character == " "]
        if cut.right[i] and spaces and cells(title) > max(cells(row[i]) for row in cut.rows):
            at = min(spaces, key=lambda at: abs(2 * at + 1 - len(title)))
            cut.titles[i] = f"{title[:at]}\n{title[at + 1 :]}"


def _stacked(titles: list[str]) -> list[list[str]]:
    """The lines of a table's head; titles of one line stand on the last."""
    parts = [title.split("\n") for title in titles]
    height = max(map(len, parts), default=1)
    return [
        [part[i + len(part) - height] if i + len(part) >= height else "" for part in parts]
        for i in range(height)
    ]


def _widths(cut: Grid, terminal: Terminal, least_stem: int = 0) -> list[int]:
    """Cells for each column: numbers and branches get what they need, names share the rest.
    `least_stem` are the cells of the widest branch with a name after it."""
    widths = _natural_widths(cut, terminal)
    stems: list[int] = []
    if cut.depths:
        widths[cut.stem] = min(widths[cut.stem], max(terminal.width // 2, least_stem))
        stems = [cut.stem]
    names = [
        i
        for i, is_right in enumerate(cut.right)
        if not is_right and not (cut.depths and i == cut.stem)
    ]
    for squeezed, least in ((names, _MIN_NAME), (stems, least_stem), (names, _LEAST_NAME)):
        for _ in range(_excess(widths, terminal)):
            longest = max(squeezed, key=widths.__getitem__, default=None)
            if longest is None or widths[longest] <= least:
                break
            widths[longest] -= 1
    return widths


def _row(
    values: list[str], widths: list[int], cut: Grid, terminal: Terminal, *, styled: bool = False
) -> str:
    parts = []
    for i, (value, width) in enumerate(zip(values, widths, strict=True)):
        role = cut.columns[i].role or ""
        fitted = value
        if not cut.right[i]:
            fitted = shorten(value, width, terminal, keep_end=role == "source")
        pad = " " * (width - cells(fitted))
        style = _STYLE_OF_ROLE.get(role) if styled else None
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
    followed = [cells(value) for _, value, source in rows if source]
    value_width = max((width for width in followed if width <= _LONG_VALUE), default=0)
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
    room = terminal.width - cells(title) - cells(span) - 2 * _GAP
    width = max(_LEAST_SPARK, min(_MOST_SPARK, room))
    line = sparkline(series.values, width=width, unicode=terminal.unicode)
    return (
        f"{title}  {terminal.style(line, 'cyan')}  {span}" if line.strip() else f"{title}  {span}"
    )
