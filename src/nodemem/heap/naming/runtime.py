"""What Node.js and V8 put between a program and its objects: modules, suspended functions, stores
of AsyncLocalStorage, proxies."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from nodemem.heap.engine.snapshot import Edge, Snapshot
from nodemem.heap.naming.locations import file_of_url, is_builtin
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.numbers import entry_number
from nodemem.heap.naming.text import is_string, text_of

PROXY = "system / JSProxy"
PROXY_HANDLER = 2
"""The number of the edge to a proxy's handler; that to its target is 1."""
ASYNC_STORAGE = "AsyncLocalStorage"
_CELL = "system / Cell"
_ES_MODULE = "system / SourceTextModule"
_MOST_RETAINERS = 100
_STORES = ("kResourceStore", "kAsyncContextFrame", "context_frame")


class Export(NamedTuple):
    """`name` is exported by the module of the file `file`; `module` is its ModuleWrap."""

    file: str
    name: str
    module: int


def export_of(names: Names, cell: int) -> Export | None:
    """What an ES module exports by a cell; None for cells of anything else.

    V8 has the exports of a module in a hash table: names, each before its cell.
    """
    if names.name(cell) != _CELL:
        return None
    for entry in _retaining(names.snapshot, cell):
        if entry_number(entry.name) is None:
            continue
        for table in _retaining(names.snapshot, entry.source):
            if names.name(table.source) != _ES_MODULE:
                continue
            module, file = _wrapper(names, table.source)
            return Export(file, text_before(names.snapshot, entry), module)
    return None


def common_js_file(names: Names, module: int) -> str | None:
    """The file of a CommonJS module's `Module` object; None for anything else."""
    if names.name(module) != "Module" or names.by_user(module):
        return None
    file = _text(names.snapshot, module, "filename")
    return None if file is None or is_builtin(file) else file


def es_module_file(names: Names, wrap: int) -> str | None:
    """The file of the ES module that a ModuleWrap is of; None for anything else."""
    url = _text(names.snapshot, wrap, "url")
    return None if url is None else file_of_url(url)


def text_before(snapshot: Snapshot, entry: Edge) -> str:
    """The key beside a value of a hash table, when it is text; else empty."""
    before = node_before(snapshot, entry)
    if before is None or snapshot.node_type(before) != "string":
        return ""
    return snapshot.name(before)


def node_before(snapshot: Snapshot, entry: Edge) -> int | None:
    """The key beside a value of a hash table; None when it is a small integer."""
    number = entry_number(entry.name)
    key = "" if number is None else str(number - 1)
    found = (edge.target for edge in snapshot.edges(entry.source) if str(edge.name) == key)
    return next(found, None)


def is_store(edge_name: str) -> bool:
    """Whether a property of a promise, timer or resource is what AsyncLocalStorage put there."""
    return edge_name.startswith("<symbol") and any(word in edge_name for word in _STORES)


def storage_of(names: Names, entry: Edge | None) -> int | None:
    """The AsyncLocalStorage whose store an entry of an AsyncContextFrame is. Up to Node.js 22 the
    store hangs on the resource itself, `entry` is None: then the only one there is, if so."""
    if entry is not None:
        key = node_before(names.snapshot, entry)
        return key if key is not None and names.name(key) == ASYNC_STORAGE else None
    all_ = names.snapshot.objects_named(ASYNC_STORAGE)
    made = [o for o in all_ if any(e.name == "kResourceStore" for e in names.snapshot.edges(o))]
    return made[0] if len(made) == 1 else None


def _wrapper(names: Names, module: int) -> tuple[int, str]:
    for edge in _retaining(names.snapshot, module):
        file = es_module_file(names, edge.source)
        if file is not None:
            return edge.source, file
    return module, ""


def _text(snapshot: Snapshot, ordinal: int, name: str) -> str | None:
    for edge in snapshot.edges(ordinal):
        if edge.name == name and is_string(snapshot, edge.target):
            return text_of(snapshot, edge.target).text
    return None


def _retaining(snapshot: Snapshot, ordinal: int) -> Iterator[Edge]:
    return islice(snapshot.retainers(ordinal), _MOST_RETAINERS)
