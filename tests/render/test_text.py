"""Tables, findings and series as terminal text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from nodemem import render
from nodemem.errors import InternalError
from nodemem.render.texts import Texts, load_texts
from nodemem.results import Column, Evidence, Finding, Series, Table, Truncated, Where

EN, KO = load_texts("en"), load_texts("ko")
NO_BREAK = {"width": 60, "color": "never", "unicode": True}

CLASSES = Table(
    columns=(Column("class", role="class"), Column("count", "count"), Column("retained", "bytes")),
    records=[("Session", 48_210, 310_000_000), ("(string)", 9, None)],
)
TREE = Table(
    columns=(Column("depth", role="depth"), Column("name"), Column("retained", "bytes")),
    records=[(0, "a", 100), (1, "b", 60), (2, "c", 5), (1, "d", 40), (0, "e", 3)],
)


def lines(result: object, **options: object) -> list[str]:
    return render.to_text(result, EN, **{**NO_BREAK, **options}).splitlines()


def test_numbers_stand_right_in_units_and_unknown_is_no_zero() -> None:
    assert lines(CLASSES) == [
        "Class      Count  Retained",
        "Session   48,210    310 MB",
        "(string)       9         –",
    ]


def test_titles_are_korean_in_korean() -> None:
    text = render.to_text(CLASSES, KO, width=60, color="never", unicode=True)
    assert text.splitlines()[0].split() == ["클래스", "개수", *KO.column("retained").split()]


def test_korean_cells_are_counted_as_two() -> None:
    table = Table(CLASSES.columns, [("한국어", 1, 2), ("ab", 1, 2)])
    assert len({cell_len(line) for line in lines(table)}) == 1


def test_trees_are_drawn() -> None:
    assert [line.split("  ")[0] if i else line for i, line in enumerate(lines(TREE))][1:] == [
        "a", "├─ b", "│", "└─ d", "e",
    ]  # fmt: skip
    assert "`- d" in "\n".join(lines(TREE, unicode=False))


def test_a_chain_of_thousands_does_not_push_names_away() -> None:
    deep = Table(TREE.columns, [(depth, f"node{depth}", depth) for depth in range(3000)])
    assert all("node" in line and len(line) <= 100 for line in lines(deep, width=100)[1:])


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_long_names_are_cut_in_the_middle_and_numbers_never(width: int) -> None:
    table = Table(CLASSES.columns, [("begin" + "x" * 500 + "end", 123_456_789, 5)])
    row = lines(table, width=width)[1]
    assert len(row) == width
    assert row.startswith("begin")
    assert "end  123,456,789" in row


def test_equal_long_names_share_the_width() -> None:
    columns = tuple(map(Column, ("class", "name", "holder", "content")))
    row = lines(Table(columns, [tuple(letter * 33 for letter in "wxyz")]), width=100)[1]
    counts = [row.count(letter) for letter in "wxyz"]
    assert max(counts) - min(counts) <= 2
    assert len(row) == 100


def test_text_that_would_squeeze_the_others_goes_below_its_row() -> None:
    columns = (Column("class"), Column("path"), Column("count", "count"))
    long = " → ".join(f"step{i}" for i in range(12))
    shown = lines(Table(columns, [("Session", long, 5), ("Job", None, 6)]), width=60)
    assert [line.split()[0] for line in shown] == ["Class", "Session", "Path:", "step6", "Job"]
    assert " ".join(line.strip() for line in shown[2:4]) == f"Path: {long}"


def test_trees_are_not_torn() -> None:
    records = [(depth, f"branch {depth}", 1, "y" * 50) for depth in range(4)]
    shown = lines(Table((*TREE.columns, Column("path")), records))
    assert len(shown) == 5
    assert all(f"branch {depth}  " in line for depth, line in enumerate(shown[1:]))


@pytest.mark.parametrize("texts", [EN, KO])
def test_a_table_of_many_columns_fits_a_narrow_terminal(texts: Texts) -> None:
    sized = ("added_bytes", "own_bytes", "net_bytes", "added", "earlier", "removed")
    named = ("holder", "class", "source")
    columns = (
        Column("depth", role="depth"),
        *map(Column, named),
        *(Column(key, unit="bytes") for key in sized),
    )
    row = [f"{key} of a long name" for key in named] + [10_000_000] * len(sized)
    deep = Table(columns, [(depth, *row) for depth in range(4)])
    flat = Table(columns[1:], [tuple(row)])
    for table in (deep, flat):
        drawn = render.to_text(table, texts, width=104, color="never", unicode=True).splitlines()
        assert max(map(cell_len, drawn)) <= 104
        for key in sized:  # a heading on two lines is still all there
            assert all(word in "\n".join(drawn) for word in texts.column(key).split())
    assert "   └─ " in render.to_text(deep, texts, width=104, color="never", unicode=True)


def test_of_a_source_the_end_stays() -> None:
    columns = (Column("class"), Column("source", role="source"), Column("name"))
    table = Table(columns, [("a" * 30, "/srv/" + "a" * 12 + "/server.js:14:7", "b" * 30)])
    assert "server.js:14:7  b" in lines(table, width=95)[1]
    assert "…" in lines(table, width=95)[1]


def test_columns_without_any_text_are_left_out_and_unknown_sizes_are_not() -> None:
    table = Table(
        (Column("class"), Column("detail"), Column("retained", "bytes")), [("a", None, None)]
    )
    assert lines(table) == ["Class  Retained", "a             –"]


def test_what_is_left_out_and_warned_of_is_said() -> None:
    short = Table(
        CLASSES.columns,
        CLASSES.records,
        warnings=("the file ends early",),
        truncated=Truncated(2, 1000, "add --top 1000"),
    )
    assert lines(short)[-2:] == [
        "2 of 1,000 shown; add --top 1000",
        "warning: the file ends early",
    ]


def test_an_empty_table_says_so() -> None:
    assert lines(Table(CLASSES.columns, [])) == [EN("render.no_rows")]


def test_series_is_a_sparkline_with_its_figures() -> None:
    assert lines(Series("count", "count", [0, 1, 2], [1, None, 3])) == [
        "Count  ▁ █  1 → 3, highest 3"
    ]
    assert lines(Series("count", "count", [0], [None])) == ["Count  unknown"]


@given(st.lists(st.none() | st.floats(-1e300, 1e300), max_size=200))
def test_sparkline_is_as_long_as_its_values(values: list[float | None]) -> None:
    assert len(render.sparkline(values, width=40)) == min(len(values), 40)


def test_colour_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    assert "\x1b" not in render.to_text(CLASSES, EN)
    assert "\x1b[1m" in render.to_text(CLASSES, EN, color="always")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[1m" in render.to_text(CLASSES, EN)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in render.to_text(CLASSES, EN)


def test_width_is_that_of_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table((Column("class"),), [("x" * 500,)])
    monkeypatch.setenv("COLUMNS", "77")
    assert len(render.to_text(table, EN, unicode=True).splitlines()[1]) == 77
    monkeypatch.delenv("COLUMNS")
    assert len(render.to_text(table, EN, unicode=True).splitlines()[1]) == 160


@given(st.text(alphabet=st.characters(), max_size=60), st.sampled_from([True, False]))
@example("rss", True)
def test_no_control_character_reaches_the_terminal(hostile: str, unicode: bool) -> None:
    table = Table(
        (Column("class", role="class"), Column(hostile or "x", role="source")),
        [(hostile, hostile)],
        summary={hostile: hostile},
        warnings=(hostile,),
        truncated=Truncated(1, 2, hostile),
    )
    text = render.to_text(table, EN, color="never", unicode=unicode)
    assert all(char == "\n" or ord(char) >= 0x20 for char in text)
    assert not set(text) & {chr(c) for c in (*range(0x7F, 0xA0), 0x202E, 0x2028)}
    text.encode("utf-8" if unicode else "ascii")


def test_escapes_are_shown() -> None:
    assert "\\x1b[31mred\\n" in lines(Table((Column("class"),), [("\x1b[31mred\n",)]))[1]


def test_finding_without_texts_is_our_bug() -> None:
    with pytest.raises(InternalError, match="no_such_finding"):
        render.to_text(Finding(id="no_such_finding"), EN)


def test_finding_is_told_verdict_first(leak: Finding) -> None:
    told = lines(leak, width=80)
    assert told[0].startswith("● ")
    assert "server.js:14:7" in told[1]
    assert any("48,210" in line for line in told)
    assert any("310 MB ± 2.00 MB" in line for line in told)
    assert told[-1] == "  $ nodemem heap path b.heapsnapshot --id 4711"
    assert all(cell_len(line) <= 80 for line in told)


def test_finding_in_korean_carries_the_same_figures(leak: Finding) -> None:
    told = render.to_text(leak, KO, width=80, color="never", unicode=True)
    assert all(part in told for part in ("server.js:14:7", "48,210", "310 MB ± 2.00 MB", "4711"))


def test_paths_are_told(leak: Finding) -> None:
    assert "global → cache" in render.to_text(leak, EN, width=80, unicode=True)
    assert leak.where == Where("server.js", 14, 7, "global → cache")
    assert leak.evidence[0] == Evidence("count", 48_210, "count", "b.heapsnapshot")
