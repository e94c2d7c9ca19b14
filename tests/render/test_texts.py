"""Texts: units in placeholders, optional parts, languages and what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from nodemem.errors import InternalError, UsageError
from nodemem.render.texts import LANGUAGES, load_texts, table
from nodemem.render.told import tell_evidence
from nodemem.results import Evidence


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Fills a template given in the test."""

    def fill(template: str, **params: object) -> str:
        monkeypatch.setitem(table("en", "test"), "template", template)
        return load_texts("en")("test.template", **params)

    return fill


@pytest.mark.parametrize(
    ("template", "value", "said"),
    [
        ("{x:bytes}", 310_000_000, "310 MB"),
        ("{x:binary}", 512 << 20, "512 MiB"),
        ("{x:count}", 48_210, "48,210"),
        ("{x:share}", 0.78, "78 %"),
        ("{x:duration}", 1.5, "1.50 s"),
        ("{x:ms}", 1500, "1.50 s"),
        ("{x:bytes>9}|", 5_000_000, "  5.00 MB|"),
        ("{x:8.1f}|", 1.25, "     1.2|"),
        ("{x:bytes}", None, "unknown"),
        ("{x:bytes>9}|", None, "  unknown|"),
        ("{x:count} {x:plural object objects}", 1, "1 object"),
        ("{x:count} {x:plural object objects}", 2, "2 objects"),
        ("Map{x:with  in %} holds", "a.js:3", "Map in a.js:3 holds"),
        ("Map{x:with  in %} holds", None, "Map holds"),
        ("{x}", "a\x1b[31m\n", "a\\x1b[31m\\n"),
        ("Map{x:with  in %}", "a\x1b", "Map in a\\x1b"),
        ("{x}", "{0.__class__} {y}", "{0.__class__} {y}"),
    ],
)
def test_placeholders(say: Any, template: str, value: object, said: str) -> None:
    assert say(template, x=value) == said


def test_what_is_missing_is_our_bug(say: Any) -> None:
    with pytest.raises(InternalError, match="needs a value for 'x'"):
        say("{x}")
    with pytest.raises(InternalError, match=r"no\.such\.text"):
        load_texts("en")("no.such.text")


def test_korean_falls_back_to_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(table("ko", ""), "yes")
    assert load_texts("ko")("yes") == "yes"


@pytest.mark.parametrize(
    ("environment", "lang"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "NODEMEM_LANG": "ko"}, "ko"),
    ],
)
def test_language_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], lang: str
) -> None:
    for name in ("NODEMEM_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_texts().lang == lang


def test_a_language_we_do_not_speak_is_a_usage_error() -> None:
    with pytest.raises(UsageError) as caught:
        load_texts("tlh")
    assert all(lang in (caught.value.next or "") for lang in LANGUAGES)


def test_evidence_says_where_it_is_from() -> None:
    told = tell_evidence(Evidence("count", 5, "count", "snapshots"), load_texts("en"))
    assert told == ("Count", "5", "both snapshots")
    told = tell_evidence(Evidence("growth", 2e6, "bytes/s", "b.heapsnapshot"), load_texts("en"))
    assert told[1:] == ("2.00 MB/s", "b.heapsnapshot")
