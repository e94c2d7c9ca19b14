"""Limits for a container, shares of several heaps, and who ends the process."""

from __future__ import annotations

import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodemem.cli import run
from nodemem.gc.policy import Flags, heap_limits, old, release
from nodemem.memory.segments.types import Category, MemoryMap
from nodemem.sizing.doubts import doubts
from nodemem.sizing.ending import ending
from nodemem.sizing.outside import ESTIMATE, Outside, outside_of
from nodemem.sizing.recommend import SEMI_MOST, recommend
from nodemem.sizing.share import Heap, split

MIB, GIB = 1 << 20, 1 << 30
budgets = st.integers(1, 64 * GIB)
NODES = [release(node) for node in ("12", "18", "20", "22", "24", "26")]


@given(st.sampled_from(NODES), budgets, st.integers(1, 8))
def test_what_is_recommended_fits_and_is_what_the_flags_give(
    node: object, budget: int, isolates: int
) -> None:
    advice = recommend(node, budget, ESTIMATE, isolates=isolates)  # type: ignore[arg-type]
    if advice.flags is None:
        assert budget < (64 + 36) * MIB * isolates * 1.2
        assert [why.rule for why in advice.reasons][-1] == "too_small"
        assert advice.node_options == advice.command_line == []
        return
    found = heap_limits(advice.node, budget, flags=advice.flags)
    assert advice.heap_size_limit == found.heap_size_limit
    assert isolates * found.heap_size_limit + advice.reserve <= budget
    assert found.max_semi_space_size <= SEMI_MOST
    assert found.min_semi_space_size == found.max_semi_space_size
    assert sorted([*advice.node_options, *advice.command_line]) == sorted(advice.flags.words())


@given(st.integers(100, 4000), st.integers(0, 3000), st.integers(0, 500))
def test_a_heap_that_is_there_does_not_thrash_where_that_can_be(
    budget: int, live: int, beside: int
) -> None:
    outside = Outside(beside * MIB, beside * MIB, measured=True)
    advice = recommend(NODES[-2], budget * MIB, outside, live=live * MIB)
    assert advice.reserve >= beside * MIB
    if advice.flags is None:
        return
    most = (advice.flags.max_old_space_size or 0) * MIB
    semi = (advice.flags.max_semi_space_size or 0) * MIB
    rules = [why.rule for why in advice.reasons]
    assert ("live.too_much" in rules) == (old.thrashes_from(most, semi) < 1.5 * live * MIB)
    if "live.too_much" in rules:
        assert semi == MIB, "a smaller semi-space would leave more"


def cost(limits: tuple[float, ...], heaps: list[Heap]) -> float:
    """Share of the time that all heaps spend on major collections, up to a factor."""
    return sum(
        (heap.allocates or 1) * heap.live / ((heap.collects or 1) * (limit - heap.live))
        for heap, limit in zip(heaps, limits, strict=True)
    )


@given(
    st.lists(
        st.builds(
            Heap,
            live=st.integers(1, 50),
            allocates=st.integers(1, 20).map(float),
            collects=st.integers(1, 20).map(float),
        ),
        min_size=2,
        max_size=3,
    )
)
def test_the_square_root_rule_costs_least_of_all_ways_to_share(heaps: list[Heap]) -> None:
    """Against all ways to share in steps of a twentieth."""
    heaps = [Heap(one.live * MIB, one.allocates, one.collects) for one in heaps]
    live = sum(heap.live for heap in heaps)
    budget = live + 200 * MIB
    limits = split(budget, heaps)
    assert budget - len(heaps) <= sum(limits) <= budget
    best = cost(tuple(limits), heaps)
    steps = range(1, 20)
    for parts in itertools.product(steps, repeat=len(heaps)):
        if sum(parts) == 20:
            other = tuple(
                heap.live + 200 * MIB * part / 20 for heap, part in zip(heaps, parts, strict=True)
            )
            assert best <= cost(other, heaps) * (1 + 1e-6)


def test_four_times_the_live_bytes_get_twice_the_room() -> None:
    small, large = split(600 * MIB, [Heap(100 * MIB), Heap(400 * MIB)])
    assert large - 400 * MIB == pytest.approx(2 * (small - 100 * MIB), rel=1e-6)
    assert split(90, [Heap(50), Heap(50)]) == [50, 50], "no room is left to share"
    assert split(90, [Heap(0), Heap(0)]) == [45, 45]
    assert split(90, []) == []
    unknown = split(600, [Heap(100, 5.0, 1.0), Heap(100)])
    assert unknown == [300, 300], "what is not known of all counts for none"
    assert math.isclose(sum(split(1000, [Heap(1), Heap(2), Heap(3)])), 1000, abs_tol=3)


def test_who_ends_it() -> None:
    beside = Outside(10 * MIB, 100 * MIB)
    assert ending(500 * MIB, None, beside).first == "v8"
    assert ending(500 * MIB, 600 * MIB, beside).first == "v8"
    assert ending(500 * MIB, 599 * MIB, beside).first == "either"
    assert ending(500 * MIB, 510 * MIB, beside).first == "either"
    assert ending(500 * MIB, 509 * MIB, beside).first == "kernel"
    assert ending(500 * MIB, 509 * MIB, beside).needs == (510 * MIB, 600 * MIB)
    alone = ending(500 * MIB, None, beside, machine=400 * MIB)
    assert (alone.first, alone.where, alone.allowed) == ("kernel", "machine", 400 * MIB)
    boxed = ending(500 * MIB, 900 * MIB, beside, machine=400 * MIB)
    assert (boxed.first, boxed.where) == ("v8", "container"), (
        "the smaller is for the caller to find"
    )


def ids(node: str, memory: int, container: int | None, **flags: int) -> list[str]:
    limits = heap_limits(node, memory, container, flags=Flags(**flags))  # type: ignore[arg-type]
    end = ending(limits.heap_size_limit, container, ESTIMATE)
    return [finding.id for finding in doubts(limits, end)]


def test_what_looks_wrong() -> None:
    assert ids("22", 8 * GIB, None) == []
    assert ids("24", 8 * GIB, None, max_old_space_size=200) == ["limits.thrash"]
    assert ids("22", 8 * GIB, None, max_old_space_size=200) == []
    assert ids("24", 16 * GIB, 512 * MIB) == ["limits.small_semi"]
    assert ids("24", 16 * GIB, 256 * MIB) == ["limits.kernel_first", "limits.small_semi"]
    assert ids("18", 16 * GIB, GIB) == ["limits.kernel_first"]
    assert ids("22", 16 * GIB, 8 * GIB, max_old_space_size=8100) == ["limits.either_first"]
    assert ids("24", 8 * GIB, None, max_old_space_size=4) == ["limits.too_small"]


def test_what_is_outside_the_heap_is_all_that_is_not_in_v8s_spaces() -> None:
    sizes = {
        ("heap", "v8_old_space"): 100,
        ("heap", "v8_large_object_space"): 50,
        ("code", "v8_code_space"): 5,
        ("heap", "array_buffers"): 40,
        ("heap", "wasm_memory"): 2,
        ("heap", "malloc_in_use"): 7,
        ("heap", "v8_tables"): 1,
        ("code", "node_text"): 20,
        ("data", "node_rodata"): 10,
        ("stack", "main_stack"): 3,
        ("other", "unattributed"): 4,
    }
    categories = [
        Category(segment, name, None, size * MIB, None, None, "exact")  # type: ignore[arg-type]
        for (segment, name), size in sizes.items()
    ]
    found = outside_of(MemoryMap(rss=sum(sizes.values()) * MIB, categories=categories))
    assert found.heap == 155 * MIB
    assert {name: size // MIB for name, size in found.parts} == {
        "buffers": 42, "native": 8, "program": 30, "stacks": 3, "other": 4
    }  # fmt: skip
    assert found.low == found.high == 87 * MIB
    shared = outside_of(MemoryMap(rss=0, categories=categories), 3)
    assert dict(shared.parts)["program"] == pytest.approx(10 * MIB, abs=2)


def test_flags_may_be_written_as_nodejs_takes_them(capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "--node",
        "24",
        "--memory",
        "2g",
        "--max_old_space_size=300",
        "--max-semi_space_size=8",
    ]
    assert run(["limits", *words, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert (
        data["heap_size_limit"] == heap_limits("24", 2 * GIB, flags=Flags(300, 8)).heap_size_limit
    )
