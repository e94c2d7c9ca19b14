"""What is new in a later snapshot, by the old object that keeps it.

A new object is put down to its nearest dominator that existed before: if that went, and nothing
smaller that is old, the new object would go with it.
"""

from __future__ import annotations

from collections import Counter

from nodemem.heap.engine.memory import zeros
from nodemem.heap.findings.pairing import Pairing
from nodemem.heap.naming.names import Names
from nodemem.kernels import load


class Kept:
    """New objects by the old object that keeps them.

    `pieces` hang there directly, `inside` below other new ones; `bytes` are of all.
    """

    def __init__(self, names: Names, pairing: Pairing) -> None:
        self.bytes: Counter[int] = Counter()
        self.pieces: dict[int, list[int]] = {}
        self.inside: dict[int, list[int]] = {}
        graph, n = names.snapshot.graph, names.snapshot.node_count
        shown, sizes = names.visibility, graph.shallow_sizes
        above, keeper, kept = zeros("I", n), zeros("I", n), zeros("Q", n)
        order = zeros("I", len(pairing.new))
        load("survivors").keepers(
            n, graph.tree.preorder, graph.tree.dominators, shown, pairing.old,
            sizes.cast("B").cast("I"), sizes.itemsize // 4, above, keeper, kept, order,
        )  # fmt: skip
        # In preorder of the dominator tree.
        for ordinal in order:
            at = keeper[ordinal]
            self.bytes[at] = kept[at]
            if shown[ordinal]:
                among = self.pieces if above[ordinal] == at else self.inside
                among.setdefault(at, []).append(ordinal)
