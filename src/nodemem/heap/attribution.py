"""What is new in a later snapshot, by the old object that keeps it.

A new object is put down to its nearest dominator that existed before: if that went, and nothing
smaller that is old, the new object would go with it.
"""

from __future__ import annotations

from collections import Counter

from nodemem.heap.names import Names
from nodemem.heap.pairing import Pairing


class Kept:
    """New objects by the old object that keeps them.

    `pieces` hang there directly, `inside` below other new ones; `bytes` are of all.
    """

    def __init__(self, names: Names, pairing: Pairing) -> None:
        self.bytes: Counter[int] = Counter()
        self.pieces: dict[int, list[int]] = {}
        self.inside: dict[int, list[int]] = {}
        graph = names.snapshot.graph
        dominators, sizes = graph.tree.dominators, graph.shallow_sizes
        keeper: dict[int, int] = {}
        # In preorder of the dominator tree what is above is settled first.
        for ordinal in sorted(pairing.new, key=graph.tree_places.__getitem__):
            above = dominators[ordinal]
            while above and not names.shown(above):
                above = dominators[above]
            direct = above not in keeper
            keeper[ordinal] = at = keeper.get(above, above)
            self.bytes[at] += sizes[ordinal]
            if names.shown(ordinal):
                (self.pieces if direct else self.inside).setdefault(at, []).append(ordinal)
