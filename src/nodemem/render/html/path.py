"""A retaining path as a chain of boxes, from a root down to what it keeps alive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nodemem.render.html.svg import chart, element, fit
from nodemem.render.texts import Texts
from nodemem.render.values import say
from nodemem.results import Column, Table
from nodemem.units import format_count

WIDTH = 720
_BOX, _GAP, _PAD = 46, 34, 14
MAX_BOXES = 12


def path(table: Table, texts: Texts, *, title: str) -> str:
    """One box a row of `table`, the root first.

    Columns are found by their role: `class` (or `name`) names the box, `kind` and `edge` what leads
    to it from the box above (`times` how often in a row), `source` stands beside it, and at its
    end `retained`, else the first column in bytes. Of a longer path than `MAX_BOXES` the middle is
    left out, and how much is said.
    """
    steps = list(table.iter_rows())
    name = _by_role(table, "class") or _by_role(table, "name")
    source = _by_role(table, "source")
    sizes = [column.key for column in table.columns if column.unit == "bytes"]
    size = "retained" if "retained" in sizes else next(iter(sizes), None)
    hidden = max(len(steps) - MAX_BOXES, 0)
    head = MAX_BOXES // 2
    parts: list[str] = []
    y = 0.0
    for index, step in enumerate(steps):
        if hidden and head <= index < head + hidden:
            if index == head:
                left_out = texts("chart.boxes_left_out", n=hidden)
                parts += _arrow(y, left_out)
                y += _GAP
            continue
        if index:
            parts += _arrow(y, _reference(table, step, texts))
            y += _GAP
        parts += _box(
            y,
            _cell(step, name, texts),
            _cell(step, source, texts),
            _cell(step, size, texts, unit="bytes"),
            last=index == len(steps) - 1,
        )
        y += _BOX
    words = " → ".join(_cell(step, name, texts) for step in steps[:MAX_BOXES])
    return chart(WIDTH, max(y, 1.0) + 2, title, words, parts)


def _reference(table: Table, step: dict[str, Any], texts: Texts) -> str:
    words = [_cell(step, _by_role(table, role), texts) for role in ("kind", "edge")]
    times = step.get("times")
    if isinstance(times, int) and times > 1:
        words.append(f"×{format_count(times)}")
    return " ".join(word for word in words if word)


def _by_role(table: Table, role: str) -> str | None:
    matching: Iterator[Column] = (column for column in table.columns if column.role == role)
    return next((column.key for column in matching), None)


def _cell(step: dict[str, Any], key: str | None, texts: Texts, unit: str | None = None) -> str:
    return "" if key is None or step[key] is None else say(step[key], unit, texts)


def _box(y: float, name: str, source: str, size: str, *, last: bool) -> Iterator[str]:
    yield element(
        "rect",
        class_="box last" if last else "box",
        x=1,
        y=y + 1,
        width=WIDTH - 2,
        height=_BOX - 2,
        rx=6,
    )
    middle = y + _BOX / 2 + 5
    room = WIDTH - 2 * _PAD - len(size) * 8 - 16
    shown_source = fit(source, room * 0.6, 7.6, keep_end=True)
    shown_name = fit(name, room - len(shown_source) * 7.6 - 16, 8.4)
    yield element("text", class_="box-name", x=_PAD, y=middle, text=shown_name)
    right = WIDTH - _PAD
    if size:
        yield element("text", class_="box-size", x=right, y=middle, text_anchor="end", text=size)
        right -= len(size) * 8 + 16
    if shown_source:
        yield element(
            "text", class_="box-source", x=right, y=middle, text_anchor="end", text=shown_source
        )


def _arrow(y: float, label: str) -> Iterator[str]:
    x = 28.0
    yield element("line", class_="arrow", x1=x, x2=x, y1=y + 1, y2=y + _GAP - 6)
    tip = f"{x - 5},{y + _GAP - 8} {x + 5},{y + _GAP - 8} {x},{y + _GAP - 1}"
    yield element("polygon", class_="arrow-tip", points=tip)
    shown = fit(label, WIDTH - 80, 7.6)
    yield element("text", class_="edge", x=x + 16, y=y + _GAP / 2 + 4, text=shown)
