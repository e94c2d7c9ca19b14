"""A recording in several files: FILE is the newest, FILE.1 the one before it, and so on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from nodemem import paths
from nodemem.records.recording import RecordingWriter
from nodemem.records.types import Record


class RotatingWriter:
    """Writes records to `path`. When it has grown beyond `limit` bytes it becomes `path.1`, older
    ones move up, all beyond `keep` are removed, and a new file begins.

    Each file is a whole recording: it begins with the records of `head`, and its times count from
    the same moment. `limit=None` never rotates. A context manager.

    Raises:
        OutputExists, OutputError: see `RecordingWriter`; `path.1` must not exist either.
    """

    def __init__(
        self,
        path: Path,
        *,
        started: float,
        head: Sequence[Record] = (),
        limit: int | None = None,
        keep: int = 5,
        force: bool = False,
    ) -> None:
        self.path = path
        self._started = started
        self._head = head
        self._limit = limit
        self._keep = keep
        paths.refuse_existing(path, force=force)
        if limit is not None:
            self._make_way(force=force)
        self._writer = self._begin(force=force)

    def write(self, record: Record) -> None:
        """Append one record and hand it to the operating system.

        Raises:
            OutputError: the disk refuses it.
        """
        self._writer.write(record)
        try:
            if self._limit is not None and self.path.stat().st_size >= self._limit:
                self._rotate()
        except OSError as error:
            raise paths.cannot_write(self.path, error) from error

    def close(self) -> None:
        """End the file."""
        self._writer.close()

    def _begin(self, *, force: bool) -> RecordingWriter:
        writer = RecordingWriter(self.path, started=self._started, force=force)
        for record in self._head:
            writer.write(record)
        return writer

    def _rotate(self) -> None:
        self._writer.close()
        self._older(self._keep).unlink(missing_ok=True)
        for number in range(self._keep - 1, -1, -1):
            if self._older(number).exists():
                os.replace(self._older(number), self._older(number + 1))
        self._writer = self._begin(force=False)

    def _older(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path

    def _make_way(self, *, force: bool) -> None:
        """Older files of another recording would pass for parts of this one."""
        paths.refuse_existing(self._older(1), force=force)
        for number in range(1, self._keep + 1):
            self._older(number).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
