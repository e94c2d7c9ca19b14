"""A dominator tree as nested rectangles: area is retained size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nodemem.render.html.squarify import Rect, squarify
from nodemem.render.html.svg import chart, element, fit
from nodemem.render.texts import Texts
from nodemem.render.values import is_number, say
from nodemem.results import Table
from nodemem.units import format_count

WIDTH, HEIGHT = 920, 460
LEVELS = 3
_HEADER, _PAD, _SMALLEST, _LEAST_WIDTH = 20.0, 3.0, 3.0, 60.0
_COLORS = 6
_NEARLY_ALL = 0.9


@dataclass
class _Node:
    name: str
    size: float
    children: list[_Node] = field(default_factory=list)


@dataclass(frozen=True)
class Cell:
    """One rectangle. `level` counts from 0, `group` is the number of its ancestor at level 0.

    `rest` marks what a parent retains beside the children that are shown.
    """

    name: str
    size: float
    rect: Rect
    level: int
    group: int
    rest: bool = False


def treemap(
    table: Table, texts: Texts, *, title: str, name: str = "name", size: str = "retained"
) -> str:
    """`table` is a tree (a column of role `depth`), `size` its column in bytes. A row that stands
    for several objects says how many in a column `count`.

    A single top row is the whole and is not drawn itself. Where an object keeps nearly all that its
    parent keeps, they are one rectangle with both names: chains would use up the levels.
    """
    total, cells = layout(table, name=name, size=size, rest=texts("chart.rest"))
    parts = [part for cell in cells for part in _draw(cell, total, texts)]
    largest = [cell for cell in cells if cell.level == 0 and not cell.rest][:5]
    words = "; ".join(f"{cell.name} {say(cell.size, 'bytes', texts)}" for cell in largest)
    return chart(WIDTH, HEIGHT, title, words, parts)


def layout(table: Table, *, name: str, size: str, rest: str = "") -> tuple[float, list[Cell]]:
    """Total bytes and all rectangles, parents before their children."""
    tops = _tree(table, name, size)
    if len(tops) == 1 and tops[0].children:
        total, tops = tops[0].size, tops[0].children
    else:
        total = sum(top.size for top in tops)
    cells: list[Cell] = []
    space = Rect(0.0, 0.0, float(WIDTH), float(HEIGHT))
    waiting = [(tops, total, space, 0, -1)]
    while waiting:
        nodes, whole, room, level, group = waiting.pop()
        nodes = sorted(nodes, key=lambda node: -node.size)
        remainder = max(whole - sum(node.size for node in nodes), 0.0)
        rects = squarify([*(node.size for node in nodes), remainder], room)
        for index, (node, rect) in enumerate(zip(nodes, rects, strict=False)):
            label, children = _chain(node)
            if min(rect.width, rect.height) < _SMALLEST:
                continue
            own = index if level == 0 else group
            cells.append(Cell(label, node.size, rect, level, own))
            inner = _inside(rect)
            if children and level + 1 < LEVELS and inner is not None:
                waiting.append((children, node.size, inner, level + 1, own))
        if level == 0 and remainder > 0:
            cells.append(Cell(rest, remainder, rects[-1], 0, -1, rest=True))
    return total, cells


def _tree(table: Table, name: str, size: str) -> list[_Node]:
    """The rows as nodes; a row belongs to the nearest row above it that is less deep."""
    depth = next(column.key for column in table.columns if column.role == "depth")
    tops: list[_Node] = []
    branch: list[tuple[int, _Node]] = []
    for row in table.iter_rows():
        value = float(row[size]) if is_number(row[size]) and row[size] > 0 else 0.0
        node = _Node(_times(row.get("count")) + str(row[name]), value)
        while branch and branch[-1][0] >= (row[depth] or 0):
            branch.pop()
        (branch[-1][1].children if branch else tops).append(node)
        branch.append((row[depth] or 0, node))
    return tops


def _times(count: Any) -> str:
    return f"{format_count(count)} × " if isinstance(count, int) and count > 1 else ""


def _chain(node: _Node) -> tuple[str, list[_Node]]:
    """The name of `node` and of those below it that keep nearly all of it; the last's children."""
    names = [node.name]
    while node.children:
        heir = max(node.children, key=lambda child: child.size)
        if heir.size < _NEARLY_ALL * node.size or not heir.children:
            break
        node = heir
        names.append(node.name)
    if len(names) > 3:
        names = [names[0], "…", *names[-2:]]
    return " › ".join(names), node.children


def _inside(rect: Rect) -> Rect | None:
    """Room for children below the name and inside a border; None where that is too little."""
    if rect.height < 2.5 * _HEADER or rect.width < _LEAST_WIDTH:
        return None
    return Rect(
        rect.x + _PAD,
        rect.y + _HEADER,
        rect.width - 2 * _PAD,
        rect.height - _HEADER - _PAD,
    )


def _draw(cell: Cell, total: float, texts: Texts) -> Iterator[str]:
    rect = cell.rect
    color = "rest" if cell.rest else f"t{cell.group % _COLORS}"
    figure = say(cell.size, "bytes", texts)
    share = say(cell.size / total if total else None, "share", texts)
    yield element(
        "rect",
        class_=f"cell {color} l{cell.level}",
        x=rect.x + 0.5,
        y=rect.y + 0.5,
        width=max(rect.width - 1, 0.0),
        height=max(rect.height - 1, 0.0),
        data_tip=f"{cell.name} · {figure} · {share}",
    )
    if rect.height < 18 or rect.width < 44:
        return
    label = fit(cell.name, rect.width - 12, 6.8)
    if not label:
        return
    room = rect.width - 14 - len(label) * 6.8
    yield element("text", class_="cell-name", x=rect.x + 6, y=rect.y + 15, text=label)
    if room > len(figure) * 6.8 + 8:
        yield element(
            "text",
            class_="cell-size",
            x=rect.x + rect.width - 6,
            y=rect.y + 15,
            text_anchor="end",
            text=figure,
        )
