"""What the views are made from: the columns of one snapshot as tables of a connection.

`@nodes`, `@edges` and `@locations` are the columns themselves: DuckDB reads the memory that they
lie in. The rest is worked out and added a part at a time, when a query needs it.

    part        adds
    text        @strings: all texts
    groups      @labels; the number of its class to each row of @nodes
    sizes       shallow sizes to @nodes
    tree        dominators and retained sizes to @nodes; @tree
    distances   distances to @nodes
    sources     the node that refers to each row of @edges (4 bytes an edge)
    classes     @classes
    places      @places, @scripts: locations with their files and lines
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from nodemem.heap.arrays import Array
from nodemem.heap.classes import assign_groups
from nodemem.heap.engine.header import EDGE_TYPES
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.naming.classes import located_classes
from nodemem.heap.naming.names import Names
from nodemem.heap.sql.connection import quoted
from nodemem.heap.sql.tables import create_table, text_array
from nodemem.heap.texts import decoded
from nodemem.results import Column, Table

PARTS = ("text", "groups", "sizes", "tree", "distances", "sources", "classes", "places")


class Sources:
    """The tables of `snapshot` on `connection`; their names begin with `prefix`."""

    def __init__(self, connection: Any, snapshot: Snapshot, prefix: str) -> None:
        self._connection, self._snapshot, self._prefix = connection, snapshot, prefix
        columns, n = snapshot.columns, snapshot.node_count
        first = np.asarray(columns.first_edge)
        detachedness = columns.detachedness
        self._nodes = {
            "x": np.arange(n, dtype=np.uint32),
            "type": np.asarray(columns.types),
            "name": np.asarray(columns.names),
            "id": np.asarray(columns.ids),
            "self_size": np.asarray(columns.sizes),
            "edges_begin": first[:-1],
            "edges_end": first[1:],
            "detachedness": np.asarray(detachedness) if len(detachedness) else np.zeros(n, "u1"),
        }
        self._edges = {"word": np.asarray(columns.edges), "name": np.asarray(columns.edge_names)}
        # A function needs something to be called with.
        self._edges["x"] = self._edges["word"]
        records = np.asarray(columns.locations).reshape(-1, 4)
        keys = ("x", "script_id", "line", "col")
        self._locations = {key: np.ascontiguousarray(records[:, at]) for at, key in enumerate(keys)}
        self.constants = {
            "node_types": _sql_list(snapshot.header.meta.node_types),
            "edge_types": _sql_list(EDGE_TYPES),
        }
        self.loaded: set[str] = set()
        self._register("nodes", self._nodes)
        self._register("edges", self._edges)
        self._register("locations", self._locations)

    def load(self, part: str) -> None:
        """Work out `part`, unless that was done before."""
        if part not in self.loaded:
            getattr(self, f"_load_{part}")()
            self.loaded.add(part)

    def _register(self, name: str, arrays: dict[str, Array]) -> None:
        self._connection.register(self._prefix + name, arrays)

    def _load_text(self) -> None:
        self._connection.execute(f"CREATE TABLE {self._prefix}strings (x UINTEGER, text VARCHAR)")
        at = 0
        added = self._snapshot.strings.added
        for texts in chain(decoded(self._snapshot), [added]):
            numbers = np.arange(at, at + len(texts), dtype=np.uint32)
            self._connection.register("_block", {"x": numbers, "text": text_array(texts)})
            self._connection.execute(f"INSERT INTO {self._prefix}strings SELECT * FROM _block")
            self._connection.unregister("_block")
            at += len(texts)

    def _load_groups(self) -> None:
        found = assign_groups(self._snapshot, self._snapshot.definitions)
        self._nodes["group_number"] = np.asarray(found.groups)
        self._register("nodes", self._nodes)
        numbers = np.arange(len(found.labels), dtype=np.uint32)
        self._register("labels", {"number": numbers, "label": text_array(found.labels)})

    def _load_sizes(self) -> None:
        self._nodes["shallow"] = self._snapshot.shallow_sizes
        self._register("nodes", self._nodes)

    def _load_tree(self) -> None:
        self.load("sizes")
        snapshot, tree = self._snapshot, self._snapshot.graph.tree
        self._nodes |= {"retained": snapshot.retained_sizes, "dominator": snapshot.dominators}
        self._register("nodes", self._nodes)
        ordinals = np.asarray(tree.preorder)
        self.constants["total"] = f"{float(max(1, snapshot.retained_size(0)))}"
        self._register(
            "tree",
            {
                "x": self._nodes["x"],
                "ordinal": ordinals,
                "dominator": snapshot.dominators[ordinals],
                "subtree": np.asarray(tree.subtree),
            },
        )

    def _load_distances(self) -> None:
        self._nodes["distance"] = self._snapshot.distances
        self._register("nodes", self._nodes)

    def _load_sources(self) -> None:
        counts = self._nodes["edges_end"] - self._nodes["edges_begin"]
        self._edges["source"] = np.repeat(self._nodes["x"], counts)
        self._register("edges", self._edges)

    def _load_classes(self) -> None:
        create_table(self._connection, self._prefix + "classes", located_classes(self._snapshot))

    def _load_places(self) -> None:
        locations = Names(self._snapshot).locations
        records = np.unique(np.column_stack([*self._locations.values()])[:, 1:], axis=0).tolist()
        places = []
        for script_id, line, column in records:
            script, place = locations.script(script_id), locations.at(script_id, line, column)
            file = None if script is None else script.file or None
            source = None if file is None or place is None else str(place)
            places.append((script_id, line, column, file, source))
        keys = ("script_id", "line", "col", "file", "source")
        table = Table(tuple(Column(key) for key in keys), places)
        create_table(self._connection, self._prefix + "places", table)
        scripts = dict.fromkeys((script_id, file) for script_id, _, _, file, _ in places)
        table = Table((Column("script_id"), Column("file")), list(scripts))
        create_table(self._connection, self._prefix + "scripts", table)


def _sql_list(words: Sequence[str]) -> str:
    return f"[{', '.join(map(quoted, words))}]"
