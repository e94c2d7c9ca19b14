"""A file that tells of collections, whatever wrote it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from nodemem.errors import InputError
from nodemem.gc import json_files, trace_events
from nodemem.gc.opened import UNREADABLE, decoded, open_raw
from nodemem.gc.scan import HEAD
from nodemem.gc.v8_log import V8Log
from nodemem.gc.wrapped import Unwrapped
from nodemem.records import GcEvent, GcWatch, RecordingReader

_PEEK = 1 << 16


class Source(Protocol):
    """What reads one format: iterate once, then look at what it could not read."""

    unreadable: int
    notes: Counter[str]
    shapes: set[str]

    def __iter__(self) -> Iterator[GcEvent | GcWatch]: ...


class GcLog:
    """The events of one file, pipe or (`-`) standard input, in its order; a context manager,
    iterated over once.

    `unreadable` counts records that were begun but could not be read, `notes` by text key what was
    corrected or left out, `shapes` names the formats met. All are complete after the iteration.

    Raises:
        InputError: the file cannot be opened or read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._damaged = 0
        self._raw = open_raw(self.path)
        try:
            self._file = decoded(self._raw, self._damage)
            self._source = self._detect()
        except UNREADABLE as error:
            self._raw.close()
            raise InputError(f"cannot read {self.path}", why=str(error)) from error
        except BaseException:
            self._raw.close()
            raise

    @property
    def unreadable(self) -> int:
        return self._source.unreadable + self._damaged

    @property
    def notes(self) -> Counter[str]:
        return self._source.notes

    @property
    def shapes(self) -> list[str]:
        return sorted(self._source.shapes)

    def __iter__(self) -> Iterator[GcEvent | GcWatch]:
        try:
            yield from self._source
        except UNREADABLE as error:
            raise InputError(f"cannot read {self.path}", why=str(error)) from error

    def close(self) -> None:
        self._file.close()
        self._raw.close()

    def _damage(self) -> None:
        self._damaged = 1

    def _detect(self) -> Source:
        start = self._file.peek(_PEEK)[:_PEEK]
        if start.startswith(b'{"nodemem-recording"'):
            if not self.path.is_file():
                raise InputError("a recording is read from a file", next="write it to one")
            return _Recording(self.path)
        if trace_events.begins(start):
            return trace_events.TraceFile(self._file.read)
        if json_files.is_profile(start):
            return json_files.ProfileFile(self._file.read)
        if json_files.holds_entries(start) and HEAD.search(start) is None:
            return json_files.EntriesFile(self._file.read)
        return V8Log(Unwrapped(self._file.read).read)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Recording:
    """The collections in a recording of ours."""

    def __init__(self, path: Path) -> None:
        self.unreadable = 0
        self.notes: Counter[str] = Counter()
        self.shapes: set[str] = set()
        self._path = path

    def __iter__(self) -> Iterator[GcEvent | GcWatch]:
        with RecordingReader(self._path) as reader:
            for record in reader:
                if isinstance(record, GcEvent | GcWatch):
                    self.shapes.add("recording")
                    yield record
            self.unreadable += reader.truncated
