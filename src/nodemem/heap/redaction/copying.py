"""Write the redacted copy: numbers as they are, strings replaced, a section at a time."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nodemem import paths
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.engine.window import Window, sections
from nodemem.heap.redaction.rules import Names, Rules
from nodemem.heap.redaction.tokens import Tokens
from nodemem.heap.redaction.usage import IN_CODE, KEPT, PROPERTY, string_usage
from nodemem.heap.texts import decoded
from nodemem.kernels import load
from nodemem.records.compression import by_name
from nodemem.results import SILENT, Progress

_NUMERIC = (
    "nodes",
    "edges",
    "trace_function_infos",
    "trace_tree",
    "samples",
    "locations",
    "scopes",
    "scope_context_vars",
    "scope_uses",
)
_NUMBERS = b"0123456789,[] \t\r\n"
_META = (
    "node_fields",
    "node_types",
    "edge_fields",
    "edge_types",
    "trace_function_info_fields",
    "trace_node_fields",
    "sample_fields",
    "location_fields",
    "scope_fields",
    "scope_context_var_fields",
    "scope_use_fields",
)
_VERSION = re.compile(r"v[0-9]{1,3}(\.[0-9]{1,5}){2}(-[a-z]{1,12}[0-9]{0,12})?")
Write = Callable[[bytes], Any]


class Redacted(NamedTuple):
    """Counts of strings: replaced, in whole or in part; kept as they were. `dropped` are sections
    that are not known, and were left out."""

    replaced: int
    kept: int
    dropped: tuple[str, ...]


def redact(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    names: Names = "code",
    numbers: bool = False,
    key: bytes | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> Redacted:
    """Write a copy of the snapshot `path` without the texts of the program to `out`, mode 0600,
    compressed if its name ends in `.gz` or `.zst`.

    Texts are replaced by tokens (see tokens.py) under `key`, by default one that is made for this
    call and forgotten. `names` says which names of properties stay, `numbers` whether the values
    of numbers do. Object ids, sizes, places and the graph are those of the original.

    Raises:
        InputError: `path` is no sound snapshot.
        OutputExists, OutputError: `out` is there already, or cannot be written.
    """
    target = Path(out)
    paths.refuse_existing(target, force=force)
    key = secrets.token_bytes(32) if key is None else key
    try:
        with (
            Snapshot(path, progress) as snapshot,
            paths.whole_file(target, force=force) as file,
            by_name(target, file) as packed,
        ):
            return _Copy(snapshot, key, names, numbers, packed.write).run()
    except BaseException:
        paths.partial_of(target).unlink(missing_ok=True)
        raise


def _version(snapshot: Snapshot) -> list[int]:
    """The string with the version of Node.js, as `process.version` has it."""
    return [
        snapshot.name_index(edge.target)
        for process in snapshot.objects_named("process")
        for edge in snapshot.edges(process)
        if edge.name == "version"
        and snapshot.node_type(edge.target) == "string"
        and _VERSION.fullmatch(snapshot.name(edge.target))
    ]


class _Copy:
    def __init__(
        self, snapshot: Snapshot, key: bytes, names: Names, numbers: bool, write: Write
    ) -> None:
        self._snapshot, self._write = snapshot, write
        self._usage = string_usage(snapshot, snapshot.path_on_disk)
        for index in _version(snapshot):
            self._usage[index] |= KEPT
        in_code = frozenset(
            text for text, usage in self._strings() if usage & (IN_CODE | PROPERTY) > PROPERTY
        )
        options: dict[str, Any] = {"names": names, "numbers": numbers}
        self._tokens = Tokens(key)
        self._rules = Rules(snapshot, self._tokens, in_code, **options)
        self._kept = self._reserve(Rules(snapshot, Tokens(key), in_code, **options))

    def run(self) -> Redacted:
        window = Window(SnapshotFile(self._snapshot.path_on_disk))
        dropped: list[str] = []
        between = b"{"
        for name in sections(window):
            if name not in (*_NUMERIC, "snapshot", "strings"):
                window.skip_value()
                dropped.append(name)
                continue
            self._write(between + json.dumps(name).encode() + b":")
            between = b",\n"
            if name == "snapshot":
                window.skip_value()
                self._write(json.dumps(self._header(), separators=(",", ":")).encode())
            elif name == "strings":
                window.skip_value()
                self._write_strings()
            else:
                self._copy_numbers(window)
        self._write(b"}")
        total = self._snapshot.strings.count
        return Redacted(total - self._kept, self._kept, tuple(dropped))

    def _strings(self) -> Iterator[tuple[str, int]]:
        at = 0
        for texts in decoded(self._snapshot):
            yield from zip(texts, self._usage[at : at + len(texts)].tolist(), strict=True)
            at += len(texts)

    def _reserve(self, rules: Rules) -> int:
        """Keep short tokens off the texts that stay by `rules`, whose own tokens are not used; how
        many stay."""
        kept = 0
        for text, usage in self._strings():
            if usage and rules.replaced(text, usage) == text:
                kept += 1
                self._tokens.take(text)
        return kept

    def _write_strings(self) -> None:
        between = "["
        for text, usage in self._strings():
            self._write((between + json.dumps(self._rules.replaced(text, usage))).encode())
            between = ",\n"
        self._write(b"]" if between != "[" else b"[]")

    def _header(self) -> dict[str, Any]:
        """Counts, and how records are laid out; nothing that somebody else put there."""
        raw = self._snapshot.header.raw
        numbers = {key: value for key, value in raw.items() if isinstance(value, int | float)}
        return {"meta": {key: raw["meta"][key] for key in _META if key in raw["meta"]}, **numbers}

    def _copy_numbers(self, window: Window) -> None:
        state = memoryview(bytearray(24)).cast("q")
        skip = load("scan").skip
        if window.peek() == -1:
            raise window.cut()
        while True:
            stop = skip(window.view, window.start, window.end, state)
            part = bytes(window.view[window.start : stop])
            if part.translate(None, _NUMBERS):
                raise window.broken("it holds something else than numbers")
            self._write(part)
            window.start = stop
            if state[0]:
                return
            window.need()
