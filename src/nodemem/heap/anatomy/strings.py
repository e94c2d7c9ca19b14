"""Strings that cost more than their text: twins, giants, slices and joined strings.

V8 writes one index for equal texts, but only of their first 1,024 units, so that an index is no
proof: what is certain is told from what is only possible, by the sizes of the nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodemem.heap.arrays import Array, Arrays
from nodemem.heap.engine.columns import CONCATENATED, SLICED, STRING
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.text import is_cut

_MOST_PARTS = 1_000_000
_MOST_GROUPS = 50_000
"""Groups of texts that are not plain ASCII are read one by one, the costliest first; what is
wasted by those beyond this number counts as possible."""
_LOSSY = "???"
"""What V8 writes for half a surrogate pair, whichever half it is."""


@dataclass(frozen=True, slots=True)
class Twins:
    """`count` strings that look alike. `wasted` are bytes that would go if one of them stood for
    all. `certain` is False where V8 has cut the text or written it unfaithfully: then they begin
    alike and take equally many bytes, no more is known."""

    text: str
    certain: bool
    count: int
    size: int
    wasted: int
    nodes: list[int]


@dataclass(frozen=True, slots=True)
class StringSums:
    """Numbers and bytes over all strings; wasted by certain and by possible twins."""

    count: int
    size: int
    certain: int
    possible: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A string that keeps more than it shows. For a slice: `node` is the large string, `count` how
    many slices refer to it, `alone` whether nothing else does. For a joined string: `count` parts,
    `size` bytes of the text in one piece, `retained` what it takes as it is."""

    kind: str
    node: int
    count: int
    size: int
    retained: int
    alone: bool


def twins(names: Names, most: int) -> tuple[list[Twins], StringSums]:
    """The groups that waste most, and the sums over all groups."""
    arrays = Arrays(names.snapshot)
    nodes = arrays.of_types(STRING)
    nodes = nodes[arrays.self_sizes[nodes] > 0]  # read-only ones are shared by all V8s
    sizes = arrays.self_sizes[nodes].astype(np.int64)
    texts = arrays.names[nodes].astype(np.int64)
    order = np.lexsort((sizes, texts))
    nodes, sizes, texts = nodes[order], sizes[order], texts[order]
    starts = np.flatnonzero(np.diff(texts, prepend=-1)) if len(texts) else np.empty(0, np.int64)
    ends = np.append(starts[1:], len(texts))
    several = ends - starts > 1
    total = np.add.reduceat(sizes, starts) if len(starts) else np.empty(0, np.int64)
    largest = sizes[ends - 1] if len(starts) else total
    at_stake = np.where(several, total - largest, 0)
    order = np.argsort(-at_stake, kind="stable")
    order = order[: np.count_nonzero(at_stake)]
    plain = _plain(names, texts[starts[order]])
    read = np.flatnonzero(~plain | (np.arange(len(order)) < most))
    beyond = read[_MOST_GROUPS + most :]
    possible = int(at_stake[order[beyond]].sum())
    plain[read] = False
    certain = int(at_stake[order[plain]].sum())
    found: list[Twins] = []
    for group in order[read[: _MOST_GROUPS + most]].tolist():
        begin, end = int(starts[group]), int(ends[group])
        for some in _told_apart(names, nodes[begin:end].tolist(), sizes[begin:end].tolist()):
            if some.certain:
                certain += some.wasted
            else:
                possible += some.wasted
            found.append(some)
        if len(found) > 4 * most:
            found = _costliest(found, most)
    sums = StringSums(len(nodes), int(sizes.sum()), certain, possible)
    return _costliest(found, most), sums


def _costliest(found: list[Twins], most: int) -> list[Twins]:
    return sorted(found, key=lambda one: (-one.wasted, one.nodes[0]))[:most]


def _plain(names: Names, texts: Array) -> Array:
    """Which texts are short and of ASCII letters only: what V8 writes of those is all of them."""
    strings = names.snapshot.strings
    widths = np.asarray(strings.widths)[texts].astype(np.int64)
    offsets = np.asarray(strings.offsets)
    spelled = (offsets[texts + 1] - offsets[texts]).astype(np.int64)
    plain: Array = (widths < 255) & (spelled <= widths + 5)  # quotes, comma, line break
    return plain


def _told_apart(names: Names, nodes: list[int], sizes: list[int]) -> list[Twins]:
    """Nodes of one text, in ascending order of their sizes, as groups of what may be equal."""
    text = names.snapshot.name(nodes[0])
    faithful = _LOSSY not in text and all(char < "\u0100" for char in text)
    # One text in two sizes is one string kept in two ways; of cut ones the size tells the length.
    alike: dict[int | None, list[int]] = {}
    cut = {size: is_cut(text, size) for size in set(sizes)}
    for i, size in enumerate(sizes):
        alike.setdefault(size if cut[size] else None, []).append(i)
    found = []
    for size_of_cut, members in alike.items():
        if len(members) > 1:
            largest = sizes[members[-1]]
            wasted = sum(map(sizes.__getitem__, members)) - largest
            some = [nodes[i] for i in members]
            certain = size_of_cut is None and faithful
            found.append(Twins(text, certain, len(some), largest, wasted, some))
    return found


def longest(names: Names, most: int) -> list[int]:
    """The strings that take most bytes by themselves, largest first."""
    arrays = Arrays(names.snapshot)
    nodes = arrays.of_types(STRING, CONCATENATED, SLICED)
    sizes = arrays.self_sizes[nodes].astype(np.int64)
    order = np.lexsort((nodes, -sizes))[:most]
    largest: list[int] = nodes[order].tolist()
    return largest


def sliced(names: Names) -> list[Kept]:
    """Large strings by the slices that refer to them, the largest first."""
    arrays = Arrays(names.snapshot)
    slices = arrays.of_types(SLICED)
    edges = arrays.edges_of(slices)
    edges = edges.where(arrays.edge_names[edges.positions] == arrays.string("parent"))
    parents, counts = np.unique(edges.targets, return_counts=True)
    held = arrays.edges_to(parents)
    others = held.targets[arrays.types[held.sources] != SLICED]
    alone = ~np.isin(parents, others)
    found = [
        Kept("slice", int(parent), int(count), names.snapshot.self_size(int(parent)),
             names.snapshot.retained_size(int(parent)), bool(own))
        for parent, count, own in zip(parents, counts, alone, strict=True)
    ]  # fmt: skip
    found.sort(key=lambda one: (-one.size, one.node))
    return found


def joined(names: Names, most: int) -> list[Kept]:
    """Joined strings that are not part of another one, those first that take most more bytes as
    they are than in one piece. The largest by what they retain are looked at."""
    arrays, snapshot = Arrays(names.snapshot), names.snapshot
    nodes = arrays.of_types(CONCATENATED)
    edges = arrays.edges_to(nodes)
    tops = np.unique(edges.targets[arrays.types[edges.sources] != CONCATENATED])
    order = np.lexsort((tops, -arrays.retained_sizes[tops].astype(np.int64)))[:most]
    found = []
    for node in tops[order].tolist():
        parts, size = _flat_size(names, node)
        found.append(Kept("joined", node, parts, size, snapshot.retained_size(node), alone=False))
    found.sort(key=lambda one: (one.size - one.retained, one.node))
    return found


def _flat_size(names: Names, ordinal: int) -> tuple[int, int]:
    """How many parts a joined string has, and about how many bytes its text takes in one piece."""
    types, sizes = names.snapshot.columns.types, names.snapshot.columns.sizes
    parts, size, waiting, seen = 0, 16, [ordinal], {ordinal}
    while waiting and parts < _MOST_PARTS:
        for edge in names.snapshot.edges(waiting.pop()):
            if edge.name not in ("first", "second"):
                continue
            if types[edge.target] == CONCATENATED:
                if edge.target not in seen:
                    seen.add(edge.target)
                    waiting.append(edge.target)
            else:
                parts += 1
                size += max(0, sizes[edge.target] - 16)
    return parts, size
