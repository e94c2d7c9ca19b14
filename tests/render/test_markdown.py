"""Markdown: tables that stay tables, whatever a heap holds."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nodemem.render import to_markdown
from nodemem.render.texts import load_texts
from nodemem.results import Column, Finding, Series, Table

EN = load_texts("en")
PARSER = MarkdownIt("commonmark").enable("table")


def tokens(markdown: str) -> list[Any]:
    flat = []
    for token in PARSER.parse(markdown):
        flat += [token, *(token.children or [])]
    return flat


def test_table() -> None:
    table = Table((Column("class"), Column("retained", "bytes")), [("A|B", 310_000_000)])
    assert to_markdown(table, EN) == (
        "| Class | Retained |\n| --- | ---: |\n| A\\|B | 310 MB |\n"
    ).replace("Retained", EN.column("retained"))


@given(st.text(max_size=40))
def test_text_from_a_heap_stays_in_its_cell_and_does_nothing(hostile: str) -> None:
    table = Table((Column("class"), Column("count", "count")), [(hostile, 1), ("b", 2)])
    found = tokens(to_markdown(table, EN))
    kinds = [token.type for token in found]
    assert kinds.count("tr_open") == 3
    assert kinds.count("td_open") == 4
    assert not {"link_open", "image", "html_inline", "html_block", "em_open"} & set(kinds)


@given(st.text(max_size=40))
def test_findings_cannot_be_broken_open(hostile: str) -> None:
    told = to_markdown(Series(hostile, "count", [0], [1]), EN)
    kinds = {token.type for token in tokens(told)}
    assert not {"link_open", "image", "html_inline", "html_block"} & kinds


def test_finding(leak: Finding) -> None:
    told = to_markdown(leak, EN)
    assert told.startswith("**`cache` holds 48,210 `Session` objects** (`server.js:14:7`)")
    assert "`nodemem heap path b.heapsnapshot --id 4711`" in told


def test_code_spans_hold_backticks(leak: Finding) -> None:
    from msgspec.structs import replace

    hostile = replace(leak, next="a ``` b <script>")
    kinds = [(token.type, token.content) for token in tokens(to_markdown(hostile, EN))]
    assert ("code_inline", "a ``` b <script>") in kinds
