"""Which names a function's own text mentions."""

from __future__ import annotations

from functools import lru_cache

from nodemem.heap.naming.scripts import Script
from nodemem.heap.naming.tokens import CLOSING, Code, code_of

_ENDS = frozenset([",", ";"])


def names_used(script: Script, line: int, column: int) -> frozenset[str] | None:
    """All words of the function that V8 says is at a place (from 1) of a script, inner functions
    included; None where its text is not at hand or nothing begins there, where its end cannot be
    told, or where it calls `eval`, which may use any name."""
    text = script.parsed_text
    if text is None:
        text = script.head if script.whole else None
    return None if text is None else _words(text, line, column)


@lru_cache(maxsize=10_000)
def _words(text: str, line: int, column: int) -> frozenset[str] | None:
    code = code_of(text)
    begin = code.begins(line, column)
    end = None if begin is None else _end(code, begin)
    if begin is None or end is None:
        return None
    words = frozenset(code.words[begin : end + 1])
    return None if "eval" in words else words


def _end(code: Code, begin: int) -> int | None:
    """The last token of the function that begins with a token: its parameters, the one parameter
    of an arrow function, `async`, `class`; or with the script."""
    if begin == 0 and code.word(0) not in ("(", "async", "class"):
        return len(code.words) - 1
    at = begin
    while code.word(at) in ("async", "function", "*", "static"):
        at += 1
    if code.word(at) == "class":
        while at < len(code.words) and code.word(at) != "{":
            at += 1
        return _closing(code, at)
    if code.word(at) == "(":
        closing = _closing(code, at)
        if closing is None:
            return None
        at = closing
    at += 1
    if code.word(at) == "{":
        return _closing(code, at)
    if code.word(at) != "=>":
        return None
    if code.word(at + 1) == "{":
        return _closing(code, at + 1)
    around = code.around[at]
    for i in range(at + 1, len(code.words)):
        outside = code.word(i) in CLOSING and i == (code.partner[around] if around >= 0 else -1)
        if outside or (code.around[i] == around and code.word(i) in _ENDS):
            return i
    return len(code.words) - 1


def _closing(code: Code, bracket: int) -> int | None:
    if bracket >= len(code.words) or code.partner[bracket] < 0:
        return None
    return code.partner[bracket]
