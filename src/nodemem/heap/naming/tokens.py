"""JavaScript text cut into tokens, its brackets matched.

No grammar: that takes a tenth of the time, and copes with text that is cut off anywhere (brackets
left open reach to the end) and with the types of TypeScript.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property, lru_cache

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<name>\#?[^\W\d][\w$]*|\#?\$[\w$]*)
      | \d[\w.]*
      | '(?:\\.|[^'\\\n])*'? | "(?:\\.|[^"\\\n])*"?
      | =>
      | .""",
    re.VERBOSE | re.DOTALL,
)
_REGEXP = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]?|[^/\\\[\n])+/[a-z]*")
_TEMPLATE_TEXT = re.compile(r"(?:\\.?|\$(?!\{)|[^`\\$])*(?P<end>`|\$\{|\Z)", re.DOTALL)
_BEFORE_REGEXP = frozenset(
    [*"(,=:[!&|?{};+-*%<>~^", "=>", "return", "typeof", "case", "in", "of", "do", "else", "void"]
)
OPENING, CLOSING = frozenset("([{"), frozenset(")]}")


class Code:
    """A text in tokens, spoken of by number. `words` has "" for templates and regular
    expressions."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[str] = []
        self.offsets = array("I")
        self._read()

    @cached_property
    def partner(self) -> array[int]:
        """The bracket that closes one that opens, and the other way round; -1 for one left open
        and for what is no bracket."""
        return self._brackets[0]

    @cached_property
    def around(self) -> array[int]:
        """The nearest bracket that is open at a token; -1 where none is. A bracket is not around
        itself, nor around the one that closes it."""
        return self._brackets[1]

    @cached_property
    def _brackets(self) -> tuple[array[int], array[int]]:
        partner = array("i", [-1]) * len(self.words)
        around = array("i", [-1]) * len(self.words)
        open_: list[int] = []
        for i, word in enumerate(self.words):
            if word in CLOSING and open_:
                partner[i] = open_.pop()
                partner[partner[i]] = i
            around[i] = open_[-1] if open_ else -1
            if word in OPENING:
                open_.append(i)
        return partner, around

    @cached_property
    def _line_starts(self) -> array[int]:
        starts = array("I", [0])
        at = self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts

    def numbers(self, word: str, end: int | None = None) -> Iterator[int]:
        """The tokens (before number `end`) that are exactly `word`."""
        at, end = 0, len(self.words) if end is None else end
        try:
            while True:
                at = self.words.index(word, at, end)
                yield at
                at += 1
        except ValueError:
            return

    def word(self, number: int) -> str:
        """The token's text; empty outside of the text."""
        return self.words[number] if 0 <= number < len(self.words) else ""

    def at(self, offset: int) -> int:
        """The last token that begins at or before an offset; -1 when none does."""
        return bisect_right(self.offsets, offset) - 1

    def begins(self, line: int, column: int) -> int | None:
        """The token that begins just at a place (from 1), the first for the script itself, which is
        at 1:1; None where none does, or the text has no such place."""
        if (line, column) == (1, 1):
            return 0 if self.words else None
        starts = self._line_starts
        offset = self.offset(line, column)
        if line < len(starts) and offset >= starts[line]:
            return None
        at = self.at(offset)
        return at if at >= 0 and self.offsets[at] == offset else None

    def end(self, bracket: int) -> int:
        """The offset of the bracket that closes `bracket` (of the text's end for -1 and for one
        left open)."""
        closing = self.partner[bracket] if bracket >= 0 else -1
        return len(self.text) if closing < 0 else self.offsets[closing]

    def offset(self, line: int, column: int) -> int:
        """Line and column count from 1; behind the text is its end."""
        starts = self._line_starts
        return len(self.text) if line > len(starts) else starts[line - 1] + column - 1

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def _read(self) -> None:
        text, words, offsets = self.text, self.words, self.offsets
        templates: list[int] = []
        match_token = _TOKEN.match
        depth = at = 0
        last = ""
        while at < len(text):
            match = match_token(text, at)
            assert match is not None  # the last alternative takes any character
            start, at = at, match.end()
            if match.lastgroup == "space":
                continue
            word = match.group()
            if match.lastgroup is None:
                if word == "/" and (not last or last in _BEFORE_REGEXP):
                    literal = _REGEXP.match(text, start)
                    if literal:
                        word, at = "", literal.end()
                elif word == "{":
                    depth += 1
                elif word == "`" or (word == "}" and templates and templates[-1] == depth):
                    if word == "}":
                        templates.pop()
                    # An expression in a template is read on as code.
                    rest = _TEMPLATE_TEXT.match(text, at)
                    assert rest is not None
                    if rest["end"] == "${":
                        templates.append(depth)
                    word, at = "", rest.end()
                elif word == "}":
                    depth -= 1
            words.append(word)
            offsets.append(start)
            last = word or '""'


@lru_cache(maxsize=8)
def code_of(text: str) -> Code:
    """The text in tokens. One file is asked about again and again."""
    return Code(text)
