"""One quantity of a few things, as horizontal bars."""

from __future__ import annotations

from nodemem.render.html.svg import chart, element, fit
from nodemem.render.texts import Texts
from nodemem.render.values import is_number, say
from nodemem.results import Table

WIDTH = 920
_ROW, _BAR, _NAMES, _FIGURES = 30, 14, 300, 110


def bars(table: Table, texts: Texts, *, title: str, name: str, value: str, top: int = 12) -> str:
    """The first `top` rows of `table`: column `name` beside a bar as long as column `value`.

    What shrank (below zero) points nowhere: its figure stands without a bar.
    """
    unit = next(column.unit for column in table.columns if column.key == value)
    pairs = list(zip(table.values(name), table.values(value), strict=True))[:top]
    sizes = [float(size) if is_number(size) and size > 0 else 0.0 for _, size in pairs]
    scale = (WIDTH - _NAMES - _FIGURES) / (max(sizes, default=0.0) or 1.0)
    parts = []
    for row, ((label, size), length) in enumerate(zip(pairs, sizes, strict=True)):
        y = row * _ROW + _ROW / 2
        text = say(label, None, texts)
        figure = say(size, unit, texts)
        tip = f"{text} · {figure}"
        parts += [
            element("text", class_="bar-name", x=0, y=y + 5, text=fit(text, _NAMES - 16, 7.6)),
            element(
                "rect",
                class_="bar",
                x=_NAMES,
                y=y - _BAR / 2,
                width=max(length * scale, 1.0),
                height=_BAR,
                rx=2,
                data_tip=tip,
            ),
            element(
                "text",
                class_="bar-figure",
                x=_NAMES + length * scale + 8,
                y=y + 5,
                text=figure,
            ),
        ]
    words = "; ".join(f"{say(label, None, texts)} {say(n, unit, texts)}" for label, n in pairs)
    return chart(WIDTH, max(len(pairs), 1) * _ROW, title, words, parts)
