"""Questions of meaning asked of graphs that no V8 would write: they end, and paths are paths."""

from __future__ import annotations

from collections import deque

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodemem.errors import NodememError
from nodemem.heap import open_snapshot
from nodemem.heap.findings.growth import growth
from nodemem.heap.findings.suspects import find_suspects
from nodemem.heap.naming.chains import shortest_chain
from nodemem.heap.naming.holders import describe, path_steps
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.path import path_text, retaining_path
from nodemem.testing import SnapshotBuilder

KINDS = [
    ("object", "Object"), ("object", "Map"), ("object", "Set"), ("object", "Array"),
    ("object", "system / Context"), ("hidden", "system / ContextCell"), ("object", "TimersList"),
    ("object", "Listener"), ("closure", "f"), ("closure", "native_bind"), ("array", ""),
    ("object", "Mine"), ("native", "system / JSArrayBufferData"), ("string", "text"),
    ("code", "file:///a%20b.js"), ("concatenated string", "(concatenated string)"),
    ("hidden", "system / SourceTextModule"), ("hidden", "system / Cell"), ("object", "Module"),
    ("object", "ModuleWrap"), ("hidden", "system / JSProxy"), ("object", "AsyncContextFrame"),
    ("object", "AsyncLocalStorage"), ("object", "Generator"), ("hidden", "system / WeakCell"),
    ("object", "MapIterator"), ("object", "Promise"), ("hidden", "system / PromiseReaction"),
]  # fmt: skip
NAMES = [
    ("context", "x"), ("property", "_events"), ("property", "tick"), ("property", "__proto__"),
    ("element", 60000), ("internal", "table"), ("internal", "10"), ("internal", "context"),
    ("internal", "previous"), ("context", "timerListMap"), ("property", "<symbol kEvents>"),
    ("hidden", 0), ("weak", "w"), ("internal", "shared"), ("internal", "script"),
    ("property", "_onTimeout"), ("internal", "bound_this"), ("property", "next"),
    ("internal", "value"), ("property", "exports"), ("property", "filename"), ("property", "url"),
    ("internal", "parameters_and_registers"), ("internal", "function"), ("internal", "bindings"),
    ("internal", "reactions_or_result"), ("property", "<symbol kResourceStore>"), ("hidden", 2),
    ("property", "_timerArgs"), ("internal", "extension"), ("internal", "\xb2"),
    ("internal", "9" * 5000), ("property", "get x"), ("property", "x"), ("internal", "11"),
    ("shortcut", "bound_argument_0"), ("property", "kResourceStore"), ("property", "listener"),
]  # fmt: skip


@st.composite
def graphs(draw):
    heap = SnapshotBuilder()
    root = heap.node("synthetic", "")
    start = heap.node("object", "global", size=8)
    heap.edge(root, "shortcut", "global", start)
    count = draw(st.integers(1, 25))
    for _ in range(count):
        kind, name = draw(st.sampled_from(KINDS))
        where = draw(st.none() | st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 9)))
        location = where if kind in ("object", "closure") else None
        heap.node(kind, name, size=draw(st.integers(0, 400)), location=location)
    anyone = st.integers(1, count + 1)
    for _ in range(draw(st.integers(0, 60))):
        kind, name = draw(st.sampled_from(NAMES))
        heap.edge(draw(anyone), kind, name, draw(anyone))
    return heap.to_bytes()


@given(graphs(), graphs())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_graph_is_answered(tmp_path, first, second):
    snapshots = []
    for name, data in (("a", first), ("b", second)):
        file = tmp_path / f"{name}.heapsnapshot"
        file.write_bytes(data)
        snapshots.append(open_snapshot(file))
    before, after = snapshots
    for suspect in find_suspects(after, least_share=0.0, least_bytes=1):
        assert 0 < suspect.retained <= after.retained_size(0)
        assert 0 <= suspect.even <= 1
    found = growth(before, after)
    explained = found.new_bytes - found.gone_bytes + found.survivor_bytes
    assert found.total_after - found.total_before == explained
    names = Names(after)
    hops = _hops(after)
    for ordinal in range(after.node_count):
        describe(names, ordinal)
        path_text(names, path_steps(names, ordinal))
        chain = shortest_chain(names, ordinal)
        at = 1
        for edge in chain:
            assert edge.source == at or edge.source == 0
            at = edge.target
        if ordinal in hops:
            assert at == ordinal
            assert len(chain) == hops[ordinal]
        try:
            assert retaining_path(after, ordinal, names).rows()[-1]["id"] == after.node_id(ordinal)
        except NodememError:
            assert ordinal not in hops


def _hops(snapshot) -> dict[int, int]:
    """Least number of references that keep a node, from the global object."""
    found, waiting = {1: 0}, deque([1])
    while waiting:
        at = waiting.popleft()
        for edge in snapshot.edges(at):
            if edge.type != "weak" and edge.target not in found:
                found[edge.target] = found[at] + 1
                waiting.append(edge.target)
    return found
