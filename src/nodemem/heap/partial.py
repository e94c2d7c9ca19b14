"""What can still be said of a snapshot that is cut short or does not add up.

Sections are read in the order of the file as far as they go. References say too little when some
are missing, so that nothing is said of who holds what: only what nodes are, and their own sizes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from nodemem.errors import InputError
from nodemem.heap.engine.header import Header, read_header
from nodemem.heap.engine.reading import SIZE_LIMIT
from nodemem.heap.engine.records import Batch, RecordReader, Shape
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.engine.window import Window, sections
from nodemem.results import SILENT, Column, Progress, Table

_COLUMNS = (
    Column("kind", role="kind"),
    Column("count", unit="count"),
    Column("shallow", unit="bytes"),
)
_WARNING = "of a file that is not whole: {what} Retained sizes and holders cannot be known from it"


def partial_summary(path: str | os.PathLike[str], progress: Progress = SILENT) -> Table:
    """A row for each type of node: how many were read, and the bytes that V8 wrote for them alone.
    `summary` has `nodes`, `edges`: records read, and as the header announces them
    `announced_nodes`, `announced_edges`.

    Raises:
        InputError: it cannot be read, or has no header.
    """
    file = SnapshotFile(path)
    try:
        header = read_header(file, whole=False)
        progress.phase("read", file.size if file.plain else None)
        window = Window(file, progress)
        read = _Read(window, header)
        why = read.all()
    finally:
        file.close()
    return Table(
        _COLUMNS,
        sorted(read.rows(), key=lambda row: (-row[2], row[0])),
        summary={
            "nodes": read.counts.get("nodes", 0),
            "announced_nodes": header.node_count,
            "edges": read.counts.get("edges", 0),
            "announced_edges": header.edge_count,
        },
        warnings=() if why is None else (_WARNING.format(what=f"{why}."),),
    )


class _Read:
    """`counts` are whole records by section."""

    def __init__(self, window: Window, header: Header) -> None:
        self._window, self._meta, self._header = window, header.meta, header
        self.counts: dict[str, int] = {}
        self._nodes = np.zeros(256, np.uint64)
        self._bytes = np.zeros(256, np.uint64)

    def all(self) -> str | None:
        """Read what there is; why it is not all, None when it is."""
        meta = self._meta
        try:
            for name in sections(self._window):
                if name == "nodes":
                    self._records(name, meta.node_stride, self._header.node_count)
                elif name == "edges":
                    self._records(name, meta.edge_stride, self._header.edge_count)
                else:
                    self._window.skip_value()
        except InputError as error:
            return error.why or error.what
        missing = {"nodes", "edges"} - self.counts.keys()
        return f"it has no section '{min(missing)}'" if missing else None

    def rows(self) -> Iterator[tuple[Any, ...]]:
        names = self._meta.node_types
        for code in np.flatnonzero(self._nodes).tolist():
            name = names[code] if code < len(names) else "(unknown type)"
            yield name, int(self._nodes[code]), int(self._bytes[code])

    def _records(self, name: str, stride: int, announced: int) -> None:
        codes = np.frombuffer(self._meta.node_type_codes, np.uint8)
        type_at, size_at = self._meta.node_fields[0], self._meta.node_fields[3]
        reader = RecordReader(self._window, Shape(name, stride, announced), {})

        def emit(batch: Batch) -> tuple[int, int]:
            if name == "nodes":
                values = np.asarray(batch.values)[batch.at : batch.at + batch.length * stride]
                kinds = codes[np.minimum(values[type_at::stride], 255)]
                sizes = values[size_at::stride].astype(np.uint64)
                for index, value in batch.wides:
                    if index % stride == size_at and value < SIZE_LIMIT:
                        sizes[index // stride] = value
                np.add.at(self._nodes, kinds, np.uint64(1))
                np.add.at(self._bytes, kinds, sizes)
            return batch.length, 0

        try:
            reader.read([emit])
        finally:
            self.counts[name] = reader.count
