"""Dominators, retained sizes, owners and distances against their definitions, by brute force."""

from __future__ import annotations

import tempfile
from collections import deque
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import nodemem
from nodemem.testing import SnapshotBuilder

TYPES = ["hidden", "array", "object", "object", "string", "closure", "synthetic"]
EDGES = ["property", "internal", "weak", "shortcut", "hidden", "element", "context"]


@st.composite
def heaps(draw: st.DrawFn) -> SnapshotBuilder:
    n = draw(st.integers(2, 12))
    heap = SnapshotBuilder()
    heap.node("synthetic", "")
    for _ in range(1, n):
        heap.node(draw(st.sampled_from(TYPES)), "Foo", size=draw(st.integers(0, 99)))
    heap.edge(0, draw(st.sampled_from(["shortcut", "element", "weak"])), 1, 1)
    for source, kind, target in draw(
        st.lists(
            st.tuples(st.integers(0, n - 1), st.sampled_from(EDGES), st.integers(0, n - 1)),
            max_size=30,
        )
    ):
        heap.edge(source, kind, 1, target)
    return heap


class Model:
    """The same questions, answered straight from the definitions."""

    def __init__(self, heap: SnapshotBuilder) -> None:
        document = heap.document(style="node24")
        nodes, edges = document["nodes"], document["edges"]
        stride = len(document["snapshot"]["meta"]["node_fields"])
        self.n = len(nodes) // stride
        self.types = nodes[0::stride]
        self.sizes = nodes[3::stride]
        sources = [o for o in range(self.n) for _ in range(nodes[stride * o + 4])]
        self.edges = [
            (source, edges[3 * e], edges[3 * e + 2] // stride) for e, source in enumerate(sources)
        ]
        self.strong = [(s, t) for s, kind, t in self.edges if kind != 6]
        page = self._reach({t for s, kind, t in self.edges if s == 0 and kind == 5}, self.strong)
        self.essential = [
            (s, t)
            for s, kind, t in self.edges
            if kind != 6
            and s != t
            and (kind != 5 or s == 0)
            and (s == 0 or t not in page or s in page)
        ]
        targets = {t for _, t in self.essential}
        orphans = [o for o in range(1, self.n) if o not in targets]
        self.essential += [(0, o) for o in orphans]
        self.reached = self._reach({0}, self.essential)

    @staticmethod
    def _reach(start: set[int], edges: list[tuple[int, int]], without: int = -1) -> set[int]:
        seen = start - {without}
        queue = deque(seen)
        while queue:
            node = queue.popleft()
            for source, target in edges:
                if source == node and target != without and target not in seen:
                    seen.add(target)
                    queue.append(target)
        return seen

    def dominators_of(self) -> list[set[int]]:
        """All strict dominators of each node; for what nothing reaches, the root."""
        lost = {o: self.reached - self._reach({0}, self.essential, o) for o in range(1, self.n)}
        return [
            {0} | {o for o in range(1, self.n) if node in lost[o] and node != o}
            for node in range(self.n)
        ]

    def shallow(self) -> list[int]:
        sizes = list(self.sizes)
        if not any(s == 0 and self.types[t] != 9 for s, _, t in self.edges):
            return sizes
        movable = {o for o in range(self.n) if self.types[o] in (0, 1)}
        for node in movable:
            owners = {
                o
                for o in range(self.n)
                if o not in movable
                and node
                in self._reach(
                    {t for s, t in self.strong if s == o and t in movable},
                    [(s, t) for s, t in self.strong if s in movable and t in movable],
                )
            }
            if len(owners) == 1:
                (owner,) = owners
                if owner != 0 and self.types[owner] != 9:
                    sizes[owner] += self.sizes[node]
                    sizes[node] = 0
        return sizes

    def distances(self) -> list[int]:
        found = {t: 1 for s, _, t in self.edges if s == 0 and self.types[t] != 9}
        had_roots = bool(found)
        for start in (None, 0):
            if start is not None:
                found[0] = 100_000_000 if had_roots else 0
            queue = deque(found if start is None else [0])
            while queue:
                node = queue.popleft()
                for source, target in self.strong:
                    if source == node and target not in found:
                        found[target] = found[node] + 1
                        queue.append(target)
        return [found.get(o, -5) for o in range(self.n)]


@settings(max_examples=150, deadline=None)
@given(heaps())
def test_graph_numbers_follow_their_definitions(heap: SnapshotBuilder) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.heapsnapshot"
        path.write_bytes(heap.to_bytes())
        with nodemem.open_snapshot(path) as snapshot:
            model = Model(heap)
            dominators = model.dominators_of()
            shallow = model.shallow()
            assert list(snapshot.graph.shallow_sizes) == shallow
            for node in range(1, model.n):
                chain = set()
                step = node
                while step != 0:
                    step = snapshot.dominator(step)
                    chain.add(step)
                assert chain == dominators[node]
                held = [o for o in range(model.n) if o == node or node in dominators[o]]
                assert snapshot.retained_size(node) == sum(shallow[o] for o in held)
            assert snapshot.dominator(0) == 0
            assert snapshot.retained_size(0) == sum(shallow)
            assert list(snapshot.graph.distances) == model.distances()
            for node in range(model.n):
                children = set(snapshot.dominated(node))
                assert children == {o for o in range(1, model.n) if snapshot.dominator(o) == node}
                retainers = sorted((e.source, e.target) for e in snapshot.retainers(node))
                assert retainers == sorted((s, t) for s, _, t in model.edges if t == node)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", '"', "\\", '\\"', "\\\\", "\n", "]", "é"]), st.integers(1, 700)
        ),
        max_size=8,
    )
)
def test_long_strings_end_where_json_ends_them(parts: list[tuple[str, int]]) -> None:
    texts = ["".join(text * often for text, often in parts[: n + 1]) for n in range(len(parts))]
    heap = SnapshotBuilder()
    heap.node("synthetic", "")
    for text in texts:
        heap.node("string", text, size=16)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.heapsnapshot"
        path.write_bytes(heap.to_bytes())
        with nodemem.open_snapshot(path) as snapshot:
            assert [snapshot.name(n + 1) for n in range(len(texts))] == texts
