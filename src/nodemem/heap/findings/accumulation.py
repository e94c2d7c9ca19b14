"""Accumulation points: where much memory hangs off one object in many small pieces.

The dominator tree is walked from the root along every node that retains at least `least` bytes.
What such a node retains besides children of that size is its *loose* part; where that alone
reaches `least`, the tree drops from one big node to many small ones, as the leak suspects of
Eclipse MAT do. A linked list never drops: each link retains the rest. It is found as a long way
down single children of one class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nodemem.heap.naming.contents import held
from nodemem.heap.naming.names import Names

SHORTEST_LIST = 50
"""A run of fewer objects of one class is not called a list."""
_LONGEST_PERIOD = 8


@dataclass(frozen=True)
class Accumulation:
    """`loose` are bytes retained in pieces smaller than the limit, `pieces` those pieces (nodes).

    For a list `links` holds its objects in order, and `pieces` is empty.
    """

    ordinal: int
    loose: int
    pieces: list[int]
    links: list[int]


def accumulations(names: Names, least: int) -> Iterator[Accumulation]:
    """The points of one snapshot at which at least `least` bytes hang in small pieces."""
    waiting = [0]
    while waiting:
        ordinal = waiting.pop()
        big, small, loose = _below(names, ordinal, least)
        if loose >= least:
            yield Accumulation(ordinal, loose, small, [])
        if len(big) == 1 and loose < least:
            end, listed = _down(names, ordinal, least)
            if listed is not None:
                yield listed
            if end is not None:
                waiting.append(end)
        else:
            waiting.extend(big)


def _down(names: Names, top: int, least: int) -> tuple[int | None, Accumulation | None]:
    """Go down single big children; the node at which that ends (None when it was the end of a
    list), and the list if it was one."""
    way = [top]
    while True:
        big, _, loose = _below(names, way[-1], least)
        if len(big) != 1 or (loose >= least and len(way) > 1):
            break
        way.append(big[0])
    links = _links(names, way)
    if not links:
        return way[-1], None
    links += _tail(names, links)
    loose = names.snapshot.retained_size(links[0])
    return way[-1] if big else None, Accumulation(links[0], loose, [], links)


def _below(names: Names, ordinal: int, least: int) -> tuple[list[int], list[int], int]:
    """What a node holds that retains at least `least` bytes, what less, and the bytes it retains
    besides the former."""
    retained = names.snapshot.graph.retained_sizes
    big: list[int] = []
    small: list[int] = []
    for child in held(names, ordinal):
        (big if retained[child] >= least else small).append(child)
    return big, small, retained[ordinal] - sum(map(retained.__getitem__, big))


def _links(names: Names, way: list[int]) -> list[int]:
    """The objects of the class that makes the way long, when one does."""
    kinds = Counter(_kind(names, node) for node in way if names.visible(node))
    if not kinds:
        return []
    kind, times = kinds.most_common(1)[0]
    if times < max(SHORTEST_LIST, len(way) // _LONGEST_PERIOD):
        return []
    # The way may begin with another object of the class; a list begins where it is dense.
    links = [(at, node) for at, node in enumerate(way) if _kind(names, node) == kind]
    first = next(
        i
        for i in range(len(links))
        if i + 1 == len(links) or links[i + 1][0] - links[i][0] <= _LONGEST_PERIOD
    )
    return [node for _, node in links[first:]]


def _tail(names: Names, links: list[int]) -> list[int]:
    """The rest of a list below the size limit."""
    kind = _kind(names, links[-1])
    node, tail, since = links[-1], [], 0
    while since <= _LONGEST_PERIOD:
        node = max(held(names, node), key=names.snapshot.retained_size, default=-1)
        if node < 0:
            break
        since += 1
        if _kind(names, node) == kind:
            tail.append(node)
            since = 0
    return tail


def _kind(names: Names, ordinal: int) -> tuple[int, int]:
    columns = names.snapshot.columns
    return columns.types[ordinal], columns.names[ordinal]
