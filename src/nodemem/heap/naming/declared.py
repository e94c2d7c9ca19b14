"""Where the variable or member that holds an object is declared, and how that is known.

The line of a declaration is not in a snapshot; the functions that share a variable are, with
their places, and so is the start of each script's text, in which it is looked for. Texts that are
longer, and source maps, are read from files (see `scripts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from nodemem.heap.engine.columns import CLOSURE
from nodemem.heap.naming.declarations import find_declaration, find_default, find_member
from nodemem.heap.naming.locations import Place, Script
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.tokens import code_of

Evidence = Literal["snapshot", "source file", "source map", "nearby function"]
_ENOUGH = 200
_MOST_KNOWN = 10_000


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
        return f"{PurePosixPath(self.place.file).name}:{near}{self.place.line}"


def declaration_at(place: Place) -> Declaration:
    """A function, or the constructor of an object, as the place to look at."""
    return Declaration(place, "snapshot" if place.generated is None else "source map")


def functions_of(names: Names, context: int) -> Sequence[Place]:
    """Places of functions that see the variables of a closure scope: its own, then inner ones."""
    known = names.functions_by_scope
    if context not in known:
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[context] = _functions_of(names, context)
    return known[context]


def _functions_of(names: Names, context: int) -> tuple[Place, ...]:
    own = _places(names, context)
    inner: list[Place] = []
    seen = {context}  # a file may say that a scope is within itself
    scopes = _inner_scopes(names, [context], seen)
    while scopes and len(inner) < _ENOUGH:
        inner += [place for scope in scopes for place in _places(names, scope)]
        scopes = _inner_scopes(names, scopes, seen)
    return tuple(dict.fromkeys(own + inner))[:_ENOUGH]


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


def _inner_scopes(names: Names, scopes: list[int], seen: set[int]) -> list[int]:
    """Scopes directly within these that were not seen before; they are then."""
    inner = (
        edge.source
        for scope in scopes
        for edge in names.snapshot.retainers(scope)
        if edge.name == "previous" and edge.source not in seen and names.is_context(edge.source)
    )
    found = list(dict.fromkeys(islice(inner, _ENOUGH)))
    seen.update(found)
    return found


def declaration_of_variable(names: Names, context: int, name: str) -> Declaration | None:
    """Where the variable `name` (as V8 has it) of a closure scope is declared."""
    functions = functions_of(names, context)
    if not functions:
        return None
    file = functions[0].script.file
    found = _variable(names, functions, name)
    if found is not None:
        return _declaration(*found)
    nearest = min(functions, key=lambda place: place.script.file != file)
    return Declaration(nearest, "nearby function")


def original_variable(names: Names, context: int, name: str) -> str:
    """What the variable `name` of a closure scope is called in the source; `name` where no source
    map tells."""
    functions = functions_of(names, context)
    script = names.locations.script_of_file(functions[0].script.file) if functions else None
    if script is None or not script.mapped:
        return name
    found = _variable(names, functions, name)
    return name if found is None else script.original_name(*found[1]) or name


def declaration_of_member(names: Names, owner: int, member: str) -> Declaration | None:
    """Where the class of `owner` (an instance, or the class itself) sets up its member."""
    constructor = names.place(owner)
    if constructor is None:
        return None
    _, line, column = constructor.script[:3]
    for script, text, evidence in _texts(names, constructor.script.file):
        found = find_member(text, member, (line, column))
        if found:
            return _declaration(script, found, evidence)
    return Declaration(constructor, "nearby function")


def declaration_of_global(names: Names, file: str, member: str) -> Declaration | None:
    """Where a script (its file as V8 has it) sets the global property `member`, if at one place
    only."""
    for script, text, evidence in _texts(names, file):
        found = find_member(text, member)
        if found:
            return _declaration(script, found, evidence)
    return None


def declaration_of_export(names: Names, file: str, name: str) -> Declaration | None:
    """Where a module (its file as V8 has it) declares what it exports as `name`."""
    for script, text, evidence in _texts(names, file):
        found = find_declaration(text, name, [(1, 1)]) or find_member(text, name)
        if found is None and name == "default":
            found = find_default(text)
        if found:
            return _declaration(script, found, evidence)
    return None


_Found = tuple[Script, tuple[int, int], Evidence]


def _variable(names: Names, functions: Sequence[Place], name: str) -> _Found | None:
    """Where a variable is declared that these functions see, in the script."""
    file = functions[0].script.file
    places = [place.script for place in functions if place.script.file == file]
    here = [(place.line, place.column) for place in places]
    for script, text, evidence in _texts(names, file):
        within = [place for place in here if code_of(text).begins(*place) is not None]
        if not within and evidence == "snapshot" and script.parsed_text is not None:
            continue  # a text that is cut off before them cannot tell in which block they are
        found = find_declaration(text, name, within or here)
        if found:
            return script, found, evidence
    return None


def _declaration(script: Script, at: tuple[int, int], evidence: Evidence) -> Declaration:
    place = script.original(Place(script.file, *at))
    return Declaration(place, evidence if place.generated is None else "source map")


def _texts(names: Names, file: str) -> Iterator[tuple[Script, str, Evidence]]:
    """The texts to look for a declaration in, the nearest to V8 first."""
    script = names.locations.script_of_file(file)
    if script is None:
        return
    yield script, script.head, "snapshot"
    text = None if script.whole else script.parsed_text
    if text is not None:
        yield script, text, "source file"
