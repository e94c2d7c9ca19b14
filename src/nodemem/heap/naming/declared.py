"""Where the variable or member that holds an object is declared, and how that is known.

The line of a declaration is not in a snapshot; the functions that share a variable are, with
their places, and so are the first 1024 characters of each script. Beyond those the script's own
file is read, when it is on this machine and is the text that V8 compiled.
"""

from __future__ import annotations

import re
import stat
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from nodemem.heap.engine.columns import CLOSURE
from nodemem.heap.naming.declarations import find_declaration, find_member
from nodemem.heap.naming.locations import Place
from nodemem.heap.naming.names import Names

Evidence = Literal["snapshot", "source file", "nearby function"]
_LARGEST_SOURCE = 4_000_000
_ENOUGH = 200
_FUNCTION = re.compile(r"[({]|(?:async|class|static)\b|[\w$#]+\s*(?:=>|=|;)")


class Declaration(NamedTuple):
    """`evidence` says where the line was read; after `nearby function` it is only close to it."""

    place: Place
    evidence: Evidence

    @property
    def exact(self) -> bool:
        return self.evidence != "nearby function"

    def short(self) -> str:
        """`server.js:14`, or `server.js:~12` when the line is only near."""
        near = "" if self.exact else "~"
        return f"{Path(self.place.file).name}:{near}{self.place.line}"


def functions_of(names: Names, context: int) -> list[Place]:
    """Places of functions that see the variables of a closure scope: its own, then inner ones."""
    own = _places(names, context)
    inner: list[Place] = []
    scopes = _inner_scopes(names, [context])
    while scopes and len(inner) < _ENOUGH:
        inner += [place for scope in scopes for place in _places(names, scope)]
        scopes = _inner_scopes(names, scopes)
    return list(dict.fromkeys(own + inner))[:_ENOUGH]


def _places(names: Names, context: int) -> list[Place]:
    """Places of the functions made in a scope. The many scopes inside it are passed over without
    a look at their edges: a scope that leaks has them by the thousand."""
    first, _, sources = names.snapshot.graph.retainers
    types = names.snapshot.columns.types
    functions = (
        sources[at]
        for at in range(first[context], first[context + 1])
        if types[sources[at]] == CLOSURE
    )
    return [place for place in map(names.place, islice(functions, _ENOUGH)) if place is not None]


def _inner_scopes(names: Names, scopes: list[int]) -> list[int]:
    inner = (
        edge.source
        for scope in scopes
        for edge in names.snapshot.retainers(scope)
        if edge.name == "previous" and names.is_context(edge.source)
    )
    return list(islice(inner, _ENOUGH))


def declaration_of_variable(names: Names, context: int, name: str) -> Declaration | None:
    """Where the variable `name` of a closure scope is declared."""
    functions = functions_of(names, context)
    if not functions:
        return None
    file = functions[0].file
    here = [(place.line, place.column) for place in functions if place.file == file]
    for text, evidence in _texts(names, file, here):
        found = find_declaration(text, name, here)
        if found:
            return Declaration(Place(file, *found), evidence)
    return Declaration(min(functions, key=lambda place: place.file != file), "nearby function")


def declaration_of_member(names: Names, owner: int, member: str) -> Declaration | None:
    """Where the class of `owner` (an instance, or the class itself) sets up its member."""
    constructor = names.place(owner)
    if constructor is None:
        return None
    here = (constructor.line, constructor.column)
    for text, evidence in _texts(names, constructor.file, [here]):
        found = find_member(text, member, here)
        if found:
            return Declaration(Place(constructor.file, *found), evidence)
    return Declaration(constructor, "nearby function")


def declaration_of_global(names: Names, file: str, member: str) -> Declaration | None:
    """Where a script sets the global property `member`, if at one place only."""
    for text, evidence in _texts(names, file, []):
        found = find_member(text, member)
        if found:
            return Declaration(Place(file, *found), evidence)
    return None


def _texts(names: Names, file: str, functions: list[tuple[int, int]]) -> list[tuple[str, Evidence]]:
    script = names.locations.script_of_file(file)
    if script is None:
        return []
    texts: list[tuple[str, Evidence]] = [(script.head, "snapshot")]
    text = _source(file)
    if text is not None and _is_same(text, script.head, functions):
        texts.append((text, "source file"))
    return texts


@lru_cache(maxsize=16)
def _source(file: str) -> str | None:
    """The text of a script's file; None when there is none, or none of a sensible size."""
    path = Path(file)
    if not path.is_absolute():
        return None
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _LARGEST_SOURCE:
            return None
        with path.open(encoding="utf-8", newline="") as stream:
            return stream.read()
    except (OSError, ValueError):
        return None


def _is_same(text: str, head: str, functions: list[tuple[int, int]]) -> bool:
    """Whether a file's text is what V8 compiled: it starts alike, and functions are where V8
    says. Only ASCII is compared, for snapshots do not keep other characters faithfully."""
    if not head or len(text) < len(head):
        return False
    alike = all(a == b for a, b in zip(head, text, strict=False) if a.isascii() and b.isascii())
    lines = text.split("\n")
    return alike and all(_is_function(lines, line, column) for line, column in functions)


def _is_function(lines: list[str], line: int, column: int) -> bool:
    """V8 places a function at its parameters, or at what begins it: `async`, `class`, `static`, the
    parameter of an arrow function, a field or the body around it; the script itself at its start.
    """
    if line > len(lines):
        return False
    return (line, column) == (1, 1) or _FUNCTION.match(lines[line - 1], column - 1) is not None
