"""Where in the program: from V8's (script id, line, column) to `file:line:column`.

A snapshot has no table of scripts. It is recovered from the functions in it: a closure with a
location leads over `shared` and `script` (`script_or_debug_info` up to V8 11) to a node whose name
is the script's URL. The first characters of its text hang off that node as `source`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, lru_cache
from urllib.parse import unquote, urlsplit

from nodemem.heap.engine.columns import CLOSURE
from nodemem.heap.engine.memory import zeros
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.scripts import Place, Script, is_builtin, problems
from nodemem.heap.naming.text import is_cut
from nodemem.kernels import load
from nodemem.source.files import SourceRoots

__all__ = ["Locations", "Place", "Script", "file_of_url", "is_builtin"]

_MOST_EXAMPLES = 8
_MOST_SCRIPTS = 1 << 20


def file_of_url(url: str) -> str:
    """A path for a `file://` URL; any other name as it is."""
    if not url.startswith("file://"):
        return url
    return unquote(urlsplit(url).path)


class Locations:
    """The places of one snapshot. Built from its location records at first use; `roots` says where
    its scripts are found on this machine."""

    def __init__(self, snapshot: Snapshot, roots: SourceRoots | None = None) -> None:
        self._snapshot = snapshot
        self._roots = roots or SourceRoots()
        self._scripts: dict[int, Script | None] = {}
        self.at = lru_cache(maxsize=100_000)(self._at)

    def place(self, ordinal: int) -> Place | None:
        """Where a function is written, or the constructor of an object; None when unrecorded."""
        location = self._snapshot.location(ordinal)
        return None if location is None else self.at(*location)

    def script(self, script_id: int) -> Script | None:
        """The script with V8's id; None when no function of it is in the snapshot."""
        if script_id not in self._scripts:
            self._scripts[script_id] = self._find(script_id)
        return self._scripts[script_id]

    def script_of_file(self, file: str) -> Script | None:
        """The script that was loaded from `file`."""
        return self._by_file.get(file)

    def warnings(self, places: Iterable[Place | None]) -> tuple[str, ...]:
        """What kept these places from being exact."""
        files = dict.fromkeys(place.script.file for place in places if place is not None)
        return problems(filter(None, map(self._by_file.get, files)))

    def _at(self, script_id: int, line: int, column: int) -> Place | None:
        """The place of V8's location, whose line and column count from 0."""
        script = self.script(script_id)
        if script is None:
            return None
        return script.original(Place(script.file, line + 1, column + 1))

    @cached_property
    def _by_file(self) -> dict[str, Script]:
        found = filter(None, map(self.script, self._closures))
        by_file: dict[str, Script] = {}
        for script in found:
            by_file.setdefault(script.file, script)
        return by_file

    def _find(self, script_id: int) -> Script | None:
        snapshot = self._snapshot
        closures = self._closures.get(script_id, [])
        for closure in closures:
            shared = _follow(snapshot, closure, ("shared",))
            script = shared and _follow(snapshot, shared, ("script", "script_or_debug_info"))
            if script:
                source = _follow(snapshot, script, ("source",))
                head = snapshot.name(source) if source else ""
                places = filter(None, map(snapshot.location, closures))
                return Script(
                    file_of_url(snapshot.name(script)),
                    head,
                    self._roots,
                    whole=source is not None and not is_cut(head, snapshot.self_size(source)),
                    functions=dict.fromkeys((line + 1, column + 1) for _, line, column in places),
                )
        return None

    @cached_property
    def _closures(self) -> dict[int, list[int]]:
        """A few closures of each script: one alone may have lost its way to the script."""
        found: dict[int, list[int]] = {}
        columns = self._snapshot.columns
        records, total = columns.locations, len(columns.locations) // 4
        out = zeros("I", total)
        count = load("scripts").examples(
            total, records, columns.types, CLOSURE, _MOST_EXAMPLES, zeros("B", _MOST_SCRIPTS), out
        )
        for record in out[:count]:
            some = found.setdefault(records[4 * record + 1], [])
            if len(some) < _MOST_EXAMPLES:
                some.append(records[4 * record])
        return found


def _follow(snapshot: Snapshot, ordinal: int, names: tuple[str, ...]) -> int | None:
    for edge in snapshot.edges(ordinal):
        if edge.type == "internal" and edge.name in names:
            return edge.target
    return None
