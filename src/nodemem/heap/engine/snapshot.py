"""Snapshot: one file, opened; everything about it worked out when first asked for, once.

header -> columns, strings -> graph -> dominators, retained sizes, distances
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias

from nodemem.errors import UsageError
from nodemem.heap.engine.columns import (
    ELEMENT_EDGE,
    HIDDEN_EDGE,
    INTERNAL_EDGE,
    TABLE_EDGE,
    TARGET,
    TYPE_SHIFT,
    Columns,
    load_columns,
)
from nodemem.heap.engine.graph import SYSTEM_DISTANCE, Graph
from nodemem.heap.engine.header import EDGE_TYPES, Header, read_header
from nodemem.heap.engine.interfaces import Definition, PlainObjects
from nodemem.heap.engine.memory import zeros
from nodemem.heap.engine.reading import read_snapshot
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.engine.store import MemoryStore, Store, StoreFull, worth_keeping
from nodemem.heap.engine.strings import NONE, StringTable, load_strings
from nodemem.kernels import load
from nodemem.results.progress import SILENT, Progress

if TYPE_CHECKING:
    import numpy

    from nodemem.config import Cache
    from nodemem.heap.engine.traces import Traces

    Array: TypeAlias = numpy.ndarray[Any, numpy.dtype[Any]]


class Edge(NamedTuple):
    """One reference. `type` is V8's word for it, `name` a number for element and hidden edges;
    `source` and `target` are ordinals."""

    type: str
    name: str | int
    source: int
    target: int


class Snapshot:
    """A heap snapshot. Nodes are spoken of by ordinal, their position in the file; 0 is the root.

    The first access that needs more of the file than was read so far reads it and may raise
    InputError. Sizes are bytes. Use as a context manager, or `close()`, to release the file early.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        progress: Progress = SILENT,
        cache: Cache | None = None,
    ) -> None:
        self._file = SnapshotFile(path)
        self._progress = progress
        self._cache = cache
        self._store: Store | None = None
        self.path_on_disk = self._file.path
        self.header: Header = read_header(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def indexed(self) -> bool:
        """Whether columns are read from an index."""
        return self._store is not None and self._store.streams

    def remembered(self, name: str, work: Callable[[], Any]) -> Any:
        """What `work` gives, which JSON can hold. Where there is an index it is kept there under
        `name`, and given back as JSON gives it: tuples as lists."""
        _ = self.graph
        store = self._store
        assert store is not None
        if not store.streams:
            return work()
        kept = store.get(f"result {name}")
        if kept is None:
            kept = memoryview(json.dumps(work()).encode())
            store.put(f"result {name}", kept)
            store.commit()
        return json.loads(bytes(kept))

    def kept_column(self, name: str) -> memoryview | None:
        """A column by its name in the index, as it is now; None when there is none."""
        return None if self._store is None else self._store.get(name)

    def release_pages(self) -> None:
        """Let go of memory of columns that can be read again from the index."""
        if self._store is not None:
            self._store.release_pages()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path_on_disk}: {self.node_count:,} nodes>"

    def close(self) -> None:
        """Release the file. What was worked out stays usable, strings of a plain file do not."""
        if self._store is not None:
            self._store.commit()
            self._store.close()
        self._file.close()

    @property
    def warning(self) -> str | None:
        """Why no index of the file could be kept; None when one is, or was not wanted."""
        return None if self._store is None else self._store.warning

    # header

    @property
    def node_count(self) -> int:
        return self.header.node_count

    @property
    def edge_count(self) -> int:
        return self.header.edge_count

    # columns

    @cached_property
    def graph(self) -> Graph:
        """The columns and what follows from them; see heap/engine/graph.py."""
        store = self._filled_store()
        columns = load_columns(store)
        return Graph(columns, load_strings(self._file, store), store, self._progress)

    def _filled_store(self) -> Store:
        """The file's columns: those of its index, else read now."""
        store = self._new_store()
        if "strings" not in store.facts:
            try:
                read_snapshot(self._file, self.header, store, self._progress)
            except StoreFull as error:
                store.close()
                store = MemoryStore()
                store.warning = str(error)
                read_snapshot(self._file, self.header, store, self._progress)
            except BaseException:
                store.close()
                raise
        self._store = store
        return store

    def _new_store(self) -> Store:
        if not worth_keeping(self._file):
            return MemoryStore()
        from nodemem.heap.engine.placing import open_store

        return open_store(self._file, self._cache)

    @property
    def columns(self) -> Columns:
        """The file's records; see heap/engine/columns.py."""
        return self.graph.columns

    @property
    def strings(self) -> StringTable:
        return self.graph.strings

    @property
    def string_count(self) -> int:
        return len(self.strings)

    def string(self, index: int) -> str:
        """Raises UsageError for an index outside the table."""
        return self.strings[index]

    def find_string(self, text: str) -> int | None:
        """The index of exactly `text`; None when no string is."""
        index = self.strings.find(text)
        return None if index == NONE else index

    def node_type(self, ordinal: int) -> str:
        """`object`, `closure`, `hidden`, ...: V8's word."""
        return self.header.meta.node_types[self.columns.types[self._checked(ordinal)]]

    def name_index(self, ordinal: int) -> int:
        """The string index of the node's name."""
        index: int = self.columns.names[self._checked(ordinal)]
        return index

    def name(self, ordinal: int) -> str:
        """The node's name as V8 wrote it."""
        return self.strings[self.name_index(ordinal)]

    def objects_named(self, name: str) -> list[int]:
        """The ordinals of nodes of type `object` whose name is exactly `name`."""
        index = self.strings.find(name)
        if index == NONE:
            return []
        kernel, nodes = load("interfaces"), (self.columns.types, self.columns.names, index)
        found = zeros("I", kernel.objects_named(self.node_count, *nodes, zeros("I", 0)))
        kernel.objects_named(self.node_count, *nodes, found)
        return found.tolist()

    def node_id(self, ordinal: int) -> int:
        """V8's id of the object, the same in all snapshots of one process."""
        number: int = self.columns.ids[self._checked(ordinal)]
        return number

    def self_size(self, ordinal: int) -> int:
        """Bytes of the node alone, as V8 wrote them."""
        size: int = self.columns.sizes[self._checked(ordinal)]
        return size

    def detachedness(self, ordinal: int) -> int:
        """0 unknown, 1 attached, 2 detached."""
        states = self.columns.detachedness
        return states[self._checked(ordinal)] if len(states) else 0

    def edge(self, index: int, source: int) -> Edge:
        """Edge `index` of the file, which belongs to the node `source`."""
        columns = self.columns
        word = columns.edges[index]
        kind = word >> TYPE_SHIFT
        name: str | int = columns.edge_names[index]
        if kind not in (ELEMENT_EDGE, HIDDEN_EDGE):
            name = self.strings[int(name)]
        if kind == TABLE_EDGE:
            kind = INTERNAL_EDGE
        return Edge(EDGE_TYPES[kind], name, source, word & TARGET)

    def edges(self, ordinal: int) -> Iterator[Edge]:
        """The references out of a node, in the order of the file."""
        first = self.columns.first_edge
        begin, end = first[self._checked(ordinal)], first[ordinal + 1]
        return (self.edge(index, ordinal) for index in range(begin, end))

    def location(self, ordinal: int) -> tuple[int, int, int] | None:
        """Script id, line and column of the function or constructor behind a node, line and
        column from 0; None when V8 gave none."""
        record = self._location_records[self._checked(ordinal)]
        if not record:
            return None
        _, script, line, column = self.columns.locations[4 * record - 4 : 4 * record]
        return script, line, column

    @cached_property
    def _location_records(self) -> memoryview:
        """By ordinal: one more than the number of the node's record in `columns.locations`, or
        0."""
        records = zeros("I", self.node_count)
        locations = self.columns.locations
        load("retainers").locate(len(locations) // 4, locations, records)
        return records

    @cached_property
    def traces(self) -> Traces:
        """When and where objects were allocated, as far as that was tracked."""
        from nodemem.heap.engine.traces import read_traces

        return read_traces(self._file, self.header)

    # graph

    def ordinal(self, node_id: int) -> int:
        """The node with V8's id `node_id`. Raises UsageError when there is none."""
        found = self.graph.find_id(node_id)
        if found is None:
            raise UsageError(
                f"{self.path_on_disk} has no node with the id {node_id}",
                next="take an id from this very snapshot; ids do not outlive a process",
            )
        return found

    def shallow_size(self, ordinal: int) -> int:
        """Bytes of the node and of the internal helpers that belong to it alone."""
        size: int = self.graph.shallow_sizes[self._checked(ordinal)]
        return size

    def retainers(self, ordinal: int) -> Iterator[Edge]:
        """The references to a node, in the order of the file. All of them, weak ones too."""
        first, edges, sources = self.graph.retainers
        begin, end = first[self._checked(ordinal)], first[ordinal + 1]
        return (self.edge(edges[at], sources[at]) for at in range(begin, end))

    def distance(self, ordinal: int) -> int | None:
        """Hops from the global object; None when it cannot be reached from there."""
        hops: int = self.graph.distances[self._checked(ordinal)]
        return hops if 0 <= hops < SYSTEM_DISTANCE else None

    # dominators

    def retained_size(self, ordinal: int) -> int:
        """Bytes that would be freed if the node were."""
        size: int = self.graph.retained_sizes[self._checked(ordinal)]
        return size

    def dominator(self, ordinal: int) -> int:
        """The node through which every path to this one leads, the nearest; the root's is
        itself."""
        node: int = self.graph.dominators[self._checked(ordinal)]
        return node

    def dominated(self, ordinal: int) -> Iterator[int]:
        """The nodes whose immediate dominator is this one."""
        _, preorder, subtree = self.graph.tree
        place = self.graph.tree_places[self._checked(ordinal)]
        end = place + subtree[place]
        place += 1
        while place < end:
            yield preorder[place]
            place += subtree[place]

    # names of plain objects

    @cached_property
    def definitions(self) -> list[Definition]:
        """The shapes by which plain objects are named; see heap/engine/interfaces.py."""
        return self.plain_objects.definitions()

    @cached_property
    def plain_objects(self) -> PlainObjects:
        """The objects called `Object`."""
        return PlainObjects(self.columns, self.strings, self.release_pages)

    # numpy arrays in file order

    @property
    def node_ids(self) -> Array:
        """V8's node ids, uint32."""
        return _array(self.columns.ids)

    @property
    def self_sizes(self) -> Array:
        """Bytes as V8 wrote them, uint32, or uint64 where one needs it."""
        return _array(self.columns.sizes)

    @property
    def shallow_sizes(self) -> Array:
        """Owner-merged bytes, uint32, or uint64 where one needs it."""
        return _array(self.graph.shallow_sizes)

    @property
    def retained_sizes(self) -> Array:
        """Bytes, uint32, or uint64 where one needs it."""
        return _array(self.graph.retained_sizes)

    @property
    def distances(self) -> Array:
        """Hops as DevTools counts them, int32: 100000000 and more for what only the root reaches,
        -5 for what nothing reaches."""
        return _array(self.graph.distances)

    @property
    def dominators(self) -> Array:
        """Ordinals of immediate dominators, uint32; the root's is itself."""
        return _array(self.graph.dominators)

    def _checked(self, ordinal: int) -> int:
        # A memoryview takes negative indexes, which would answer for another node.
        if not 0 <= ordinal < self.header.node_count:
            raise UsageError(f"the snapshot has no node number {ordinal}")
        return ordinal


def _array(column: memoryview) -> Array:
    """A read-only view; numpy is imported for whoever asks for one."""
    import numpy

    array = numpy.asarray(column)
    array.flags.writeable = False
    return array
