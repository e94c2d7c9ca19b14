"""Both languages say the same things: equal keys, equal placeholders, known formats."""

from __future__ import annotations

import re
import string
import tomllib
from importlib import resources
from typing import Any

import pytest

LANGUAGES = ("en", "ko")
# A unit with or without a width, a plain number, the words that follow a number, an optional part.
FORMAT = re.compile(
    r"((bytes|binary|count|share|duration|ms)([<>^]\d+)?|[<>^]?\d*(\.\d+f)?"
    r"|plural \S+ \S+|with [^%]*%[^%]*)"
)


def texts(lang: str) -> dict[str, str]:
    source = resources.files("nodemem.render.texts").joinpath(f"{lang}.toml").read_text("utf-8")

    def flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
        found: dict[str, str] = {}
        for key, value in table.items():
            found |= (
                flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
            )
        return found

    return flat(tomllib.loads(source))


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_languages_have_the_same_keys() -> None:
    english, korean = texts("en"), texts("ko")
    assert english.keys() == korean.keys()


def test_placeholders_are_equal() -> None:
    english, korean = texts("en"), texts("ko")
    different = [key for key in english if placeholders(english[key]) != placeholders(korean[key])]
    assert different == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_text_can_be_filled(lang: str) -> None:
    from nodemem.render.texts import load_texts

    speak = load_texts(lang)
    for key, template in texts(lang).items():
        assert isinstance(template, str), key
        assert template.strip(), key
        for _, name, spec, conversion in string.Formatter().parse(template):
            assert name is None or name.isidentifier(), key
            assert conversion is None, key
            assert FORMAT.fullmatch(spec or ""), key
        filled = speak(key, **dict.fromkeys(placeholders(template), 1))
        assert "{" not in filled or "{{" in template, key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_findings_have_title_why_and_fix(lang: str) -> None:
    parts: dict[str, set[str]] = {}
    for key in texts(lang):
        if key.startswith("finding."):
            name, _, part = key.rpartition(".")
            parts.setdefault(name, set()).add(part)
    assert all(found == {"title", "why", "fix"} for found in parts.values()), parts
