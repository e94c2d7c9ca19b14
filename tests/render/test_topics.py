"""Explained concepts: both languages, with and without a process's own numbers."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

import pytest
from jinja2 import Environment, meta
from markdown_it import MarkdownIt

from nodemem.errors import UsageError
from nodemem.render.texts import LANGUAGES, load_texts
from nodemem.render.topics import SNAPSHOT_TOPICS, TOPICS, VALUES, explain, page_to_text

OWN: dict[str, Any] = {
    "parts": [{"category": "v8_old_space", "name": "V8 old_space", "size": 92_200_000}],
    "segment_size": 92_200_000,
    "pss": 180_000_000,
    "uss": 160_000_000,
    "isolates": 3,
    "malloc_free": 5_000_000,
    "swap": 0,
    "reserved": 1_000_000_000,
    "gc_seconds": 5.0,
    "gc_minor": 61,
    "gc_major": 2,
    "gc_share": 0.021,
    "gc_longest": 0.0091,
    "gc_rate": 43_000_000,
    "gc_promotion": 7_260_000,
    "gc_minor_p50": 0.000718,
    "gc_minor_longest": 0.0056,
    "gc_major_longest": 0.0091,
    "gc_new_capacity": 4_190_000,
    "gc_survival": 0.3,
    "gc_live": 21_200_000,
    "old_limit": 268_435_456,
    "semi_limit": 1_048_576,
    "semi_least": 524_288,
    "young_limit": 3_145_728,
    "told_memory": 536_870_000,
    "options": "--max-old-space-size=256 (argv)",
    "recommended": "--max-old-space-size=348",
    "ends": "kernel",
    "file": "a4711.heapsnapshot",
    "nodes": 71_865,
    "edges": 312_000,
    "total": 10_500_000,
    "largest": "Map",
    "largest_retained": 2_000_000,
    "largest_share": 0.19,
    "string_bytes": 1_570_000,
    "string_count": 16_106,
    "array_bytes": 345_000,
    "code_bytes": 2_140_000,
    "native_bytes": 3_890_000,
    "farthest": 5_001,
    "unreached": 2_100,
    "variables": 7,
    "unused": 1,
    "unused_bytes": 80_300,
    "wasted_certain": 32_000,
    "wasted_possible": 18_800,
    "pid": 4711,
    "version": "v22.20.0",
    "script": "/srv/app/server.js",
    "rss": 207_000_000,
    "heap_total": 96_000_000,
    "heap_used": 92_200_000,
    "external": 1_850_000,
    "array_buffers": 11_000,
    "heap_limit": 2_197_815_296,
    "container_limit": 536_870_912,
    "workers": 2,
    "rest": 109_150_000,
    "pause_low": 0.2,
    "pause_high": 4.5,
    "extra_low": 3_000_000,
    "extra_high": 900_000_000,
    "code": 16_800_000,
    "data": 21_000_000,
    "v8": 92_200_000,
    "c_heap": 6_100_000,
    "stacks": 148_000,
    "shared": 0,
    "other": 70_752_000,
    "threads": 11,
    "page_tables": 2_500_000,
    "user": "app",
    "readable": True,
    "inspector": "open",
    "address": "127.0.0.1:9229",
    "port": 9229,
    "taken": False,
    "owner": None,
    "sigusr1": "safe",
    "clients": 1,
    "left": True,
}
WITHOUT_SIZES = ("attach", "inspect")
LIMITS = ("heap-limit", "flags")
PAGES = [(topic, lang) for topic in TOPICS for lang in LANGUAGES]


def source(topic: str, lang: str) -> str:
    folder = resources.files("nodemem.render.texts").joinpath("explain")
    return folder.joinpath(f"{topic}.{lang}.md").read_text("utf-8")


def outline(body: str) -> list[str]:
    """The order of headings, tables, lists and code, without their words."""
    found = MarkdownIt("commonmark").enable("table").parse(body)
    kinds = ("heading_open", "table_open", "tr_open", "list_item_open", "fence")
    return [token.type + token.tag for token in found if token.type in kinds]


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("values", [None, OWN], ids=["alone", "own"])
def test_languages_tell_the_same(topic: str, values: dict[str, Any] | None) -> None:
    english, korean = (explain(topic, load_texts(lang), values).body for lang in LANGUAGES)
    assert outline(english) == outline(korean)
    environment = Environment()
    kinds = ("bytes", "binary", "count", "share", "duration", "code")
    environment.filters |= dict.fromkeys(kinds, str)
    used = [meta.find_undeclared_variables(environment.parse(source(topic, lang)))
            for lang in LANGUAGES]  # fmt: skip
    assert used[0] == used[1]
    assert used[0] - {"own"} <= set(VALUES)


@pytest.mark.parametrize(("topic", "lang"), PAGES)
def test_own_numbers_are_woven_in(topic: str, lang: str) -> None:
    texts = load_texts(lang)
    own, alone = explain(topic, texts, OWN).body, explain(topic, texts).body
    if topic in SNAPSHOT_TOPICS:
        assert "a4711.heapsnapshot" in own
    else:
        assert "4711" in own
        figure = "256 MiB" if topic in LIMITS else "92.2 MB"
        assert ("127.0.0.1:9229" if topic in WITHOUT_SIZES else figure) in own
    assert "4711" not in alone
    assert not re.search(r"\{[{%]|%\}|None", own + alone)
    assert own.startswith("# ")
    assert not re.search(r"\n{3,}", own + alone)


STANDINGS = [
    {"inspector": "open"},
    {"inspector": "open", "left": True, "clients": 0},
    {"inspector": "closed"},
    {"inspector": "closed", "port": 0},
    {"inspector": "closed", "taken": True, "owner": 17},
    {"inspector": "closed", "taken": True},
    {"inspector": "closed", "sigusr1": "blocked"},
    {"inspector": "closed", "sigusr1": "uncaught"},
    {"inspector": "unknown", "readable": False, "port": None, "address": None, "clients": None},
]


@pytest.mark.parametrize("standing", STANDINGS, ids=repr)
@pytest.mark.parametrize("topic", WITHOUT_SIZES)
def test_each_standing_is_told_in_both_languages(topic: str, standing: dict[str, Any]) -> None:
    values = {**OWN, "left": False, **standing}
    english, korean = (explain(topic, load_texts(lang), values).body for lang in LANGUAGES)
    assert outline(english) == outline(korean)
    own = [body[: body.index("## ")] for body in (english, korean)]
    usual = {**OWN, "inspector": "open", "left": False, "clients": 99}
    for lang, told in zip(LANGUAGES, own, strict=True):
        assert told != explain(topic, load_texts(lang), usual).body[: len(told)]
        assert not re.search(r"None|\n{3,}|^\|[^|]*\|[^|]*$", told, re.MULTILINE)


@pytest.mark.parametrize("topic", LIMITS)
@pytest.mark.parametrize("known", [{"options": None}, {"ends": "v8"}, {"container_limit": None},
                                   {"recommended": None}], ids=repr)  # fmt: skip
def test_each_kind_of_limit_is_told_in_both_languages(topic: str, known: dict[str, Any]) -> None:
    english, korean = (explain(topic, load_texts(lang), OWN | known).body for lang in LANGUAGES)
    assert outline(english) == outline(korean)
    for body in (english, korean):
        assert not re.search(r"None|unknown|알 수 없|\n{3,}", body)
    if topic == "flags" and "options" in known:
        assert english != explain(topic, load_texts("en"), OWN).body


def test_unknown_values_are_said_to_be_unknown() -> None:
    texts = load_texts("en")
    body = explain("usage", texts, {"pid": 1}).body
    assert "| `rss` | unknown |" in body
    assert "None" not in body


def test_hostile_script_names_stay_code() -> None:
    name = "a`b</script>\x1b[31m\n# heading"
    body = explain("usage", load_texts("en"), {**OWN, "script": name}).body
    assert "\x1b" not in body
    assert "\n# heading" not in body
    assert body.count("\n#") == explain("usage", load_texts("en"), OWN).body.count("\n#")


@pytest.mark.parametrize(("topic", "lang"), PAGES)
def test_pages_are_set_for_a_terminal_and_plain_elsewhere(topic: str, lang: str) -> None:
    page = explain(topic, load_texts(lang), OWN)
    assert page_to_text(page, color="never") == page.body
    shown = page_to_text(page, color="always", width=80)
    assert "\x1b[" in shown
    assert "##" not in shown
    assert page.title in shown


def test_unknown_topic_names_the_topics() -> None:
    with pytest.raises(UsageError) as caught:
        explain("frobnicate", load_texts("en"))
    assert "retained-size" in (caught.value.next or "")
