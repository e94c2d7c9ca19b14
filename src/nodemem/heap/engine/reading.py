"""A snapshot file -> columns and strings in a store, in one pass over its text.

Sections may come in any order; unknown ones are passed over. Every number is checked on the way
(kernels/scan.py), so that what stands in the columns afterwards is safe to index with. Records go
to the store at once, a batch at a time.
"""

from __future__ import annotations

from nodemem.errors import InputError
from nodemem.heap.engine.columns import ELEMENT_EDGE, HIDDEN_EDGE, TYPE_SHIFT
from nodemem.heap.engine.detached import spread_detachedness
from nodemem.heap.engine.header import ABSENT, Header
from nodemem.heap.engine.memory import grown, zeros
from nodemem.heap.engine.records import (
    Batch,
    Emit,
    RecordReader,
    Shape,
    Wides,
    most_records,
)
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.engine.store import Store, column
from nodemem.heap.engine.strings import StringTable, load_strings, read_strings
from nodemem.heap.engine.threads import Aside, side_by_side, threads_for
from nodemem.heap.engine.window import CHUNK, Window, sections
from nodemem.kernels import load
from nodemem.results.progress import SILENT, Progress

SIZE_LIMIT = 1 << 48
"""V8 stores sizes in 48 bits."""
_CAST_INT = (1 << 64) - (1 << 31)
"""Embedder sizes of 2 to 4 GiB pass through a C int in V8 and come out sign-extended."""
_ID_WINDOW = 1 << 27
_PART = 1 << 21
"""Nodes between which memory that holds columns is let go of."""

_WIDE = -1
_REASONS = {
    3: "its type is not among those the header lists",
    4: "the nodes have more edges than the header announces",
    5: "it refers to no node: not a multiple of the record size, or out of range",
    _WIDE: "it holds a number above 4294967295",
}
"""By the fault codes of kernels/scan.py, and our own."""


def read_snapshot(
    file: SnapshotFile,
    header: Header,
    store: Store,
    progress: Progress = SILENT,
    chunk: int = CHUNK,
) -> None:
    """Put all columns and the string table of `file` into `store`.

    Raises:
        InputError: the file is cut short, or anything in it is not as it must be; says where.
        StoreFull: the store cannot take all of it.
    """
    progress.phase("read", file.size if file.plain else None)
    window = Window(file, progress, chunk)
    reader = _Reader(window, header, store, threads_for(file.size) if file.plain else 1)
    try:
        _read_sections(window, reader, file, store)
    finally:
        reader.end()


def _read_sections(window: Window, reader: _Reader, file: SnapshotFile, store: Store) -> None:
    seen: set[str] = set()
    for name in sections(window):
        if name in seen:
            raise window.broken("this section occurs twice")
        seen.add(name)
        if name == "nodes":
            reader.nodes()
            reader.begin_checks()
        elif name == "edges":
            reader.edges()
            reader.begin_checks()
        elif name == "locations" and reader.meta.location_stride:
            reader.locations()
        elif name == "strings":
            read_strings(window, file, store)
        else:
            window.skip_value()
    if missing := {"nodes", "edges", "strings"} - seen:
        raise window.broken(f"it has no section '{min(missing)}'")
    reader.finish(load_strings(file, store))


class _Reader:
    def __init__(self, window: Window, header: Header, store: Store, threads: int) -> None:
        self.window, self.header, self.meta = window, header, header.meta
        self.store, self.threads = store, threads
        self.kernel = load("scan")
        self.node_totals: list[memoryview] = []
        self.edge_totals: list[memoryview] = []
        self.wide_sizes: dict[int, int] = {}
        self.aside: Aside[None] | None = None
        n, e = header.node_count, header.edge_count
        self.detachedness = zeros("B", n if self.meta.has_detachedness else 0)
        self.location_records = zeros("I", 0)
        for name, count in (
            ("names", n), ("ids", n), ("sizes", n), ("first_edge", n + 1),
            ("edges", e), ("edge_names", e),
        ):  # fmt: skip
            store.begin(name, "I", count)
        store.begin("types", "B", n)

    def nodes(self) -> None:
        header, meta = self.header, self.meta
        shape = Shape("nodes", meta.node_stride, header.node_count, meta.node_fields[4])
        reader = RecordReader(self.window, shape, _REASONS)
        reader.read([self._node_emitter() for _ in range(self.threads)])
        if reader.weight != header.edge_count:
            raise self.window.broken(
                f"the nodes have {reader.weight:,} edges, "
                f"the header announces {header.edge_count:,}"
            )
        end = zeros("I", 1)
        end[0] = reader.weight
        self.store.write("first_edge", header.node_count, end)

    def _node_emitter(self) -> Emit:
        meta, store = self.meta, self.store
        fields = memoryview(bytearray(meta.node_fields))
        codes = memoryview(bytearray(meta.node_type_codes))
        size_at = meta.node_fields[3]
        # Fields that are not read may hold anything; a size may be wide.
        needed = set(meta.node_fields) - {size_at, ABSENT}
        most = most_records(meta.node_stride)
        types, first_edge = zeros("B", most), zeros("I", most)
        names, ids, sizes = zeros("I", most), zeros("I", most), zeros("I", most)
        totals, info = memoryview(bytearray(40)).cast("Q"), memoryview(bytearray(32)).cast("q")
        totals[1] = self.header.edge_count
        self.node_totals.append(totals)

        def emit(batch: Batch) -> tuple[int, int]:
            wide = _first_wide(batch.wides, meta.node_stride, needed)
            if wide is not None:
                return wide, _WIDE
            totals[0] = batch.weight
            good: int = self.kernel.nodes(
                batch.values, batch.at, batch.length, meta.node_stride, fields, codes, batch.first,
                types, names, ids, sizes, first_edge, self.detachedness, totals, info,
            )  # fmt: skip
            store.write("types", batch.first, types[:good])
            store.write("names", batch.first, names[:good])
            store.write("ids", batch.first, ids[:good])
            store.write("sizes", batch.first, sizes[:good])
            store.write("first_edge", batch.first, first_edge[:good])
            for index, value in batch.wides:
                record, at = divmod(index, meta.node_stride)
                if at == size_at and record < good:
                    self._wide_size(batch.first + record, value)
            return good, info[3]

        return emit

    def edges(self) -> None:
        shape = Shape("edges", self.meta.edge_stride, self.header.edge_count)
        reader = RecordReader(self.window, shape, _REASONS)
        reader.read([self._edge_emitter() for _ in range(self.threads)])

    def _edge_emitter(self) -> Emit:
        meta, store = self.meta, self.store
        fields = memoryview(bytearray(meta.edge_fields))
        codes = memoryview(bytearray(meta.edge_type_codes))
        needed = set(meta.edge_fields)
        most = most_records(meta.edge_stride)
        words, names = zeros("I", most), zeros("I", most)
        totals, info = memoryview(bytearray(8)).cast("Q"), memoryview(bytearray(32)).cast("q")
        self.edge_totals.append(totals)

        def emit(batch: Batch) -> tuple[int, int]:
            wide = _first_wide(batch.wides, meta.edge_stride, needed)
            if wide is not None:
                return wide, _WIDE
            good: int = self.kernel.edges(
                batch.values, batch.at, batch.length, fields, meta.edge_stride, codes,
                meta.node_stride, self.header.node_count, words, names, totals, info,
            )  # fmt: skip
            store.write("edges", batch.first, words[:good])
            store.write("edge_names", batch.first, names[:good])
            return good, info[3]

        return emit

    def locations(self) -> None:
        meta = self.meta
        fields = memoryview(bytearray(meta.location_fields))
        needed = set(meta.location_fields)
        info = memoryview(bytearray(32)).cast("q")
        out = zeros("I", 4096)

        def emit(batch: Batch) -> tuple[int, int]:
            nonlocal out
            wide = _first_wide(batch.wides, meta.location_stride, needed)
            if wide is not None:
                return wide, _WIDE
            if 4 * (batch.first + batch.length) > len(out):
                out = grown(out, 8 * (batch.first + batch.length))
            good: int = self.kernel.locations(
                batch.values, batch.at, batch.length, fields, meta.location_stride,
                meta.node_stride, self.header.node_count, out[4 * batch.first :], info,
            )  # fmt: skip
            return good, info[3]

        reader = RecordReader(self.window, Shape("locations", meta.location_stride, None), _REASONS)
        reader.read([emit])
        self.location_records = out[: 4 * reader.count]

    def begin_checks(self) -> None:
        """Where all nodes and edges are read: what needs no strings, beside what is read next."""
        if self.threads > 1 and self.node_totals and self.edge_totals:
            self.aside = Aside(self._check_ids)

    def end(self) -> None:
        """Nothing is read or written beside any more."""
        if self.aside is not None:
            self.aside.wait()

    def finish(self, strings: StringTable) -> None:
        """The checks that need all sections, what V8 leaves to readers of the file to work out,
        and the columns that were in memory until now."""
        store = self.store
        self._check_names(strings.count)
        if self.wide_sizes:
            store.put("sizes", self._widened())
        if not any(totals[4] for totals in self.node_totals):
            self.detachedness = zeros("B", 0)
        renamed = spread_detachedness(
            column(store, "types"), column(store, "names"),
            column(store, "first_edge"), column(store, "edges"),
            self.detachedness, strings,
        )  # fmt: skip
        one = zeros("I", 1)
        for node, name in renamed.items():
            one[0] = name
            store.write("names", node, one)
        store.facts["added_strings"] = strings.added
        side_by_side(lambda: self._mark_weakmap_edges(strings), self._finish_without_strings)
        store.release_pages()

    def _finish_without_strings(self) -> None:
        if self.aside is None:
            self._check_ids()
        else:
            self.aside.join()
        self.store.put("detachedness", self.detachedness)
        self.store.put("locations", self.location_records)

    def _mark_weakmap_edges(self, strings: StringTable) -> None:
        store, pairs, kernel = self.store, strings.pairs, load("weakmaps")
        marked = zeros("Q", self.header.edge_count // 64 + 1 if len(pairs.strings) else 1)
        places = entries = zeros("I", 0)
        if len(pairs.strings):
            names = column(store, "edge_names")
            is_pair = zeros("Q", strings.count // 64 + 1)
            for index in pairs.strings:
                is_pair[index >> 6] |= 1 << (index & 63)
            found, n = 0, self.header.node_count
            for begin in range(0, n, _PART):
                found += kernel.mark(
                    begin, min(begin + _PART, n), column(store, "first_edge"),
                    store.changeable("edges"), names, column(store, "ids"),
                    pairs.strings, pairs.tables, is_pair, marked,
                )  # fmt: skip
                store.release_pages()
            places, entries = zeros("I", found), zeros("I", found)
            kernel.entries(len(names), names, marked, pairs.strings, pairs.entries, places, entries)
        store.put("pair_edges", marked)
        store.put("pair_edge_places", places)
        store.put("pair_edge_entries", entries)

    def _check_names(self, strings: int) -> None:
        if max(totals[2] for totals in self.node_totals) >= strings:
            self.window.section = "nodes"
            names = column(self.store, "names")
            bad = next(i for i, name in enumerate(names) if name >= strings)
            raise self._no_string("node", bad, names[bad], strings)
        if max(totals[0] for totals in self.edge_totals) >= strings:
            self.window.section = "edges"
            names = column(self.store, "edge_names")
            edges = column(self.store, "edges")
            for at, (edge, name) in enumerate(zip(edges, names, strict=True)):
                numbered = edge >> TYPE_SHIFT in (ELEMENT_EDGE, HIDDEN_EDGE)
                if name >= strings and not numbered:
                    raise self._no_string("edge", at, name, strings)

    def _check_ids(self) -> None:
        ids = column(self.store, "ids")
        largest = max(totals[3] for totals in self.node_totals)
        seen = zeros("Q", min(largest + 64, _ID_WINDOW) // 64)
        for base in range(0, largest + 1, _ID_WINDOW):
            twice = self.kernel.duplicate_id(ids, len(ids), base, seen)
            if twice >= 0:
                raise InputError(
                    f"{self.window.path} is not a sound heap snapshot",
                    why=f"node {twice:,} has the id {ids[twice]}, which another node has",
                    next="take the snapshot again",
                )

    def _wide_size(self, ordinal: int, size: int) -> None:
        if size >= _CAST_INT:
            size &= 0xFFFFFFFF
        elif size >= SIZE_LIMIT:
            raise self.window.broken(f"node {ordinal:,} has an impossible size, {size:,} bytes")
        if size > 0xFFFFFFFF:
            self.wide_sizes[ordinal] = size

    def _widened(self) -> memoryview:
        narrow = column(self.store, "sizes")
        wide = zeros("Q", len(narrow))
        wide.cast("B").cast("I")[::2] = narrow
        for ordinal, size in self.wide_sizes.items():
            wide[ordinal] = size
        return wide

    def _no_string(self, what: str, at: int, name: int, strings: int) -> InputError:
        return self.window.broken(
            f"{what} {at:,} has the name {name:,}, but there are only {strings:,} strings"
        )


def _first_wide(wides: Wides, stride: int, needed: set[int]) -> int | None:
    """The record of the first number of 2**32 or more in a field that takes none."""
    for index, _ in wides:
        record, at = divmod(index, stride)
        if at in needed:
            return record
    return None
