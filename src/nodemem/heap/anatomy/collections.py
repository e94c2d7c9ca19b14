"""How full collections are: what a Map, Set, Array or dictionary holds, and what it has room for.

V8 keeps entries in hash tables and arrays that grow ahead of need and shrink late or never. A
table's size tells how many slots it has. How many are in use is read off the references of the
table, of which small integers have none: where these may be, what is seen is a least number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nodemem.heap.arrays import Array, Arrays, Edges
from nodemem.heap.engine.columns import (
    ARRAY,
    CONTEXT_EDGE,
    ELEMENT_EDGE,
    INTERNAL_EDGE,
    OBJECT,
    PROPERTY_EDGE,
    WEAK_EDGE,
)
from nodemem.heap.naming.references import HOLE

Kind = Literal["Map", "Set", "Array", "dictionary"]
Known = Literal["yes", "at least", "no"]
KNOWN: tuple[Known, ...] = ("no", "at least", "yes")

_WORD, _HEADER = 8, 16
_COUNTERS = 3
_INITIAL_BUCKETS = 2
"""Of a new Map: the four entries at most that may hide in such a table are not worth a doubt."""
_PREFIXES = (5, 6, 7)


@dataclass(frozen=True)
class Collections:
    """Collections of one kind as arrays, one item each: `owners` are the objects, `stores` the
    nodes that hold their slots. `known` is an index into KNOWN: whether small integers could hide
    entries. `slot_size` is bytes, one item or one for all."""

    kind: Kind
    owners: Array
    stores: Array
    entries: Array
    slots: Array
    known: Array
    slot_size: int

    @property
    def empty_bytes(self) -> Array:
        """Bytes of the slots in which nothing is seen; 0 where nothing is known of any."""
        return np.where(
            self.known > 0, np.maximum(self.slots - self.entries, 0) * self.slot_size, 0
        )


def collections(arrays: Arrays) -> list[Collections]:
    """All Maps, Sets, Arrays and objects in dictionary mode. A store that several objects share is
    counted for the first of them."""
    tables = arrays.edges_named("table", INTERNAL_EDGE)
    properties = arrays.edges_named("properties", INTERNAL_EDGE)
    elements = arrays.edges_named("elements", INTERNAL_EDGE)
    return [
        _tables(arrays, tables, "Map", 3),
        _tables(arrays, tables, "Set", 2),
        _arrays(arrays, elements),
        _dictionaries(arrays, properties),
    ]


def holders(arrays: Arrays, owners: Array) -> Array:
    """A number for each object, equal where a class, a variable or a property of one name holds
    them: who refers to it by a name counts before other ways."""
    edges = arrays.edges_to(owners)
    kinds = arrays.kinds(edges.positions).astype(np.int64)
    named = np.isin(kinds, (CONTEXT_EDGE, PROPERTY_EDGE))
    named &= arrays.edge_names[edges.positions] != arrays.string("__proto__")
    rank = np.where(named, 0, np.where(kinds == ELEMENT_EDGE, 1, 2))
    rank[kinds == WEAK_EDGE] = 3
    order = np.lexsort((edges.sources, rank, edges.targets))
    targets = edges.targets[order]
    first = order[np.flatnonzero(np.diff(targets, prepend=-1))]
    edge_names = np.where(rank[first] == 0, arrays.edge_names[edges.positions[first]], 0)
    source_names = arrays.names[edges.sources[first]]
    keys = np.stack([rank[first], kinds[first], source_names, edge_names])
    _, numbers = np.unique(keys, axis=1, return_inverse=True)
    result = np.full(len(owners), -1, np.int64)
    result[np.searchsorted(owners, edges.targets[first])] = numbers.ravel()
    return result


def _words(arrays: Arrays, stores: Array) -> Array:
    words: Array = (arrays.self_sizes[stores].astype(np.int64) - _HEADER) // _WORD
    return words


def _stores(arrays: Arrays, edges: Edges) -> Edges:
    """Edges to arrays, of those to one array the first."""
    edges = edges.where(arrays.types[edges.targets] == ARRAY)
    _, first = np.unique(edges.targets, return_index=True)
    return edges.where(np.sort(first))


def _tables(arrays: Arrays, edges: Edges, kind: Literal["Map", "Set"], words: int) -> Collections:
    """Behind three counters and B buckets a table has 2 B slots of three words (key, value, link),
    in a Set of two. B is a power of two, so that the size tells a Map's table from a Set's."""
    edges = _stores(arrays, edges)
    buckets, left = np.divmod(_words(arrays, edges.targets) - _COUNTERS, 1 + 2 * words)
    edges = edges.where((left == 0) & _is_power(buckets))
    buckets = buckets[(left == 0) & _is_power(buckets)]
    entries, keys = np.zeros(len(buckets), np.int64), np.zeros(len(buckets), np.int64)
    for block in arrays.blocks(edges.targets):
        table, places = _places(arrays, edges.targets[block])
        place = places - _COUNTERS - buckets[block][table]
        inside = place >= 0
        table, entry, part = table[inside], place[inside] // words, place[inside] % words
        size = len(edges.targets[block])
        entries[block] = _distinct(table, entry, size)
        keys[block] = np.bincount(table[part == 0], minlength=size)
    known = np.where(entries == 0, 0, np.where(keys == entries, 2, 1))
    known[(entries == 0) & (buckets <= _INITIAL_BUCKETS)] = 1
    slot = words * _WORD + _WORD // 2
    return Collections(kind, edges.sources, edges.targets, entries, 2 * buckets, known, slot)


def _arrays(arrays: Arrays, edges: Edges) -> Collections:
    """Growing, an array takes half as many slots more than it needs, and 16."""
    edges = edges.where(
        (arrays.types[edges.sources] == OBJECT)
        & (arrays.names[edges.sources] == arrays.string("Array"))
    )
    edges = _stores(arrays, edges)
    slots = _words(arrays, edges.targets)
    last, count = np.zeros(len(slots), np.int64), np.zeros(len(slots), np.int64)
    for block in arrays.blocks(edges.sources):
        owners = edges.sources[block]
        out = arrays.edges_of(owners)
        number = np.repeat(np.arange(len(owners)), arrays.degrees(owners))
        is_element = arrays.kinds(out.positions) == ELEMENT_EDGE
        number, index = number[is_element], arrays.edge_names[out.positions[is_element]]
        np.maximum.at(last[block], number, index.astype(np.int64) + 1)
        count[block] = np.bincount(number, minlength=len(owners))
    dense = last <= slots  # else the elements are a table by index
    known = np.where(count == 0, 0, np.where(count == last, 2, 1))
    return Collections(
        "Array", edges.sources[dense], edges.targets[dense], count[dense], slots[dense],
        known[dense], _WORD,
    )  # fmt: skip


def _dictionaries(arrays: Arrays, edges: Edges) -> Collections:
    """Behind a few counters a dictionary has slots of three words: key, value, details. Their
    number is a power of two. Keys are strings or symbols, which are seen."""
    name = arrays.string("(object properties)")
    edges = edges.where(
        (arrays.names[edges.targets] == name) & (arrays.types[edges.sources] == OBJECT)
    )
    edges = _stores(arrays, edges)
    words = _words(arrays, edges.targets)
    slots, prefix = np.zeros(len(words), np.int64), np.zeros(len(words), np.int64)
    for counters in _PREFIXES:
        count, left = np.divmod(words - counters, 3)
        fits = (left == 0) & _is_power(count) & (slots == 0)
        slots, prefix = np.where(fits, count, slots), np.where(fits, counters, prefix)
    edges, prefix, slots = edges.where(slots > 0), prefix[slots > 0], slots[slots > 0]
    entries = np.zeros(len(slots), np.int64)
    for block in arrays.blocks(edges.targets):
        table, places = _places(arrays, edges.targets[block])
        place = places - prefix[block][table]
        keys = (place >= 0) & (place % 3 == 0)
        entries[block] = np.bincount(table[keys], minlength=len(slots[block]))
    known = np.full(len(slots), 2)
    return Collections("dictionary", edges.sources, edges.targets, entries, slots, known, 3 * _WORD)


def _is_power(numbers: Array) -> Array:
    result: Array = (numbers > 0) & (numbers & (numbers - 1) == 0)
    return result


def _places(arrays: Arrays, stores: Array) -> tuple[Array, Array]:
    """For each numbered reference out of the stores the number of its store and its place there,
    by store and place."""
    out = arrays.edges_of(stores)
    number = np.repeat(np.arange(len(stores)), arrays.degrees(stores))
    internal = arrays.kinds(out.positions) == INTERNAL_EDGE
    # From V8 12 on the mark of a deleted entry is a node, too.
    internal &= arrays.names[out.targets] != arrays.string(HOLE)
    number = number[internal]
    places = arrays.decimals(arrays.edge_names[out.positions[internal]])
    number, places = number[places >= 0], places[places >= 0]
    order = np.lexsort((places, number))
    return number[order], places[order]


def _distinct(group: Array, value: Array, total: int) -> Array:
    """How many different values each group has; both are sorted."""
    new = np.ones(len(group), bool)
    new[1:] = (group[1:] != group[:-1]) | (value[1:] != value[:-1])
    counts: Array = np.bincount(group[new], minlength=total)
    return counts
