"""Who refers to an object, in words: the objects that a program can name, and by what."""

from __future__ import annotations

import heapq
from typing import NamedTuple

from nodemem.heap.engine.columns import SYNTHETIC
from nodemem.heap.engine.snapshot import Edge
from nodemem.heap.naming.chains import keeps
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.references import Step, collapse

_DEEPEST = 8
MOST_EDGES = 2_000


class Referrers(NamedTuple):
    """`steps` lead from those who refer to the object; `total` counts the references to the node
    itself, of which far more may exist than were looked at."""

    steps: list[Step]
    total: int


def referrers(names: Names, ordinal: int, most: int = MOST_EDGES) -> Referrers:
    """The nearest objects that refer to a node, those that keep it first, then weak ones (kind
    `weak`). V8's inner nodes on the way are joined into the reference. At most `most` references of
    one node are looked at, those from the smallest distances, and as many inner nodes."""
    snapshot = names.snapshot
    first = snapshot.graph.retainers.first
    found: dict[tuple[int, str, str], Step] = {}
    weak: dict[tuple[int, str, str], Step] = {}
    seen = {ordinal}
    waiting: list[list[Edge]] = [[edge] for edge in _nearest(names, ordinal, most)]
    waiting.reverse()
    while waiting and len(seen) <= most:
        chain = waiting.pop()
        edge = chain[0]
        if edge.type == "weak":
            if len(chain) == 1:
                step = Step("weak", str(edge.name), edge.source, ordinal)
                weak.setdefault((step.source, step.kind, step.name), step)
            continue
        if not keeps(snapshot, edge):
            continue
        inner = not names.shown(edge.source) and snapshot.columns.types[edge.source] != SYNTHETIC
        if inner and edge.source not in seen and len(chain) < _DEEPEST:
            seen.add(edge.source)
            further = [[above, *chain] for above in _nearest(names, edge.source, most)]
            if any(keeps(snapshot, above[0]) for above in further):
                waiting += reversed(further)
                continue
        elif edge.source in seen and edge.source != ordinal:
            continue
        for step in collapse(names, chain)[-1:]:
            found.setdefault((step.source, step.kind, step.name), step)
    total = first[ordinal + 1] - first[ordinal]
    # An object that refers by name does so over its backing store as well.
    named = {step.source for step in found.values() if step.name}
    strong = [step for step in found.values() if step.name or step.source not in named]
    return Referrers([*strong, *weak.values()], total)


def _nearest(names: Names, ordinal: int, most: int) -> list[Edge]:
    """References to a node, those from near the roots first."""
    first, edges, sources = names.snapshot.graph.retainers
    distances = names.snapshot.graph.distances

    def nearness(at: int) -> tuple[bool, int]:
        hops = distances[sources[at]]
        return hops < 0, hops  # what is not reached at all comes last

    every = range(first[ordinal], first[ordinal + 1])
    some = heapq.nsmallest(most, every, key=nearness)
    return [names.snapshot.edge(edges[at], sources[at]) for at in some]
