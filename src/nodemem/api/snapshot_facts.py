"""Figures of one heap snapshot that make a concept concrete."""

from __future__ import annotations

from typing import Any

from nodemem.heap import HeapSnapshot, open_snapshot


def snapshot_facts(path: str, topic: str) -> dict[str, Any]:
    """What the page on `topic` says of a snapshot (see `nodemem.render.topics`): counts and bytes.

    Raises:
        InputError: the file cannot be read, or is no heap snapshot.
    """
    snapshot = open_snapshot(path)
    facts = {"file": path, "nodes": snapshot.node_count, "edges": snapshot.edge_count}
    facts["total"] = snapshot.statistics()["total"]
    return facts | _FACTS[topic](snapshot)


def _graph(snapshot: HeapSnapshot) -> dict[str, Any]:
    return {}


def _sizes(snapshot: HeapSnapshot) -> dict[str, Any]:
    figures = snapshot.statistics()
    return {
        "string_bytes": figures["strings"],
        "array_bytes": figures["js_arrays"],
        "code_bytes": figures["code"],
        "native_bytes": figures["native_total"],
    }


def _dominators(snapshot: HeapSnapshot) -> dict[str, Any]:
    roots = snapshot.graph.user_roots
    below = [node for root in roots for node in snapshot.dominated(root)]
    largest = max(below, key=snapshot.retained_size, default=None)
    if largest is None:
        return {"largest": None, "largest_retained": None, "largest_share": None}
    row = snapshot.query("dominators", id=snapshot.node_id(largest), depth=0).rows()[0]
    return {
        "largest": row["name"],
        "largest_retained": row["retained"],
        "largest_share": row["share"],
    }


def _distances(snapshot: HeapSnapshot) -> dict[str, Any]:
    hops = snapshot.distances
    reached = hops[(hops >= 0) & (hops < 100_000_000)]
    return {
        "farthest": int(reached.max()) if len(reached) else None,
        "unreached": len(hops) - len(reached),
    }


def _closures(snapshot: HeapSnapshot) -> dict[str, Any]:
    return snapshot.query("closures", top=1).summary


def _strings(snapshot: HeapSnapshot) -> dict[str, Any]:
    figures = snapshot.query("strings", top=1).summary
    return {**figures, "string_bytes": figures["strings"]}


_FACTS = {
    "object-graph": _graph,
    "shallow-size": _sizes,
    "dominators": _dominators,
    "distance": _distances,
    "closures": _closures,
    "strings": _strings,
}
