"""Where a name is declared in JavaScript text, by its brackets and keywords alone.

A name counts as declared where `const`, `let`, `var`, `class`, `function`, `import` or a parameter
list introduces it. Of several declarations the one in the innermost block around the given
positions is meant, as in the language.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from nodemem.heap.naming.tokens import CLOSING, OPENING, Code, code_of

_DECLARING = frozenset(["const", "let", "var", "import"])
_NO_PARAMETERS = frozenset(["if", "for", "while", "switch", "with"])
_INTRODUCING = frozenset(["(", ",", "{", "[", ".", ":"])
_MEMBER_BEGINS = frozenset(["{", "}", ";", "static", "readonly", "private", "public", "protected",
                            "override", "declare", "accessor"])  # fmt: skip
_AFTER_FIELD = frozenset(["=", ";", ":", "?", "!"])
_IDENTIFIER = re.compile(r"#?[^\W\d][\w$]*|#?\$[\w$]*")
_NAMED = re.compile(r"(?P<name>[\w$#]+)\s*(?:[=:]\s*(?:async\b\s*)?(?:function\b\s*\*?\s*)?)?\Z")
_NAMED_CLASS = re.compile(r"class\s+(?!extends\b)(?P<name>[\w$]+)")
_NAMED_FUNCTION = re.compile(r"(?:async\s+)?function\b\s*\*?\s*(?P<name>[\w$]+)")
_LONGEST_HEAD = 200
_LONGEST_LIST = 10_000  # tokens; a table of as many numbers is no list of variables


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
    code = code_of(text)
    found = list(_declared(code, name))
    if inside:
        offsets = [code.offset(*position) for position in inside]
        around = [d for d in found if any(d.begin <= offset <= d.end for offset in offsets)]
        best = max(around, key=lambda d: (d.begin, -d.offset), default=None)
    else:
        best = found[0] if len(found) == 1 else None
    return None if best is None else code.position(best.offset)


def find_member(
    text: str, name: str, constructor: tuple[int, int] | None = None
) -> tuple[int, int] | None:
    """Line and column (from 1) where the member `name` is first given a value.

    `constructor` is where V8 says a class is (its constructor, or the word `class`): then only the
    body of that class counts (`name = ...`, `static name = ...`, `this.name = ...`). Otherwise
    the text must assign `something.name = ...` at one place only.
    """
    code = code_of(text)
    if constructor is None:
        assigned = [i for i in code.numbers(name) if _assigned(code, i)]
        return code.position(code.offsets[assigned[0]]) if len(assigned) == 1 else None
    offset = code.offset(*constructor)
    body = _class_body(code, offset)
    brace = _function_body(code, offset) if body is None else body[1]
    if brace is None:
        return None
    end = code.end(brace)
    for i in code.numbers(name):
        if brace < i and code.offsets[i] < end:
            set_in = _assigned(code, i) and code.word(i - 2) == "this"
            if set_in or (body is not None and _field(code, i, brace)):
                return code.position(code.offsets[i])
    return None


def find_default(text: str) -> tuple[int, int] | None:
    """Line and column of `default` in `export default`."""
    code = code_of(text)
    found = [i for i in code.numbers("default") if code.word(i - 1) == "export"]
    return code.position(code.offsets[found[0]]) if found else None


def find_function_name(text: str, name: str, place: tuple[int, int]) -> tuple[int, int] | None:
    """Line and column where the name of the function at `place` is written: before its parameters,
    or where it is assigned to. None when it is not `name`: V8 has made that up, or cannot tell."""
    offset = code_of(text).offset(*place)
    if text.startswith(name, offset) and _IDENTIFIER.match(text, offset):
        return place  # a field, or the parameter of an arrow function that is named so
    match = _NAMED.search(text[max(0, offset - _LONGEST_HEAD) : offset])
    if match is None or match["name"] != name:
        return None
    return code_of(text).position(max(0, offset - _LONGEST_HEAD) + match.start("name"))


def find_class_name(text: str, name: str, constructor: tuple[int, int]) -> tuple[int, int] | None:
    """Line and column where the class is named whose constructor, or word `class`, is there."""
    code = code_of(text)
    offset = code.offset(*constructor)
    body = _class_body(code, offset)
    if body is None:
        return find_function_name(text, name, constructor)
    begin = code.offsets[body[0]]
    match = _NAMED_CLASS.match(text, begin)
    if match is not None and match["name"] == name:
        return code.position(match.start("name"))
    return find_function_name(text, name, code.position(begin))


def identifier_at(text: str, line: int, column: int) -> str | None:
    """The identifier that begins at a position (from 1) of a text."""
    match = _IDENTIFIER.match(text, code_of(text).offset(line, column))
    return None if match is None else match.group()


def function_at(text: str, line: int, column: int) -> str | None:
    """The name in `function name(` that begins at a position (from 1) of a text."""
    match = _NAMED_FUNCTION.match(text, code_of(text).offset(line, column))
    return None if match is None else match["name"]


def class_at(text: str, line: int, column: int) -> str | None:
    """The name of the class that begins at a position (from 1) of a text, or whose constructor
    does; None when there is none, or it has no name."""
    code = code_of(text)
    offset = code.offset(line, column)
    if code.word(code.at(offset)) not in ("class", "constructor"):
        return None
    body = _class_body(code, offset)
    match = None if body is None else _NAMED_CLASS.match(text, code.offsets[body[0]])
    return None if match is None else match["name"]


def _declared(code: Code, name: str) -> Iterator[_Declared]:
    for i in code.numbers(name):
        offset, before = code.offsets[i], code.word(i - 1)
        block = _block(code, i)
        pattern = _pattern(code, i)
        parameter = _parameter(code, i)
        if pattern is not None:
            block = _block(code, pattern)
        if (
            before in _DECLARING
            or before in ("function", "class")
            or (before == "*" and code.word(i - 2) == "function")
            or (before == "," and _listed(code, i))
            or pattern is not None
        ):
            begin = code.offsets[block] if block >= 0 else 0
            yield _Declared(offset, begin, code.end(block))
        elif code.word(i + 1) == "=>":
            yield _Declared(offset, offset, code.end(block))
        if parameter is not None:
            yield _Declared(offset, offset, parameter)


def _block(code: Code, i: int) -> int:
    """The brace that is open at token `i`; -1 for the text itself."""
    around = code.around[i]
    while around >= 0 and code.words[around] != "{":
        around = code.around[around]
    return around


def _listed(code: Code, i: int) -> bool:
    """Whether token `i` is a further name of `const a = 1, b = 2`."""
    here = code.around[i]
    for _ in range(_LONGEST_LIST):
        i -= 1
        if i <= here:
            break
        word = code.words[i]
        if word in CLOSING and code.partner[i] >= 0:
            i = code.partner[i]
        elif word == ";":
            return False
        elif word in _DECLARING:
            return True
    return False


def _pattern(code: Code, i: int) -> int | None:
    """The outermost bracket of the pattern in which token `i` is a name that is bound, by
    `const {a, b: c} = ...` or `import {a} from`; None when it is not."""
    if code.word(i + 1) == ":" or code.word(i - 1) == "=":
        return None
    bracket = code.around[i]
    while bracket >= 0 and code.words[bracket] in ("[", "{"):
        before = code.word(bracket - 1)
        if before in _DECLARING:
            return bracket
        if before not in (":", ",", "{", "["):
            return None
        bracket = code.around[bracket]
    return None


def _parameter(code: Code, i: int) -> int | None:
    """Where the function ends in whose parameter list token `i` is declared; None when it is no
    parameter."""
    if code.word(i - 1) not in _INTRODUCING:
        return None
    opening = code.around[i]
    while opening >= 0 and code.words[opening] != "(":
        opening = code.around[opening]
    if opening < 0 or code.word(opening - 1) in _NO_PARAMETERS:
        return None
    body = code.partner[opening] + 1
    if body == 0:
        return None
    if code.word(body) == ":":  # the type of the result, in TypeScript
        body = _after_type(code, body)
    if code.word(body) == "=>":
        body += 1
    elif code.word(body) != "{":
        return None
    return code.end(body) if code.word(body) == "{" else len(code.text)


def _after_type(code: Code, i: int) -> int:
    """The first `=>` or `{` behind a type that is plain enough."""
    while code.word(i) not in ("", "=>", "{", ";", ")", "}"):
        i = code.partner[i] if code.words[i] in OPENING and code.partner[i] >= 0 else i
        i += 1
    return i


def _assigned(code: Code, i: int) -> bool:
    following = code.word(i + 1) == "=" and code.word(i + 2) != "="
    return code.word(i - 1) == "." and following


def _field(code: Code, i: int, body: int) -> bool:
    """Whether token `i` is a field of the class with this body."""
    if code.around[i] != body or code.word(i + 1) not in _AFTER_FIELD:
        return False
    before = i - 1
    between = code.text[code.offsets[before] + len(code.words[before]) : code.offsets[i]]
    return code.words[before] in _MEMBER_BEGINS or "\n" in between


def _class_body(code: Code, offset: int) -> tuple[int, int] | None:
    """The tokens `class` and `{` of the class that `offset` is in, or that begins there."""
    best: tuple[int, int] | None = None
    for i in code.numbers("class", code.at(offset) + 1):
        body = _brace(code, i)
        if body is not None and offset <= code.end(body):
            best = (i, body)
    return best


def _brace(code: Code, i: int) -> int | None:
    try:
        return code.words.index("{", i)
    except ValueError:
        return None


def _function_body(code: Code, offset: int) -> int | None:
    """The brace of the function whose parameters begin at `offset`."""
    opening = code.at(offset)
    if code.word(opening) != "(" or code.partner[opening] < 0:
        return None
    body = code.partner[opening] + 1
    return body if code.word(body) == "{" else None
