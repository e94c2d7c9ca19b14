"""Where the columns of one snapshot are kept: in memory, or in a file that is mapped
(engine/filestore.py).

A column is put in under its name, once, whole or piece by piece, and is the same wherever it is
kept. A store that cannot write any more keeps what comes in memory, and goes on.
"""

from __future__ import annotations

from typing import Any, Protocol

from nodemem.heap.engine.memory import Code, zeros
from nodemem.heap.engine.source import SnapshotFile

LEAST_BYTES = 24 << 20
"""Smaller snapshots are kept in memory only: reading them again is as fast. Compressed ones are
counted at a tenth of their text."""


def worth_keeping(file: SnapshotFile) -> bool:
    """Whether a snapshot is so large that an index pays."""
    return file.size >= (LEAST_BYTES if file.plain else LEAST_BYTES // 10)


class StoreFull(Exception):
    """A column that is written piece by piece cannot be completed; says why."""


class Store(Protocol):
    """`facts` are small things to keep beside the columns: what JSON can hold. `warning` says why
    columns could not be kept, None while they can. `streams`: columns are out of memory."""

    warning: str | None

    @property
    def streams(self) -> bool: ...

    @property
    def facts(self) -> dict[str, Any]: ...

    def begin(self, name: str, code: Code, count: int) -> None:
        """Make room for a column that `write` fills."""

    def write(self, name: str, first: int, items: memoryview) -> None:
        """Items of a begun column, from item `first` on. Raises StoreFull."""

    def changeable(self, name: str) -> memoryview:
        """A column that was written piece by piece, to be changed in its place."""
        ...

    def put(self, name: str, column: memoryview) -> memoryview:
        """Keep a column; returns where it is now."""
        ...

    def get(self, name: str) -> memoryview | None:
        """A column; None when it is not there."""
        ...

    def commit(self) -> None:
        """Make what was put in so far last."""

    def may_write(self) -> bool:
        """Whether what is put in next is kept outside of memory, or may be."""
        ...

    def release_pages(self) -> None:
        """Let go of memory that can be read again."""

    def close(self) -> None:
        """Put in no more. Columns stay readable."""


def column(store: Store, name: str) -> memoryview:
    """A column that is there."""
    found = store.get(name)
    assert found is not None, name
    return found


class MemoryStore:
    """Columns that are gone with the process."""

    streams = False

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.warning: str | None = None
        self._columns: dict[str, memoryview] = {}

    def begin(self, name: str, code: Code, count: int) -> None:
        self._columns[name] = zeros(code, count)

    def write(self, name: str, first: int, items: memoryview) -> None:
        self._columns[name][first : first + len(items)] = items

    def changeable(self, name: str) -> memoryview:
        return self._columns[name]

    def put(self, name: str, column: memoryview) -> memoryview:
        self._columns[name] = column
        return column

    def get(self, name: str) -> memoryview | None:
        return self._columns.get(name)

    def commit(self) -> None:
        pass

    def may_write(self) -> bool:
        return False

    def release_pages(self) -> None:
        pass

    def close(self) -> None:
        pass
