"""What nodemem says, in English and Korean.

`en.toml` and `ko.toml` beside this file hold the same keys with the same placeholders (a test
holds them equal). A key is dotted: `texts("usage.rss", size=123)` is `rss` of table `[usage]`.
Tables that every room adds to:

    [column]            titles of table columns, by column key
    [evidence]          labels of evidence, by `Evidence.label`
    [finding.<id>]      `title`, `why`, `fix` of a finding, filled from `Finding.params`

Placeholders carry our units: `{size:bytes}`, `{limit:binary}` (KiB, MiB), `{n:count}`,
`{part:share}` (of 1), `{t:duration}` (seconds), `{t:ms}` (milliseconds), and words that follow a
number in English, `{n:plural object objects}`. A unit may carry a width, `{size:bytes>9}`. A value
of None reads as "unknown", a text in the place of a figure as it is. A part that is only said when
there is a value is its format, `{place:with  in %}`, in which % stands for it.
"""

from __future__ import annotations

import functools
import os
import re
import string
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nodemem import units
from nodemem.errors import InternalError, UsageError
from nodemem.render.visible import visible

LANGUAGES = ("en", "ko")
_VARIABLES = ("NODEMEM_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
_FORMATS: dict[str, Callable[[float], str]] = {
    "bytes": units.format_bytes,
    "binary": lambda n: units.format_bytes(n, binary=True),
    "count": units.format_count,
    "share": units.format_share,
    "duration": units.format_duration,
    "ms": lambda ms: units.format_duration(ms / 1000),
}


class Texts(string.Formatter):
    """The texts of one language. `lang` is its code; a missing text is taken from English."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, key: str, /, **params: Any) -> str:
        """The text under the dotted `key`, its placeholders filled.

        Raises:
            InternalError: there is no such text, or a placeholder has no value.
        """
        template = _find(self.lang, key) or _find("en", key)
        if template is None:
            raise InternalError(f"no text has the key '{key}'")
        try:
            return self.vformat(template, (), params)
        except KeyError as error:
            raise InternalError(f"the text '{key}' needs a value for {error}") from error

    def __contains__(self, key: str) -> bool:
        return _find("en", key) is not None

    def column(self, key: str) -> str:
        """The title of a table column; the key itself where there is none (user-chosen names)."""
        return self(f"column.{key}") if f"column.{key}" in self else visible(key)

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec.startswith("plural "):
            one, many = format_spec.split()[1:]
            return one if value == 1 else many
        if format_spec.startswith("with "):
            part = format_spec.removeprefix("with ")
            return "" if value is None else part.replace("%", visible(str(value)))
        unit = format_spec.rstrip("<>^0123456789")
        width = format_spec.removeprefix(unit)
        if value is None:
            return format(self("unknown"), width)
        if unit in _FORMATS and not isinstance(value, str):
            return format(_FORMATS[unit](value), width)
        return visible(format(value, width if unit in _FORMATS else format_spec))


def load_texts(lang: str | None = None) -> Texts:
    """The texts in `lang`, else in the language of the environment, else in English.

    The environment is NODEMEM_LANG, LC_ALL, LC_MESSAGES, LANG: the first that is set counts.

    Raises:
        UsageError: `lang` is given and is not a language we speak.
    """
    if lang is None:
        preferred = next((value for name in _VARIABLES if (value := os.environ.get(name))), "en")
        return _texts("ko" if preferred.lower().startswith("ko") else "en")
    if lang not in LANGUAGES:
        raise UsageError(
            f"there are no texts in '{lang}'", next=f"choose one of {', '.join(LANGUAGES)}"
        )
    return _texts(lang)


@functools.cache
def _texts(lang: str) -> Texts:
    return Texts(lang)


def _find(lang: str, key: str) -> str | None:
    parent, _, name = key.rpartition(".")
    return table(lang, parent).get(name)


@functools.cache
def table(lang: str, name: str) -> dict[str, str]:
    """The texts of one table, which is parsed when it is asked for: one run tells a few of many."""
    return tomllib.loads(_sources(lang).get(name, ""))


@functools.cache
def _sources(lang: str) -> dict[str, str]:
    """The TOML of each table by its name; what stands before the first is table ""."""
    whole = Path(__file__).with_name(f"{lang}.toml").read_text(encoding="utf-8")
    top, *named = re.split(r"(?m)^\[(.+)\]$", whole)
    return {"": top, **dict(zip(named[::2], named[1::2], strict=True))}
