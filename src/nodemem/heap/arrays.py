"""The columns of a snapshot as numpy arrays, for questions that look at all nodes or edges at once.

Importing this module loads numpy: queries that need it come here when they are asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from nodemem.heap.engine.columns import TARGET, TYPE_SHIFT
from nodemem.heap.engine.snapshot import Snapshot

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_MOST_EDGES = 1 << 20
_BLOCK = 1 << 22
"""Edges looked at in one go: what is built meanwhile stays small, however large the file."""


class Edges(NamedTuple):
    """References, one an item: positions in `Columns.edges`, ordinals of both ends."""

    positions: Array
    sources: Array
    targets: Array

    def where(self, chosen: Array) -> Edges:
        """Those of a mask or of indexes."""
        return Edges(self.positions[chosen], self.sources[chosen], self.targets[chosen])


class Arrays:
    """See heap/engine/columns.py for the columns; sizes are bytes, ordinals and positions int64
    where they are results."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    @cached_property
    def types(self) -> Array:
        return np.asarray(self.snapshot.columns.types)

    @cached_property
    def names(self) -> Array:
        return np.asarray(self.snapshot.columns.names)

    @cached_property
    def first_edge(self) -> Array:
        return np.asarray(self.snapshot.columns.first_edge)

    @cached_property
    def edges(self) -> Array:
        return np.asarray(self.snapshot.columns.edges)

    @cached_property
    def edge_names(self) -> Array:
        return np.asarray(self.snapshot.columns.edge_names)

    @cached_property
    def self_sizes(self) -> Array:
        return self.snapshot.self_sizes

    @cached_property
    def shallow_sizes(self) -> Array:
        return self.snapshot.shallow_sizes

    @cached_property
    def retained_sizes(self) -> Array:
        return self.snapshot.retained_sizes

    def string(self, text: str) -> int:
        """The index of a string, -1 where it does not occur."""
        index = self.snapshot.find_string(text)
        return -1 if index is None else index

    def of_types(self, *types: int) -> Array:
        """The nodes of any of the types."""
        wanted = np.zeros(256, bool)
        wanted[list(types)] = True
        return np.flatnonzero(wanted[self.types])

    def named(self, name: str, *types: int) -> Array:
        """The nodes with exactly this name, of any of the types."""
        index = self.string(name)
        if index < 0:
            return np.empty(0, np.int64)
        found = np.flatnonzero(self.names == index)
        return found[np.isin(self.types[found], types)]

    def by_node(self) -> Array:
        """A column over all nodes with -1 in it, for ordinals and numbers below 2**31: int32."""
        return np.full(len(self.types), -1, np.int32)

    def degrees(self, ordinals: Array) -> Array:
        """How many references each node has."""
        first = self.first_edge
        counts: Array = first[ordinals + 1].astype(np.int64) - first[ordinals]
        return counts

    def blocks(self, ordinals: Array) -> Iterator[slice]:
        """Parts of `ordinals` of which the nodes have about a million references together, so that
        what is built of them stays small; one node by itself may have more."""
        ends = np.cumsum(self.degrees(ordinals))
        begin = 0
        while begin < len(ordinals):
            before = int(ends[begin - 1]) if begin else 0
            end = int(np.searchsorted(ends, before + _MOST_EDGES, side="right"))
            end = max(end, begin + 1)
            yield slice(begin, end)
            begin = end

    def edges_named(self, name: str, *types: int) -> Edges:
        """The references of any of the types whose name is exactly `name`, in file order."""
        index = self.string(name)
        found = []
        for begin in range(0, len(self.edges) if index >= 0 else 0, _BLOCK):
            at = begin + np.flatnonzero(self.edge_names[begin : begin + _BLOCK] == index)
            found.append(at[np.isin(self.edges[at] >> TYPE_SHIFT, types)])
        positions = np.concatenate([np.empty(0, np.int64), *found])
        return Edges(positions, self.sources(positions), self.targets(positions))

    def edges_of(self, ordinals: Array) -> Edges:
        """All references out of the nodes, those of each in file order."""
        begin = self.first_edge[ordinals].astype(np.int64)
        counts = self.first_edge[ordinals + 1].astype(np.int64) - begin
        positions = _ranges(begin, counts)
        return Edges(positions, np.repeat(ordinals, counts), self.targets(positions))

    def edges_to(self, ordinals: Array) -> Edges:
        """All references to the nodes, weak ones too."""
        retainers = self.snapshot.graph.retainers
        first, edges = np.asarray(retainers.first), np.asarray(retainers.edges)
        begin = first[ordinals].astype(np.int64)
        counts = first[ordinals + 1].astype(np.int64) - begin
        positions = edges[_ranges(begin, counts)].astype(np.int64)
        return Edges(positions, self.sources(positions), np.repeat(ordinals, counts))

    def sources(self, positions: Array) -> Array:
        """The nodes that the references are of."""
        sources: Array = np.searchsorted(self.first_edge, positions, side="right") - 1
        return sources

    def targets(self, positions: Array) -> Array:
        return (self.edges[positions] & TARGET).astype(np.int64)

    def kinds(self, positions: Array) -> Array:
        """Edge types (see heap/engine/columns.py)."""
        return self.edges[positions] >> TYPE_SHIFT

    def decimals(self, strings: Array) -> Array:
        """The numbers that strings (indexes) spell in decimal digits, int64; -1 for others."""
        table = self.snapshot.strings
        wanted, back = np.unique(strings, return_inverse=True)
        numbers = np.full(len(wanted), -1, np.int64)
        inside = wanted < table.count
        offsets = np.asarray(table.offsets).astype(np.int64)
        at, end = offsets[wanted[inside]], offsets[wanted[inside] + 1]
        first = 0
        while first < len(at):
            last = int(np.searchsorted(at, at[first] + _BLOCK))
            base = int(at[first])
            stop = int(at[last - 1]) + _LONGEST_SPELLING
            data = np.frombuffer(table.raw(base, min(stop, int(end[last - 1])) - base), np.uint8)
            numbers[first:last] = _parsed(data, at[first:last] - base)
            first = last
        result: Array = numbers[back]
        return result


_LONGEST_SPELLING = 12


def _parsed(data: Array, at: Array) -> Array:
    """The numbers between quotes at these places of `data`; -1 where there are none."""
    value = np.zeros(len(at), np.int64)
    open_ = np.ones(len(at), bool)
    good = np.zeros(len(at), bool)
    for place in range(1, _LONGEST_SPELLING):
        where = np.minimum(at + place, len(data) - 1)
        char = data[where].astype(np.int64)
        digit = (char >= 48) & (char <= 57)
        good |= open_ & (char == 34) & (place > 1)
        open_ &= digit
        value = np.where(open_, value * 10 + char - 48, value)
    return np.where(good, value, -1)


def _ranges(begin: Array, counts: Array) -> Array:
    """begin[0], begin[0] + 1, ... for counts[0] items, then the next."""
    total = int(counts.sum())
    offsets = np.repeat(begin - np.cumsum(counts) + counts, counts)
    result: Array = offsets + np.arange(total)
    return result
