"""Where in the program: from V8's (script id, line, column) to `file:line:column`.

A snapshot has no table of scripts. It is recovered from the functions in it: a closure with a
location leads over `shared` and `script` (`script_or_debug_info` up to V8 11) to a node whose name
is the script's URL. The first 1024 characters of its text hang off that node as `source`.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from nodemem.heap.engine.columns import CLOSURE
from nodemem.heap.engine.snapshot import Snapshot


class Place(NamedTuple):
    """A place in a script; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def user(self) -> bool:
        """Whether it is in the program's own code or its packages, not inside Node.js."""
        return not is_builtin(self.file)


class Script(NamedTuple):
    """`head` is the start of its text as the snapshot has it: at most 1024 characters."""

    file: str
    head: str


def is_builtin(file: str) -> bool:
    """Whether a script came with Node.js. (`internal/` without `node:` is Node.js 14.)"""
    return file.startswith(("node:", "internal/")) or not file


def file_of_url(url: str) -> str:
    """A path for a `file://` URL; any other name as it is."""
    if not url.startswith("file://"):
        return url
    return unquote(urlsplit(url).path)


class Locations:
    """The places of one snapshot. Built from its location records at first use."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._closures: dict[int, list[int]] | None = None
        self._scripts: dict[int, Script | None] = {}

    def place(self, ordinal: int) -> Place | None:
        """Where a function is written, or the constructor of an object; None when unrecorded."""
        location = self._snapshot.location(ordinal)
        if location is None:
            return None
        script_id, line, column = location
        script = self.script(script_id)
        return None if script is None else Place(script.file, line + 1, column + 1)

    def script(self, script_id: int) -> Script | None:
        """The script with V8's id; None when no function of it is in the snapshot."""
        if script_id not in self._scripts:
            self._scripts[script_id] = self._find(script_id)
        return self._scripts[script_id]

    def script_of_file(self, file: str) -> Script | None:
        """The script that was loaded from `file`."""
        found = (self.script(script_id) for script_id in self._closures_by_script())
        return next((script for script in found if script and script.file == file), None)

    def _find(self, script_id: int) -> Script | None:
        snapshot = self._snapshot
        for closure in self._closures_by_script().get(script_id, []):
            shared = _follow(snapshot, closure, ("shared",))
            script = shared and _follow(snapshot, shared, ("script", "script_or_debug_info"))
            if script:
                source = _follow(snapshot, script, ("source",))
                head = snapshot.name(source) if source else ""
                return Script(file_of_url(snapshot.name(script)), head)
        return None

    def _closures_by_script(self) -> dict[int, list[int]]:
        """A few closures of each script: one alone may have lost its way to the script."""
        if self._closures is None:
            self._closures = {}
            columns = self._snapshot.columns
            records, types = columns.locations, columns.types
            for start in range(0, len(records), 4):
                ordinal = records[start]
                if types[ordinal] == CLOSURE:
                    some = self._closures.setdefault(records[start + 1], [])
                    if len(some) < 3:
                        some.append(ordinal)
        return self._closures


def _follow(snapshot: Snapshot, ordinal: int, names: tuple[str, ...]) -> int | None:
    for edge in snapshot.edges(ordinal):
        if edge.type == "internal" and edge.name in names:
            return edge.target
    return None
