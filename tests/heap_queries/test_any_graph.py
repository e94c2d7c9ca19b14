"""Questions about graphs that no V8 would write: they end, and what they say fits the definitions.

The definitions are those of tests/kernels/test_definitions.py, worked out here by brute force.
"""

from __future__ import annotations

from collections import deque

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodemem.errors import NodememError
from nodemem.heap import open_snapshot
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.referrers import referrers
from nodemem.heap.queries import QUERIES
from nodemem.heap.reachability import Reachability
from nodemem.testing import SnapshotBuilder

KINDS = [
    ("object", "Object"), ("object", "Map"), ("object", "Set"), ("object", "Array"),
    ("object", "system / Context"), ("hidden", "system / ContextCell"), ("object", "Timeout"),
    ("object", "Listener"), ("closure", "f"), ("array", ""), ("array", "(object properties)"),
    ("object", "Promise"), ("hidden", "system / PromiseReaction"), ("string", "text"),
    ("native", "Detached Node"), ("native", "system / JSArrayBufferData"), ("object", "TimersList"),
    ("concatenated string", "(concatenated string)"), ("sliced string", "(sliced string)"),
    ("hidden", "system / NativeContext"), ("object", "ArrayBuffer"), ("synthetic", "(GC roots)"),
    ("object shape", "system / Map"), ("code", "system / ScopeInfo"),
]  # fmt: skip
NAMES = [
    ("context", "x"), ("property", "_events"), ("property", "tick"), ("element", 6),
    ("internal", "table"), ("internal", "10"), ("internal", "context"), ("internal", "previous"),
    ("internal", "scope_info"), ("hidden", 1), ("weak", "w"), ("internal", "map"),
    ("internal", "first"), ("internal", "second"), ("internal", "parent"), ("shortcut", "s"),
    ("internal", "reactions_or_result"), ("internal", "parameters_and_registers"),
    ("internal", "function"), ("internal", "extension"), ("internal", "back_pointer"),
    ("internal", "constructor"), ("internal", "buffer"), ("internal", "backing_store"),
    ("property", "<symbol kEvents>"), ("property", "next"), ("property", "_idleNext"),
    ("property", "_onTimeout"), ("context", "timerListMap"), ("internal", "properties"),
    ("internal", "elements"), ("internal", "shared"), ("property", "callback"),
]  # fmt: skip


@st.composite
def heaps(draw: st.DrawFn) -> SnapshotBuilder:
    heap = SnapshotBuilder()
    heap.node("synthetic", "")
    count = draw(st.integers(1, 16))
    heap.node("object", "global", size=8)
    for _ in range(count):
        kind, name = draw(st.sampled_from(KINDS))
        size = draw(st.sampled_from([0, 8, 24, 40, 88, 152, 200, 8192]))
        heap.node(kind, name, size=size)
    heap.edge(0, "shortcut", "global", 1)
    anyone = st.integers(0, count + 1)
    for _ in range(draw(st.integers(0, 50))):
        kind, name = draw(st.sampled_from(NAMES))
        heap.edge(draw(anyone), kind, name, draw(anyone))
    return heap


def opened(heap, folder, name="a"):
    file = folder / f"{name}.heapsnapshot"
    file.write_bytes(heap.to_bytes())
    return open_snapshot(file)


def brute_force_lost(snapshot, gone, cut):
    """What cannot be reached any more without nodes and edges, by the rules of dominators."""
    n = snapshot.node_count
    every = [(index, edge) for o in range(n) for index, edge in numbered(snapshot, o)]
    strong = [(i, e.source, e.target) for i, e in every if e.type != "weak"]
    page = reach(strong, {e.target for _, e in every if e.source == 0 and e.type == "shortcut"})
    essential = [
        (i, e.source, e.target)
        for i, e in every
        if e.type != "weak"
        and e.source != e.target
        and (e.type != "shortcut" or e.source == 0)
        and (e.source == 0 or e.target not in page or e.source in page)
    ]
    before = reach(essential, {0})
    outside = [edge for edge in essential if edge[1] not in before]
    heads = set(range(n)) - before - {target for _, _, target in outside}
    circles = set(range(n)) - reach(essential, {0} | heads)
    left = [(i, s, t) for i, s, t in essential
            if i not in cut and s not in gone and t not in gone and s not in circles]  # fmt: skip
    return set(range(n)) - reach(left, ({0} | heads) - gone) - (circles - gone)


def numbered(snapshot, ordinal):
    first = snapshot.columns.first_edge[ordinal]
    return [(first + i, edge) for i, edge in enumerate(snapshot.edges(ordinal))]


def reach(edges, starts):
    out = {}
    for _, source, target in edges:
        out.setdefault(source, []).append(target)
    seen, waiting = set(starts), deque(starts)
    while waiting:
        for target in out.get(waiting.popleft(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


@given(heaps(), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_lost_is_what_cannot_be_reached(tmp_path, heap, data):
    snapshot = opened(heap, tmp_path)
    search = Reachability(snapshot)
    for ordinal in range(1, snapshot.node_count):
        lost = search.lost([ordinal]).tolist()
        size = sum(snapshot.shallow_size(node) for node in lost)
        assert size == snapshot.retained_size(ordinal)
        assert set(lost) == brute_force_lost(snapshot, {ordinal}, set())
    nodes = st.sets(st.integers(1, snapshot.node_count - 1), max_size=3)
    edges = st.sets(st.integers(0, max(0, snapshot.edge_count - 1)), max_size=4)
    gone, cut = data.draw(nodes), data.draw(edges)
    assert set(search.lost(gone, cut).tolist()) == brute_force_lost(snapshot, gone, cut)
    hard = set(search.lost(gone, cut, page_rule=False).tolist())
    assert hard <= set(search.lost(gone, cut).tolist())


@given(heaps())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_who_refers_to_a_node_does(tmp_path, heap):
    snapshot = opened(heap, tmp_path)
    names = Names(snapshot)
    for ordinal in range(snapshot.node_count):
        found = referrers(names, ordinal)
        edges = list(snapshot.retainers(ordinal))
        assert found.total == len(edges)
        weak = {(e.source, e.name) for e in edges if e.type == "weak"}
        assert {(s.source, s.name) for s in found.steps if s.kind == "weak"} == weak
        above = reach([(0, e.target, e.source) for o in range(snapshot.node_count)
                       for e in snapshot.edges(o)], {ordinal})  # fmt: skip
        assert {step.source for step in found.steps} <= above
        shown = {
            e.source
            for e in edges
            if e.type in ("property", "context", "element")
            and names.visible(e.source)
            and e.source != ordinal
        }
        assert shown <= {step.source for step in found.steps}  # fmt: skip


@given(heaps())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
def test_rows_of_the_dominator_tree_are_dominated(tmp_path, heap):
    snapshot = opened(heap, tmp_path)
    for start in range(snapshot.node_count):
        options = {"id": snapshot.node_id(start), "depth": 99, "top": 1000, "share": 0.0}
        rows, retained = snapshot.query("dominators", **options).rows(), snapshot.retained_size
        assert (rows[0]["id"], rows[0]["retained"]) == (options["id"], retained(start))
        below = set(range(snapshot.node_count))
        if start:
            below = brute_force_lost(snapshot, {start}, set())
        assert sum(row["count"] for row in rows) <= len(below)
        assert {row["id"] for row in rows} - {None} <= {snapshot.node_id(node) for node in below}
        sums: dict[int, int] = {}
        for row in reversed(rows):
            sums[row["depth"]] = sums.get(row["depth"], 0) + row["retained"]
            assert sums.pop(row["depth"] + 1, 0) <= row["retained"]


@given(heaps())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
def test_ways_end_at_the_object_and_avoid_it_before(tmp_path, heap):
    snapshot = opened(heap, tmp_path)
    edges = [edge for o in range(snapshot.node_count) for edge in snapshot.edges(o)]
    holding = [
        (0, edge.source, edge.target)
        for edge in edges
        if edge.type != "weak" and (edge.type != "shortcut" or edge.source == 0)
    ]
    held = reach(holding, {0})
    for ordinal in range(2, snapshot.node_count):
        node_id = snapshot.node_id(ordinal)
        try:
            table = snapshot.query("path", id=node_id, all=True, top=1000)
        except NodememError:
            assert ordinal not in held
            continue
        rows = table.rows()
        ends = [row for i, row in enumerate(rows)
                if i + 1 == len(rows) or rows[i + 1]["depth"] <= row["depth"]]  # fmt: skip
        assert {row["id"] for row in ends} == {node_id}
        assert sum(row["id"] == node_id for row in rows) == len(ends)
        assert sum(row["count"] for row in ends) == rows[0]["count"] == table.summary["ways"]


@given(heaps(), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_several_keep_together_is_counted_once(tmp_path, heap, data):
    snapshot = opened(heap, tmp_path)
    nodes = data.draw(st.lists(st.integers(1, snapshot.node_count - 1), max_size=5))
    each = [brute_force_lost(snapshot, {node}, set()) for node in nodes]
    size = sum(snapshot.shallow_size(node) for node in set().union(*each))
    assert snapshot.graph.retained_together(nodes) == size


@given(heaps(), heaps(), st.randoms(use_true_random=False))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
def test_every_question_has_a_sound_answer(tmp_path, ask, heap, other, rng):
    """What sound is, `ask` in tests/conftest.py says."""
    snapshots = [opened(heap, tmp_path, "a"), opened(other, tmp_path, "b")]
    answered = [ask(query, snapshots[: query.files[0]], rng) is not None for query in QUERIES]
    assert sum(answered) > len(answered) // 2
