"""Many visits leave no more behind than one, and cost no request."""

from __future__ import annotations

import importlib
import statistics
import sys
from pathlib import Path
from typing import Any

import pytest

import nodemem

# The measurement is that of the benchmark; here are the bounds that it has to keep.
sys.path.insert(0, str(Path(__file__).parents[2] / "bench" / "attach"))
twins = importlib.import_module("twins")

RSS = 40 << 10  # bytes a visit beyond a twin; an inspector that opens takes some 13 KiB itself
HEAP = 4 << 10
COMBINATIONS = [(esm, traffic) for esm in (False, True) for traffic in (True, False)]


def visit(twin: Any) -> tuple[float, float]:
    """Attached, something is logged: an inspector would keep it."""
    with nodemem.attach(twin.pid) as visited:
        twin.get("/log")
        visited.memory_usage()
    assert visited.warnings == []
    return 0.0, 0.0


def stay_away(twin: Any) -> tuple[float, float]:
    twin.get("/log")
    return 0.0, 0.0


def check(
    node: Path, folder: Path, *, cycles: int, esm: bool, traffic: bool, warm_up: int = 10
) -> dict[str, float]:
    """What must be so exactly; returns the bytes a visit beyond the twin, which scatter."""
    visited, alone = twins.compare(
        node, folder, [visit, stay_away], cycles=cycles, esm=esm, traffic=traffic, warm_up=warm_up
    )
    for key in ("rss", "heapUsed", "external", "files", "threads", "handles", "globals"):
        print(f"{key} a visit: {visited.each(key):.1f}, left alone: {alone.each(key):.1f}")
    print(f"answered: {visited.answered}, left alone: {alone.answered}")
    assert visited.left_open == 0
    assert visited.after["logged"] == 0
    for key in ("files", "threads", "handles", "globals"):
        assert visited.grown(key) <= max(0.0, alone.grown(key)), key
    assert visited.lost == []
    if traffic:
        assert visited.answered > cycles
    return {key: visited.each(key) - alone.each(key) for key in ("rss", "heapUsed")}


def test_many_visits_under_traffic(node: Path, tmp_path: Path) -> None:
    check(node, tmp_path, cycles=10, esm=True, traffic=True, warm_up=2)


@pytest.mark.all_nodes
def test_two_hundred_visits(node: Path, tmp_path: Path) -> None:
    """Fifty in each combination; RSS moves by megabytes on its own, hence the mean of the four."""
    beyond = [
        check(node, tmp_path, cycles=50, esm=esm, traffic=traffic) for esm, traffic in COMBINATIONS
    ]
    for key, bound in (("rss", RSS), ("heapUsed", HEAP)):
        mean = statistics.mean(one[key] for one in beyond)
        print(f"{key} beyond the twin: {mean:.0f} a visit")
        assert mean <= bound, key
