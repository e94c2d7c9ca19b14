"""The scripts of a snapshot: their texts as far as they can be had, and their source maps.

A snapshot has the first 1024 characters of a script (more with V8's flag
`--heap-snapshot-string-limit`). Beyond those the script's file is read, when it is on this machine
and is the text that V8 compiled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from nodemem.errors import InputError
from nodemem.heap.naming.declarations import (
    class_at,
    find_class_name,
    find_function_name,
    function_at,
    identifier_at,
)
from nodemem.source.files import SourceRoots, original_file, script_text
from nodemem.source.maps import SourceMap
from nodemem.source.references import FoundMap, find_map, mapping_url

_FUNCTION = re.compile(r"[({]|(?:async|class|static)\b|[\w$#]+\s*(?:=>|[=;:])")
_TYPESCRIPT = frozenset([".ts", ".mts", ".cts"])
_SOURCE_URL = re.compile(r"\s*//# sourceURL=\S*\s*\Z")
_MOST_PARSED = 8_000_000
_MOST_NAMED = 3


class Place(NamedTuple):
    """A place in a source; line and column count from 1. Where a source map led to it, `generated`
    is the place in the script that V8 ran."""

    file: str
    line: int
    column: int
    generated: Place | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def script(self) -> Place:
        """The place in the script that V8 ran."""
        return self.generated or self

    @property
    def generated_text(self) -> str | None:
        """The place that V8 ran as text; None where no source map led away from it."""
        return None if self.generated is None else str(self.generated)

    @property
    def user(self) -> bool:
        """Whether it is in the program's own code or its packages, not inside Node.js."""
        return not is_builtin(self.script.file)


def is_builtin(file: str) -> bool:
    """Whether a script came with Node.js. (`internal/` without `node:` is Node.js 14.)"""
    return file.startswith(("node:", "internal/")) or not file


class Script:
    """One script. `head` is the start of its text as the snapshot has it, `whole` whether that is
    all of it; `functions` are places (line, column, from 1) of some functions in it. Of a script
    whose `head` is None these alone tell whether a file is it: profiles hold no texts. Nor do
    redacted copies: there a single word is in its place."""

    def __init__(
        self,
        file: str,
        head: str | None,
        roots: SourceRoots,
        *,
        whole: bool,
        functions: Iterable[tuple[int, int]] = (),
    ) -> None:
        self._headless = head is None or head.isalnum()
        self.file, self.head = file, "" if head is None or self._headless else head
        self.whole = whole and not self._headless
        self._roots = roots
        self._functions = tuple(functions)
        self.problem: str | None = None
        """Why places and names of it could not be followed further; None when they could."""

    @cached_property
    def path(self) -> Path | None:
        """The file of this machine with the text that V8 compiled; None when there is none."""
        return None if self._on_disk is None else self._on_disk[0]

    @property
    def text(self) -> str | None:
        """The whole text; None when the file is not here or is another."""
        if self.whole:
            return self.head
        return None if self._on_disk is None else self._on_disk[1]

    @property
    def parsed_text(self) -> str | None:
        """The text, when it is short enough to be searched for declarations."""
        text = self.text
        return None if text is None or len(text) > _MOST_PARSED else text

    def original(self, place: Place) -> Place:
        """The place in the source that the map of the script gives; `place` without one."""
        if self._map is None:
            return place
        return self._map.place(place) or place

    def original_name(self, line: int, column: int) -> str | None:
        """What the identifier at a place of the script is called in its source."""
        return None if self._map is None else self._map.name(line, column)

    def original_function(self, line: int, column: int) -> str | None:
        """The name of the function in the source that begins where this place of the script is
        from."""
        return None if self._map is None else self._map.function(line, column)

    def function_name(self, name: str, line: int, column: int) -> str:
        """What the class or function that V8 calls `name` and places here is called in its source;
        `name` where no map tells."""
        text = self.parsed_text if self.mapped else None
        if text is None:
            return name
        place = line, column
        if not name:  # bundlers drop names that the program itself does not use
            return self.original_function(*place) or ""
        at = find_function_name(text, name, place) or find_class_name(text, name, place)
        return (at and self.original_name(*at)) or self._original_class(*place) or name

    def _original_class(self, line: int, column: int) -> str | None:
        """The name of the class whose constructor in the source this place is from."""
        return None if self._map is None else self._map.class_name(line, column)

    @property
    def mapped(self) -> bool:
        """Whether there is a source map."""
        return self._map is not None

    @cached_property
    def _map(self) -> _ScriptMap | None:
        text = self.text
        if text is None or is_builtin(self.file):
            return None
        if self.path is None:
            # Only a map inside of the text is sure to be of it.
            url = mapping_url(text)
            if url is None or not url.startswith("data:"):
                return None
            self.problem = None
        try:
            found = find_map(text, self.path or Path(self.file))
        except InputError as error:
            self.problem = str(error)
            return None
        return None if found is None else _ScriptMap(found)

    @cached_property
    def _on_disk(self) -> tuple[Path, str] | None:
        if is_builtin(self.file):
            return None
        other: Path | None = None
        for path in self._roots.files(self.file):
            text = script_text(path)
            if text is not None and self._is_same(text, PurePosixPath(self.file).suffix):
                return path, text
            other = other or path
        if self.whole and mapping_url(self.head) is None:
            return None
        if other is not None:
            self.problem = (
                f"{other} is not the text that V8 compiled, and is not used: lines are those of "
                "the text that ran"
            )
            if not self._headless:  # a snapshot can have whole texts, a profile has none
                self.problem += (
                    "; if a loader made that (tsx, ts-node), Node.js started with "
                    "--heap-snapshot-string-limit=10000000 gives the lines of the source"
                )
        elif self.file.startswith("/"):
            self.problem = (
                f"{self.file} is not on this machine; --source-root DIR says where its files are"
            )
        return None

    def _is_same(self, text: str, suffix: str) -> bool:
        """Whether a file's text is what V8 compiled: it starts alike, and functions are where V8
        says. Only ASCII is compared, for snapshots do not keep other characters faithfully."""
        head = _SOURCE_URL.sub("", self.head) if self.whole else self.head
        if len(text) < len(head.rstrip()) or not (head or self._headless):
            return False
        # Node.js replaces the types of TypeScript by blanks.
        blanks = " ;" if suffix in _TYPESCRIPT else ""
        alike = text.startswith(head) or all(
            a == b or a in blanks
            for a, b in zip(head, text, strict=False)
            if a.isascii() and b.isascii()
        )
        if not alike:
            return False
        lines = text.split("\n")
        return all(_is_function(lines, line, column) for line, column in self._functions)


class _ScriptMap:
    """A source map with the files of its sources."""

    def __init__(self, found: FoundMap) -> None:
        self._map: SourceMap = found.map
        self._base = found.base
        self._files: dict[int, str] = {}

    def place(self, place: Place) -> Place | None:
        found = self._map.original(place.line - 1, place.column - 1)
        source = None if found is None else self._map.sources[found.source]
        if found is None or source is None:
            return None
        if found.source not in self._files:
            self._files[found.source] = original_file(source, self._base)
        return Place(self._files[found.source], found.line + 1, found.column + 1, place)

    def name(self, line: int, column: int) -> str | None:
        found = self._map.original(line - 1, column - 1)
        if found is None or not found.begins:
            return None
        content = self._map.contents[found.source]
        if found.name is not None or content is None or len(content) > _MOST_PARSED:
            return found.name
        return identifier_at(content, found.line + 1, found.column + 1)

    def function(self, line: int, column: int) -> str | None:
        return self._in_source(function_at, line, column)

    def class_name(self, line: int, column: int) -> str | None:
        return self._in_source(class_at, line, column)

    def _in_source(
        self, find: Callable[[str, int, int], str | None], line: int, column: int
    ) -> str | None:
        found = self._map.original(line - 1, column - 1)
        content = None if found is None else self._map.contents[found.source]
        if found is None or content is None or len(content) > _MOST_PARSED:
            return None
        return find(content, found.line + 1, found.column + 1)


def problems(scripts: Iterable[Script]) -> tuple[str, ...]:
    """What kept places of these scripts from being exact, as warnings; none when nothing did."""
    found = list(dict.fromkeys(script.problem for script in scripts if script.problem))
    if len(found) > _MOST_NAMED:
        return (*found[:_MOST_NAMED], f"so it is with {len(found) - _MOST_NAMED} more scripts")
    return tuple(found)


def _is_function(lines: list[str], line: int, column: int) -> bool:
    """V8 places a function at its parameters, or at what begins it: `async`, `class`, `static`, the
    parameter of an arrow function, a field or the body around it; the script itself at its start.
    """
    if line > len(lines):
        return False
    return (line, column) == (1, 1) or _FUNCTION.match(lines[line - 1], column - 1) is not None
