"""A snapshot file -> columns and strings, in one pass over its text.

Sections may come in any order; unknown ones are passed over. Every number is checked on the way
(kernels/scan.py), so that what stands in `Columns` afterwards is safe to index with.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from nodemem.errors import InputError
from nodemem.heap.engine.columns import ELEMENT_EDGE, HIDDEN_EDGE, TYPE_SHIFT, Columns
from nodemem.heap.engine.header import ABSENT, Header
from nodemem.heap.engine.memory import grown, zeros
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.engine.strings import StringTable, read_strings
from nodemem.heap.engine.window import CHUNK, Window, sections, shown
from nodemem.kernels import load
from nodemem.results.progress import SILENT, Progress

_SIZE_LIMIT = 1 << 48
"""V8 stores sizes in 48 bits."""
_CAST_INT = (1 << 64) - (1 << 31)
"""Embedder sizes of 2 to 4 GiB pass through a C int in V8 and come out sign-extended."""
_ID_WINDOW = 1 << 27

Wides = list[tuple[int, int]]
"""Numbers of 2**32 or more in the values at hand: index and value."""

_REASONS = {
    3: "its type is not among those the header lists",
    4: "the nodes have more edges than the header announces",
    5: "it refers to no node: not a multiple of the record size, or out of range",
}
"""By the fault codes of kernels/scan.py."""


def read_snapshot(
    file: SnapshotFile, header: Header, progress: Progress = SILENT, chunk: int = CHUNK
) -> tuple[Columns, StringTable]:
    """All columns and the string table of `file`.

    Raises:
        InputError: the file is cut short, or anything in it is not as it must be; says where.
    """
    progress.phase("read", file.size if file.magic.startswith(b"{") else None)
    window = Window(file, progress, chunk)
    reader = _Reader(window, header)
    strings: StringTable | None = None
    seen: set[str] = set()
    for name in sections(window):
        if name in seen:
            raise window.broken("this section occurs twice")
        seen.add(name)
        if name == "nodes":
            reader.nodes()
        elif name == "edges":
            reader.edges()
        elif name == "locations" and header.meta.location_stride:
            reader.locations()
        elif name == "strings":
            strings = read_strings(window, file)
        else:
            window.skip_value()
    missing = {"nodes", "edges", "strings"} - seen
    if missing or strings is None:
        raise window.broken(f"it has no section '{min(missing)}'")
    return reader.finish(strings), strings


class _Reader:
    def __init__(self, window: Window, header: Header) -> None:
        self.window, self.header, self.meta = window, header, header.meta
        self.kernel = load("scan")
        self.info = memoryview(bytearray(32)).cast("q")
        self.node_totals = memoryview(bytearray(40)).cast("Q")
        self.edge_totals = memoryview(bytearray(8)).cast("Q")
        room = len(window.data) // 2 + 256
        self.values, self.wide_at, self.wide = zeros("I", room), zeros("I", room), zeros("Q", room)
        n, e = header.node_count, header.edge_count
        self.columns = Columns(
            types=zeros("B", n),
            names=zeros("I", n),
            ids=zeros("I", n),
            sizes=zeros("I", n),
            first_edge=zeros("I", n + 1),
            detachedness=zeros("B", n if self.meta.has_detachedness else 0),
            edges=zeros("I", e),
            edge_names=zeros("I", e),
            locations=zeros("I", 0),
        )

    def nodes(self) -> None:
        columns, meta = self.columns, self.meta
        self.node_totals[1] = self.header.edge_count
        fields = memoryview(bytearray(meta.node_fields))
        codes = memoryview(bytearray(meta.node_type_codes))
        size_at = meta.node_fields[3]
        # Fields that are not read may hold anything; a size may be wide.
        needed = set(meta.node_fields) - {size_at, ABSENT}

        def emit(count: int, first: int, wides: Wides) -> int:
            self._refuse_wide(wides, meta.node_stride, needed, first)
            good: int = self.kernel.nodes(
                self.values, count, meta.node_stride, fields, codes, first,
                columns.types, columns.names, columns.ids,
                columns.sizes.cast("B").cast("I"), columns.size_words,
                columns.first_edge, columns.detachedness, self.node_totals, self.info,
            )  # fmt: skip
            for index, value in wides:
                record, at = divmod(index, meta.node_stride)
                if at == size_at and record < good:
                    self._wide_size(first + record, value)
            return good

        self._records("nodes", meta.node_stride, self.header.node_count, emit)
        total = self.node_totals[0]
        if total != self.header.edge_count:
            raise self.window.broken(
                f"the nodes have {total:,} edges, the header announces {self.header.edge_count:,}"
            )
        columns.first_edge[self.header.node_count] = total

    def edges(self) -> None:
        columns, meta = self.columns, self.meta
        fields = memoryview(bytearray(meta.edge_fields))
        codes = memoryview(bytearray(meta.edge_type_codes))

        def emit(count: int, first: int, wides: Wides) -> int:
            self._refuse_wide(wides, meta.edge_stride, set(meta.edge_fields), first)
            good: int = self.kernel.edges(
                self.values, count, fields, meta.edge_stride, codes,
                meta.node_stride, self.header.node_count,
                first, columns.edges, columns.edge_names, self.edge_totals, self.info,
            )  # fmt: skip
            return good

        self._records("edges", meta.edge_stride, self.header.edge_count, emit)

    def locations(self) -> None:
        meta = self.meta
        fields = memoryview(bytearray(meta.location_fields))
        needed = set(meta.location_fields)
        out = zeros("I", 4096)
        total = 0

        def emit(count: int, first: int, wides: Wides) -> int:
            nonlocal out, total
            self._refuse_wide(wides, meta.location_stride, needed, first)
            if 4 * (first + count) > len(out):
                out = grown(out, 8 * (first + count))
            good: int = self.kernel.locations(
                self.values, count, fields, meta.location_stride, meta.node_stride,
                self.header.node_count, out[4 * first :], self.info,
            )  # fmt: skip
            total = first + count
            return good

        self._records("locations", meta.location_stride, None, emit)
        self.columns.locations = out[: 4 * total]

    def finish(self, strings: StringTable) -> Columns:
        """The checks that need all sections."""
        columns, window = self.columns, self.window
        if self.node_totals[2] >= strings.count:
            window.section = "nodes"
            bad = next(i for i, name in enumerate(columns.names) if name >= strings.count)
            raise self._no_string("node", bad, columns.names[bad], strings.count)
        if self.edge_totals[0] >= strings.count:
            window.section = "edges"
            for at, (edge, name) in enumerate(zip(columns.edges, columns.edge_names, strict=True)):
                numbered = edge >> TYPE_SHIFT in (ELEMENT_EDGE, HIDDEN_EDGE)
                if name >= strings.count and not numbered:
                    raise self._no_string("edge", at, name, strings.count)
        n = self.header.node_count
        seen = zeros("Q", min(self.node_totals[3] + 64, _ID_WINDOW) // 64)
        for base in range(0, self.node_totals[3] + 1, _ID_WINDOW):
            twice = self.kernel.duplicate_id(columns.ids, n, base, seen)
            if twice >= 0:
                raise InputError(
                    f"{window.path} is not a sound heap snapshot",
                    why=f"node {twice:,} has the id {columns.ids[twice]}, which another node has",
                    next="take the snapshot again",
                )
        if not self.node_totals[4]:
            columns.detachedness = zeros("B", 0)
        return columns

    def _records(
        self,
        what: str,
        stride: int,
        announced: int | None,
        emit: Callable[[int, int, Wides], int],
    ) -> None:
        """Read one section of numbers. `emit(count, first, wides)` takes `count` records from the
        front of `values`, the first of them being record `first`; it returns how many were good."""
        window, kernel, info, values = self.window, self.kernel, self.info, self.values
        window.expect("[")
        info[0] = kernel.FIRST
        first = filled = 0
        wides: Wides = []
        while True:
            self._unread = filled
            filled = kernel.numbers(
                window.view, window.start, window.end,
                values, filled, self.wide_at, self.wide, info,
            )  # fmt: skip
            state, stop, wide_count, fault = info
            wides += [(self.wide_at[i], self.wide[i]) for i in range(wide_count)]
            count = filled // stride
            if announced is not None and first + count > announced:
                raise window.broken(
                    f"the header announces {announced:,} {what}, there are more",
                    self._position((announced - first) * stride),
                )
            good = emit(count, first, wides)
            if good < count:
                raise self._bad(first + good, good * stride, _REASONS[info[3]])
            window.start = stop
            if fault == kernel.UNEXPECTED_BYTE:
                raise window.broken(
                    f"record {first + count:,} contains {shown(window.data[stop])}, where only "
                    "whole numbers from 0 and commas between them may stand"
                )
            if fault == kernel.NUMBER_TOO_LARGE:
                raise window.broken(f"a number in record {first + count:,} is too large")
            first += count
            used = count * stride
            values[: filled - used] = values[used:filled]
            wides = [(index - used, value) for index, value in wides if index >= used]
            filled -= used
            if state == kernel.CLOSED:
                break
            window.need()
        if filled:
            raise window.broken(f"the last record has {filled} numbers instead of {stride}")
        if announced is not None and first != announced:
            raise window.broken(
                f"the header announces {announced:,} {what}, there are only {first:,}"
            )

    def _refuse_wide(self, wides: Wides, stride: int, needed: set[int], first: int) -> None:
        for index, _ in wides:
            record, at = divmod(index, stride)
            if at in needed:
                raise self._bad(first + record, index, "it holds a number above 4294967295")

    def _wide_size(self, ordinal: int, size: int) -> None:
        if size >= _CAST_INT:
            size &= 0xFFFFFFFF
        elif size >= _SIZE_LIMIT:
            raise self.window.broken(f"node {ordinal:,} has an impossible size, {size:,} bytes")
        columns = self.columns
        if columns.sizes.itemsize == 4 and size > 0xFFFFFFFF:
            wide = zeros("Q", len(columns.sizes))
            words = wide.cast("B").cast("I")
            words[::2] = columns.sizes
            columns.sizes = wide
        columns.sizes[ordinal] = size

    def _position(self, index: int) -> int:
        """Where in the text values[index] stands, or the chunk that continues its record."""
        window = self.window
        text = bytes(window.view[window.start : window.end])
        at = 0
        for number, match in enumerate(re.finditer(rb"[0-9]+", text)):
            at = match.start()
            if number >= index - self._unread:
                break
        return window.position + at

    def _bad(self, record: int, index: int, why: str) -> InputError:
        return self.window.broken(f"record {record:,} is bad: {why}", self._position(index))

    def _no_string(self, what: str, at: int, name: int, strings: int) -> InputError:
        return self.window.broken(
            f"{what} {at:,} has the name {name:,}, but there are only {strings:,} strings"
        )
