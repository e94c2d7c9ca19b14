"""JSON without recursion: how deep a document nests is up to whoever wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<mark>[{}\[\],:])"
    r'|(?P<text>"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")'
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<word>true|false|null)|(?P<end>\Z))"
)
_WORDS = {"true": True, "false": False, "null": None}
_LONGEST_INTEGER = 18

# What may come next.
_VALUE = frozenset(["{", "[", "text", "number", "word"])
_FIRST_ITEM, _MORE_ITEMS = _VALUE | {"]"}, frozenset([",", "]"])
_KEY, _FIRST_KEY, _MORE_KEYS = frozenset(["text"]), frozenset(["text", "}"]), frozenset([",", "}"])
_COLON, _END = frozenset([":"]), frozenset(["end"])


class Malformed(ValueError):
    """`position` is the index of the character at which the text stops being JSON; `ended` whether
    it just ends there."""

    def __init__(self, position: int, *, ended: bool = False) -> None:
        super().__init__(position)
        self.position, self.ended = position, ended


def parse(text: str, closed: Callable[[dict[str, Any]], Any]) -> Any:
    """The value that `text` spells. `closed` is called with each object as it ends, the inner ones
    first, and its answer stands for the object.

    Raises:
        Malformed: the text is not JSON. And whatever `closed` raises.
    """
    values: list[Any] = []  # that are open
    keys: list[str | None] = []  # of each the key to which the next value belongs; None in a list
    allowed, position, value = _VALUE, 0, None
    while True:
        match = _TOKEN.match(text, position)
        token = match and (match["mark"] or match.lastgroup)
        if match is None or token not in allowed:
            raise Malformed(position, ended=token == "end" or not text[position:].strip())
        position = match.end()
        if token == "end":
            return value
        if token == ":":
            allowed = _VALUE
            continue
        if token == ",":
            allowed = _VALUE if keys[-1] is None else _KEY
            continue
        if token == "{":
            values.append({})
            keys.append("")
            allowed = _FIRST_KEY
            continue
        if token == "[":
            values.append([])
            keys.append(None)
            allowed = _FIRST_ITEM
            continue
        if token in ("}", "]"):
            value = values.pop()
            if keys.pop() is not None:
                value = closed(value)
        else:
            value = _scalar(match)
            if allowed is _KEY or allowed is _FIRST_KEY:
                keys[-1] = value
                allowed = _COLON
                continue
        if not values:
            allowed = _END
        elif keys[-1] is None:
            values[-1].append(value)
            allowed = _MORE_ITEMS
        else:
            values[-1][keys[-1]] = value
            allowed = _MORE_KEYS


def _scalar(match: re.Match[str]) -> Any:
    if (written := match["text"]) is not None:
        if "\\" not in written:
            return written[1:-1]
        try:
            return json.loads(written)
        except ValueError as error:
            raise Malformed(match.start("text")) from error
    if (number := match["number"]) is not None:
        if number.lstrip("-").isdecimal() and len(number) <= _LONGEST_INTEGER:
            return int(number)
        return float(number)
    return _WORDS[match["word"]]
