"""Columns in an index file, mapped; who may write to it, and what happens when the disk is full."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from nodemem import portable
from nodemem.heap.engine.index import IndexFile
from nodemem.heap.engine.memory import Code
from nodemem.heap.engine.store import StoreFull


class FileStore:
    """Columns in an index.

    `path` is the name of the index, None for a file without a name, which nobody else sees;
    `temporary` is what it is called until it is complete. Who writes to an index that others see
    holds the lock of the snapshot, `snapshot` is its descriptor; a store takes it when it has
    something to put in, and keeps it until it is closed.
    """

    streams = True

    def __init__(
        self,
        index: IndexFile,
        snapshot: int,
        path: Path | None = None,
        temporary: Path | None = None,
    ) -> None:
        self.warning: str | None = None
        self._index, self._snapshot = index, snapshot
        self._path, self._temporary = path, temporary
        self._locked = temporary is not None
        self._at_hand: dict[str, memoryview] = {}

    @property
    def facts(self) -> dict[str, Any]:
        return self._index.facts

    def begin(self, name: str, code: Code, count: int) -> None:
        self._index.begin(name, code, count)

    def write(self, name: str, first: int, items: memoryview) -> None:
        try:
            self._index.write(name, first, items)
        except OSError as error:
            raise StoreFull(error.strerror) from error

    def changeable(self, name: str) -> memoryview:
        return self._index.changeable(name)

    def put(self, name: str, column: memoryview) -> memoryview:
        if self.may_write():
            try:
                self._index.put(name, column)
            except OSError as error:
                self._give_up(error.strerror or str(error))
            else:
                return self._index.view(name)
        self._at_hand[name] = column
        return column

    def get(self, name: str) -> memoryview | None:
        if name in self._at_hand:
            return self._at_hand[name]
        return self._index.view(name) if name in self._index.sections else None

    def may_write(self) -> bool:
        if self.warning is not None:
            return False
        if self._path is None or self._locked:
            return True
        if lock(self._snapshot):
            self._locked = self._index.reread(self._path)
            if not self._locked:
                unlock(self._snapshot)
        return self._locked

    def commit(self) -> None:
        if self._path is None or not self.may_write():
            return
        try:
            self._index.commit()
            if self._temporary is not None:
                self._temporary.replace(self._path)
                self._temporary = None
        except OSError as error:
            self._give_up(error.strerror or str(error))

    def _give_up(self, why: str) -> None:
        self.warning = why
        self._remove_temporary()

    def _remove_temporary(self) -> None:
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.unlink()
            self._temporary = None

    def release_pages(self) -> None:
        self._index.release_pages()

    def close(self) -> None:
        self._remove_temporary()
        if self._locked:
            self._locked = False
            unlock(self._snapshot)

    def __del__(self) -> None:
        self.close()


def lock(snapshot: int) -> bool:
    """Take the right to write the index of an opened snapshot. False: another process has it, or
    the file system knows no locks.

    The lock is on the snapshot itself, and ends with the process however that ends.
    """
    try:
        portable.lock(snapshot)
    except OSError:
        return False
    return True


def unlock(snapshot: int) -> None:
    """Give that right back."""
    with contextlib.suppress(OSError):  # it went with the descriptor
        portable.unlock(snapshot)
