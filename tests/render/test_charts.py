"""Charts as functions: areas that are right, lines that stay on the page."""

from __future__ import annotations

import math
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nodemem.render.html.bars import bars
from nodemem.render.html.lines import lines
from nodemem.render.html.path import MAX_BOXES, path
from nodemem.render.html.scale import axis_label, clock, ticks, time_ticks
from nodemem.render.html.squarify import Rect, squarify
from nodemem.render.html.treemap import HEIGHT, WIDTH, layout, treemap
from nodemem.render.texts import load_texts
from nodemem.results import Column, Series, Table

EN = load_texts("en")
TREE = (Column("depth", role="depth"), Column("name"), Column("retained", "bytes"))


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts_in(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in parsed(svg).iter("text")]


def overlap(a: Rect, b: Rect) -> float:
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    return max(width, 0.0) * max(height, 0.0)


@given(
    st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=40),
    st.floats(1, 2000),
    st.floats(1, 2000),
)
def test_squarify_fills_the_space_in_proportion(
    sizes: list[float], width: float, height: float
) -> None:
    space = Rect(3.0, 5.0, width, height)
    rects = squarify(sizes, space)
    assert len(rects) == len(sizes)
    assert math.isclose(sum(rect.area for rect in rects), space.area, rel_tol=1e-6)
    for size, rect in zip(sizes, rects, strict=True):
        wanted = size / sum(sizes) * space.area
        assert math.isclose(rect.area, wanted, rel_tol=1e-5, abs_tol=space.area * 1e-9)
        assert rect.x >= 3.0 - 1e-6
        assert rect.y >= 5.0 - 1e-6
        assert rect.x + rect.width <= 3.0 + width * (1 + 1e-9) + 1e-6
        assert rect.y + rect.height <= 5.0 + height * (1 + 1e-9) + 1e-6
    for i, a in enumerate(rects):
        assert all(overlap(a, b) <= space.area * 1e-6 for b in rects[i + 1 :])


def test_squarify_makes_equal_sizes_square() -> None:
    rects = squarify([1.0] * 4, Rect(0, 0, 100, 100))
    assert {(round(rect.width), round(rect.height)) for rect in rects} == {(50, 50)}


def test_squarify_of_nothing_is_empty() -> None:
    assert squarify([], Rect(0, 0, 10, 10)) == []
    assert [rect.area for rect in squarify([0.0, 0.0], Rect(0, 0, 10, 10))] == [0.0, 0.0]


@st.composite
def trees(draw: st.DrawFn) -> Table:
    """A tree whose children retain no more than their parent, as dominators do."""
    records: list[tuple[int, str, int]] = []

    def add(depth: int, size: int) -> None:
        records.append((depth, f"n{len(records)}", size))
        left = size
        for _ in range(draw(st.integers(0, 4)) if depth < 4 else 0):
            part = draw(st.integers(0, left))
            left -= part
            add(depth + 1, part)

    for _ in range(draw(st.integers(1, 3))):
        add(0, draw(st.integers(1, 10**9)))
    return Table(TREE, records)


@given(trees())
def test_treemap_areas_tell_retained_sizes(table: Table) -> None:
    total, cells = layout(table, name="name", size="retained", rest="rest")
    if not cells:
        return
    scale = WIDTH * HEIGHT / total
    for cell in cells:
        if cell.level == 0:
            assert math.isclose(cell.rect.area, cell.size * scale, rel_tol=1e-6)
        assert cell.rect.x >= -1e-6
        assert cell.rect.x + cell.rect.width <= WIDTH + 1e-6
        assert cell.rect.y + cell.rect.height <= HEIGHT + 1e-6
    for level in range(3):
        same = [cell.rect for cell in cells if cell.level == level]
        for i, a in enumerate(same):
            assert all(overlap(a, b) < 0.01 for b in same[i + 1 :])


def test_treemap_shows_what_the_whole_retains_besides() -> None:
    table = Table(TREE, [(0, "root", 100), (1, "cache", 60), (2, "entry", 60)])
    total, cells = layout(table, name="name", size="retained", rest="rest")
    assert total == 100
    assert [(cell.name, cell.size, cell.level) for cell in cells if cell.level == 0] == [
        ("cache", 60, 0),
        ("rest", 40, 0),
    ]
    assert "cache" in texts_in(treemap(table, EN, title="t"))


def test_treemap_joins_what_keeps_nearly_the_same() -> None:
    chain = [(0, "root", 100), (1, "Server", 95), (2, "closure", 94), (3, "Map", 93)]
    table = Table(TREE, [*chain, (4, "a", 40), (4, "b", 30), (1, "rest", 5)])
    _, cells = layout(table, name="name", size="retained")
    assert [(cell.name, cell.level) for cell in cells if cell.name != ""] == [
        ("Server › closure › Map", 0),
        ("rest", 0),
        ("a", 1),
        ("b", 1),
    ]


def test_treemap_survives_a_deep_chain_and_unknown_sizes() -> None:
    deep = Table(TREE, [(depth, "x", 100) for depth in range(20_000)])
    parsed(treemap(deep, EN, title="t"))
    parsed(treemap(Table(TREE, [(0, "a", None), (0, "b", -5)]), EN, title="t"))
    parsed(treemap(Table(TREE, []), EN, title="t"))


numbers = st.none() | st.floats()


@given(st.lists(st.tuples(st.floats(0, 1e7), numbers), max_size=30))
@example([(0.0, 5e-324)])
@example([(0.0, 1.7976931348623157e308)])
def test_lines_stay_on_the_page(points: list[tuple[float, float | None]]) -> None:
    points.sort(key=lambda point: point[0])
    series = Series("rss", "bytes", [time for time, _ in points], [value for _, value in points])
    drawing = parsed(lines([series], EN, title="t"))
    _, _, width, height = map(float, drawing.attrib["viewBox"].split())
    for line in drawing.iter("polyline"):
        for pair in line.attrib["points"].split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_lines_break_where_nothing_was_seen() -> None:
    series = Series("rss", "bytes", [0, 1, 2, 3, 4], [1e6, 2e6, None, 2e6, 3e6])
    drawing = parsed(lines([series], EN, title="t"))
    assert len([p for p in drawing.iter("polyline") if "line" in p.attrib["class"].split()]) == 2


def test_labels_of_lines_do_not_cover_each_other() -> None:
    series = [Series(f"s{i}", "bytes", [0, 1], [1e6 + i, 1e6 + i]) for i in range(6)]
    drawing = parsed(lines(series, EN, title="t"))
    ends = sorted(
        float(t.attrib["y"]) for t in drawing.iter("text") if "end" in t.attrib["class"].split()
    )
    assert len(ends) == 6
    assert all(below - above >= 13 for above, below in pairwise(ends))


def test_bars_are_in_proportion() -> None:
    table = Table((Column("class"), Column("retained", "bytes")), [("a", 100), ("b", 50)])
    drawing = parsed(bars(table, EN, title="t", name="class", value="retained"))
    a, b = (float(rect.attrib["width"]) for rect in drawing.iter("rect"))
    assert math.isclose(a, 2 * b, rel_tol=1e-3)


def test_path_is_drawn_root_first_and_long_ones_say_what_is_left_out() -> None:
    columns = (Column("edge", role="edge"), Column("name", role="class"))
    steps = Table(columns, [(f"edge{i}", f"node{i}") for i in range(5)])
    shown = texts_in(path(steps, EN, title="t"))
    assert [text for text in shown if text.startswith("node")] == [f"node{i}" for i in range(5)]
    assert [text for text in shown if text.startswith("edge")] == [f"edge{i}" for i in range(1, 5)]
    long = Table(columns, [(f"edge{i}", f"node{i}") for i in range(1000)])
    shown = texts_in(path(long, EN, title="t"))
    assert len([text for text in shown if text.startswith("node")]) == MAX_BOXES
    assert "node0" in shown
    assert "node999" in shown
    assert any(f"{1000 - MAX_BOXES:,}" in text for text in shown)


@given(st.floats(1e-3, 1e15))
def test_ticks_are_round_and_cover(highest: float) -> None:
    steps = ticks(highest)
    assert steps[0] == 0
    assert steps[-1] >= highest * 0.999
    assert 3 <= len(steps) <= 8
    assert f"{steps[1]:.2e}"[:4] in {"1.00", "2.00", "2.50", "5.00"}


@given(st.floats(0, 1e6), st.floats(0.2, 1e6))
def test_time_ticks_lie_within(begin: float, span: float) -> None:
    moments = time_ticks(begin, begin + span)
    assert len(moments) <= 9
    assert all(begin - 1e-6 <= moment <= begin + span + 1e-6 for moment in moments)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (12.5, "12.5 s"), (150, "2:30"), (3900, "1:05:00")]
)
def test_clock(seconds: float, said: str) -> None:
    assert clock(seconds) == said


def test_axis_labels_share_the_unit_of_the_greatest() -> None:
    assert [axis_label(v, 1.5e9, "bytes") for v in (0, 5e8, 1.5e9)] == ["0", "0.5 GB", "1.5 GB"]
