"""Where a name is declared in JavaScript text, by its brackets and keywords alone.

No grammar: the text is cut into tokens, brackets are matched, and a name counts as declared
where `const`, `let`, `var`, `class`, `function`, `import` or a parameter list introduces it. Of
several declarations the one in the innermost block around the given positions is meant, as in the
language.
The text may be cut off anywhere: brackets left open reach to the end.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<name>\#?[^\W\d][\w$]*|\#?\$[\w$]*)
      | (?P<number>\d[\w.]*)
      | (?P<string>'(?:\\.|[^'\\\n])*'?|"(?:\\.|[^"\\\n])*"?)
      | (?P<arrow>=>)
      | (?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_REGEXP = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]?|[^/\\\[\n])+/[a-z]*")
_TEMPLATE_TEXT = re.compile(r"(?:\\.?|\$(?!\{)|[^`\\$])*(?P<end>`|\$\{|\Z)", re.DOTALL)
_BEFORE_REGEXP = frozenset([*"(,=:[!&|?{};+-*%<>~^", "=>"])
_WORDS_BEFORE_REGEXP = frozenset(["return", "typeof", "case", "in", "of", "do", "else", "void"])
_DECLARING = frozenset(["const", "let", "var", "import"])
_NO_PARAMETERS = frozenset(["if", "for", "while", "switch", "with"])
_OPEN, _CLOSE = "([{", ")]}"


class _Token(NamedTuple):
    kind: str
    text: str
    offset: int


class _Declared(NamedTuple):
    offset: int
    begin: int
    end: int


def find_declaration(
    text: str, name: str, inside: Collection[tuple[int, int]] = ()
) -> tuple[int, int] | None:
    """Line and column (from 1) where `name` is declared, as seen from `inside`.

    `inside` are positions (line, column, from 1) in functions that use the name. Without any the
    name must be declared once only.
    """
    tokens = _tokens(text)
    partner = _partners(tokens)
    found = list(_declared(tokens, partner, name, len(text)))
    if inside:
        offsets = _offsets(text, inside)
        around = [d for d in found if any(d.begin <= offset <= d.end for offset in offsets)]
        best = max(around, key=lambda d: (d.begin, -d.offset), default=None)
    else:
        best = found[0] if len(found) == 1 else None
    return None if best is None else _position(text, best.offset)


def find_member(
    text: str, name: str, constructor: tuple[int, int] | None = None
) -> tuple[int, int] | None:
    """Line and column (from 1) where the member `name` is first given a value.

    `constructor` is where V8 says a class is (its constructor, or the word `class`): then only the
    body of that class counts (`name = ...`, `static name = ...`, `this.name = ...`). Otherwise
    the text must assign `something.name = ...` at one place only.
    """
    tokens = _tokens(text)
    partner = _partners(tokens)
    if constructor is None:
        assigned = [t.offset for i, t in enumerate(tokens) if _assigned(tokens, i, name)]
        return _position(text, assigned[0]) if len(assigned) == 1 else None
    body = _class_body(tokens, partner, _offsets(text, [constructor])[0])
    if body is None:
        return None
    begin, end = body
    fields = [
        token.offset
        for i, token in enumerate(tokens[begin:end], begin)
        if token.text == name
        and (_field(tokens, i) or (_assigned(tokens, i, name) and tokens[i - 2].text == "this"))
    ]
    return _position(text, fields[0]) if fields else None


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    templates: list[int] = []
    depth = at = 0
    while at < len(text):
        if text[at] == "/" and _regexp_may_follow(tokens) and text[at + 1 : at + 2] not in "/*":
            literal = _REGEXP.match(text, at)
            if literal:
                tokens.append(_Token("string", "", at))
                at = literal.end()
                continue
        match = _TOKEN.match(text, at)
        assert match is not None  # the last alternative takes any character
        kind, word = str(match.lastgroup), match.group()
        start, at = at, match.end()
        if word == "`" or (word == "}" and templates and templates[-1] == depth):
            if word == "}":
                templates.pop()
            at = _template(text, at, templates, depth)
            tokens.append(_Token("string", "", start))
            continue
        if kind == "space":
            continue
        if word == "{":
            depth += 1
        elif word == "}":
            depth -= 1
        tokens.append(_Token(kind, word, start))
    return tokens


def _template(text: str, at: int, templates: list[int], depth: int) -> int:
    """Skip the text of a template; an expression in it is read on as code."""
    match = _TEMPLATE_TEXT.match(text, at)
    assert match is not None
    if match["end"] == "${":
        templates.append(depth)
    return match.end()


def _regexp_may_follow(tokens: list[_Token]) -> bool:
    if not tokens:
        return True
    last = tokens[-1]
    return last.text in _BEFORE_REGEXP or last.text in _WORDS_BEFORE_REGEXP


def _partners(tokens: list[_Token]) -> dict[int, int]:
    """Token number of the bracket that closes, for each that opens, and the other way round."""
    partner: dict[int, int] = {}
    open_: list[int] = []
    for i, token in enumerate(tokens):
        if token.kind != "mark":
            continue
        if token.text in _OPEN:
            open_.append(i)
        elif token.text in _CLOSE and open_:
            partner[i] = open_.pop()
            partner[partner[i]] = i
    return partner


def _declared(
    tokens: list[_Token], partner: dict[int, int], name: str, length: int
) -> list[_Declared]:
    found: list[_Declared] = []
    blocks: list[tuple[int, int]] = [(0, length)]
    declaring: int | None = None  # number of open brackets where `const` and the like stand
    depth = 0
    for i, token in enumerate(tokens):
        before = tokens[i - 1].text if i else ""
        if token.kind == "mark" and token.text in _OPEN:
            depth += 1
            if token.text == "{":
                end = tokens[partner[i]].offset if i in partner else length
                blocks.append((token.offset, end))
            elif token.text == "(" and name:
                found += _parameters(tokens, partner, i, name, length)
        elif token.kind == "mark" and token.text in _CLOSE:
            depth -= 1
            if token.text == "}" and len(blocks) > 1:
                blocks.pop()
            if declaring is not None and depth < declaring:
                declaring = None
        elif token.text in _DECLARING:
            declaring = depth
        elif token.text == ";":
            declaring = None
        elif token.kind == "name" and token.text == name:
            listed = declaring == depth and before in (*_DECLARING, ",")
            function = before in ("function", "class") or (
                before == "*" and i > 1 and tokens[i - 2].text == "function"
            )
            if listed or function or _in_pattern(tokens, partner, i):
                found.append(_Declared(token.offset, *blocks[-1]))
            elif i + 1 < len(tokens) and tokens[i + 1].kind == "arrow":
                found.append(_Declared(token.offset, token.offset, blocks[-1][1]))
    return [_lifted(d, tokens, partner, length) for d in found]


def _lifted(
    declared: _Declared, tokens: list[_Token], partner: dict[int, int], length: int
) -> _Declared:
    """A name inside `const {...} =` belongs to the block around the pattern."""
    for i, token in enumerate(tokens):
        if token.offset == declared.begin and token.text == "{" and i and i in partner:
            opens_pattern = tokens[i - 1].text in _DECLARING
            if opens_pattern:
                begin, end = 0, length
                for j in range(i):
                    close = partner.get(j)
                    if tokens[j].text == "{" and (close is None or close > i):
                        begin = tokens[j].offset
                        end = length if close is None else tokens[close].offset
                return _Declared(declared.offset, begin, end)
    return declared


def _in_pattern(tokens: list[_Token], partner: dict[int, int], i: int) -> bool:
    """Whether token `i` is a name bound by `const {a, b: c} = ...` or `import {a} from`."""
    following = tokens[i + 1].text if i + 1 < len(tokens) else ""
    if following == ":":
        return False
    j = i - 1
    while j >= 0:
        token = tokens[j]
        if token.kind == "mark" and token.text in _CLOSE and j in partner:
            j = partner[j]
        elif token.kind == "mark" and token.text in "[{":
            if j and tokens[j - 1].text in _DECLARING:
                return True
            if not (j and tokens[j - 1].text in (":", ",", "{", "[")):
                return False
        elif token.text in (";", "(", "=>", "="):
            return False
        j -= 1
    return False


def _parameters(
    tokens: list[_Token], partner: dict[int, int], opening: int, name: str, length: int
) -> list[_Declared]:
    """Declarations of `name` in the parameter list that begins at token `opening`, if it is one."""
    closing = partner.get(opening)
    if closing is None or closing + 1 >= len(tokens):
        return []
    if opening and tokens[opening - 1].text in _NO_PARAMETERS:
        return []
    body = closing + 1
    if tokens[body].kind == "arrow":
        body += 1
    elif tokens[body].text != "{":
        return []
    end = length
    if body < len(tokens) and tokens[body].text == "{" and body in partner:
        end = tokens[partner[body]].offset
    return [
        _Declared(token.offset, token.offset, end)
        for i, token in enumerate(tokens[opening + 1 : closing], opening + 1)
        if token.text == name and tokens[i - 1].text in ("(", ",", "{", "[", ".", ":")
    ]


def _assigned(tokens: list[_Token], i: int, name: str) -> bool:
    if tokens[i].text != name or i < 2 or tokens[i - 1].text != "." or i + 2 >= len(tokens):
        return False
    return tokens[i + 1].text == "=" and tokens[i + 2].text != "="


def _field(tokens: list[_Token], i: int) -> bool:
    """A field of a class body: at the start of a member, and followed by `=` or `;`."""
    following = tokens[i + 1].text if i + 1 < len(tokens) else ""
    return tokens[i - 1].text in ("{", "}", ";", "static") and following in ("=", ";")


def _class_body(
    tokens: list[_Token], partner: dict[int, int], offset: int
) -> tuple[int, int] | None:
    """Token numbers of the class body that `offset` is in, or that begins after it."""
    best: tuple[int, int] | None = None
    for i, token in enumerate(tokens):
        if token.text != "class" or token.offset > offset:
            continue
        body = next((j for j in range(i, len(tokens)) if tokens[j].text == "{"), None)
        if body is None:
            continue
        end = partner.get(body, len(tokens) - 1)
        if token.offset <= offset <= tokens[end].offset:
            best = (body, end)
    return best


def _offsets(text: str, positions: Collection[tuple[int, int]]) -> list[int]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    beyond = len(text)
    return [
        starts[line - 1] + column - 1 if line - 1 < len(starts) - 1 else beyond
        for line, column in positions
    ]


def _position(text: str, offset: int) -> tuple[int, int]:
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1
