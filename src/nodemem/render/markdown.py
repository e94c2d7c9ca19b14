"""Results as Markdown (GitHub's), to be pasted into an issue."""

from __future__ import annotations

import re

from nodemem.render.grid import grid
from nodemem.render.spark import sparkline
from nodemem.render.texts import Texts
from nodemem.render.told import Told, series_span, series_title, tell, tell_summary
from nodemem.render.tree import branches
from nodemem.results import Finding, Series, Table

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~#&]")


def to_markdown(result: Table | Finding | Series, texts: Texts) -> str:
    """`result` as Markdown; text from a heap can neither format nor link nor embed anything."""
    if isinstance(result, Table):
        blocks = _table(result, texts)
    elif isinstance(result, Finding):
        blocks = [_finding(tell(result, texts), texts)]
    else:
        blocks = [_series(result, texts)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escape(text: str) -> str:
    """`text` so that Markdown shows it as it is."""
    return _SPECIAL.sub(lambda match: f"\\{match.group()}", text)


def _table(table: Table, texts: Texts) -> list[str]:
    blocks = [_finding(tell(finding, texts), texts) for finding in table.findings]
    blocks.append("\n".join(f"- {escape(figure)}" for figure in tell_summary(table, texts)))
    if table.records:
        blocks.append(_grid(table, texts))
    elif not any(blocks):
        blocks.append(texts("render.no_rows"))
    if cut := table.truncated:
        note = texts("render.truncated", shown=cut.shown, total=cut.total, how=cut.how)
        blocks.append(f"*{escape(note)}*")
    blocks += [f"> {escape(texts('render.warning', text=text))}" for text in table.warnings]
    return blocks


def _grid(table: Table, texts: Texts) -> str:
    cut = grid(table, texts, unknown="–")
    rows = [[escape(cell) for cell in row] for row in cut.rows]
    if cut.depths is not None:
        for row, branch in zip(rows, branches(cut.depths), strict=True):
            # Plain leading spaces would be dropped.
            row[cut.stem] = branch.replace("   ", "\u2003 ") + row[cut.stem]
    rules = ["---:" if right else "---" for right in cut.right]
    lines = [[escape(title) for title in cut.titles], rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _finding(told: Told, texts: Texts) -> str:
    title = _sentence(told.title)
    place = f" ({code(told.place)})" if told.place else ""
    parts = [f"**{title}**{place}", _sentence(told.why)]
    if told.path:
        parts.append(f"{texts('render.held_through')}:\n{code(told.path)}")
    evidence = [
        f"- {escape(label)}: {escape(value)}" + (f" ({escape(source)})" if source else "")
        for label, value, source in told.evidence
    ]
    evidence += [f"- {escape(label)}: {escape(value)}" for label, value in told.facts]
    parts.append("\n".join(evidence))
    parts.append(_sentence(texts("render.fix", text=told.fix)))
    if told.next:
        parts.append(code(told.next))
    return "\n\n".join(part for part in parts if part)


def _sentence(text: str) -> str:
    """Prose whose `quoted` parts become code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return "".join(code(part) if i % 2 else escape(part) for i, part in enumerate(parts))


def code(text: str) -> str:
    """A code span; backticks inside it cannot close it."""
    runs = re.findall(r"`+", text)
    fence = "`" * (max(map(len, runs), default=0) + 1)
    pad = " " if runs else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _series(series: Series, texts: Texts) -> str:
    title, span = escape(series_title(series, texts)), series_span(series, texts)
    line = sparkline(series.values, unicode=True)
    return f"{title}: {line} {span}" if line.strip() else f"{title}: {span}"
