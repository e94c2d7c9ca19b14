"""What is said of a map: what would help where something is wrong, nothing where all is well."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.memory.segments import findings
from nodemem.memory.segments.types import Category, MemoryMap, Outside
from nodemem.records import MappedMemory, Observed, ThreadName
from nodemem.render.texts import load_texts
from nodemem.render.told import tell
from nodemem.results import Finding
from nodemem.testing import NodeProgram

Start = Callable[..., NodeProgram]
PROGRAMS = Path(__file__).parents[1] / "programs"
MIB = 1 << 20
JEMALLOC = Path("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2")


def said(
    *sizes: tuple[str, int],
    stack: tuple[tuple[str | None, int], ...] = (),
    mappings: list[MappedMemory] | None = None,
    outside: Outside | None = None,
    **seen: Any,
) -> MemoryMap:
    categories = [Category("heap", name, None, size, None, None, "exact") for name, size in sizes]
    categories += [
        Category("stack", "thread_stacks", name, size, None, None, "exact") for name, size in stack
    ]
    rss = sum(one.rss for one in categories)
    found = MemoryMap(rss, categories, outside or Outside())
    return findings.add(found, Observed(7, 4096, mappings or [], **{"rss": rss, **seen}))


def ids(found: tuple[Finding, ...]) -> list[str]:
    return [one.id.removeprefix("map.") for one in found]


def file(size: int, *, access: str = "rw-p", name: str = "/lib/addon.node") -> MappedMemory:
    return MappedMemory(0, size, access, name, inode=1, rss=size, anonymous=size)


WASM = frozenset(("dc",))
GUARDED = [
    MappedMemory(1 << 40, (1 << 40) + 65536, "rw-p", flags=WASM, rss=65536),
    MappedMemory((1 << 40) + 65536, (1 << 40) + (8 << 30), "---p", flags=WASM),
]

CASES: dict[str, tuple[MemoryMap, MemoryMap]] = {
    # Beside each that must be told, one that is just below.
    "malloc_free": (
        said(("malloc_free", 64 * MIB), ("v8_old_space", 256 * MIB)),
        said(("malloc_free", 64 * MIB), ("v8_old_space", 257 * MIB)),
    ),
    "v8_pooled": (
        said(("v8_pooled", 32 * MIB), ("v8_old_space", 100 * MIB)),
        said(("v8_pooled", 31 * MIB), ("v8_old_space", 1 * MIB)),
    ),
    "jemalloc_keeps": (
        said(("native_allocator_jemalloc", 256 * MIB)),
        said(
            ("native_allocator_jemalloc", 256 * MIB),
            threads=[ThreadName(8, 8, "jemalloc_bg_thd")],
        ),
    ),
    "allocator_keeps": (
        said(("native_allocator_mimalloc", 256 * MIB)),
        said(("native_allocator_mimalloc", 255 * MIB)),
    ),
    "stack": (said(stack=(("x", 4 * MIB),)), said(stack=(("x", 2 * MIB), ("y", 2 * MIB)))),
    "private_copies": (
        said(mappings=[file(32 * MIB)]),
        said(mappings=[file(31 * MIB), file(90 * MIB, access="rw-s"), file(5, name="/b")]),
    ),
    "abseil": (said(("abseil_arena", 8 * MIB)), said(("abseil_arena", 1 * MIB))),
    "page_tables": (
        said(("v8_old_space", 1600 * MIB), outside=Outside(page_tables=32 * MIB)),
        said(("v8_old_space", 10 * MIB), outside=Outside(page_tables=1 * MIB)),
    ),
    "mappings": (
        said(("v8_old_space", 9), mappings=[file(1)] * 500, mappings_limit=1000),
        said(("v8_old_space", 9), mappings=[file(1)] * 499, mappings_limit=1000),
    ),
    # No machine with swap was at hand.
    "swap": (
        said(("v8_old_space", 320 * MIB), outside=Outside(swap=16 * MIB)),
        said(("v8_old_space", 321 * MIB), outside=Outside(swap=16 * MIB)),
    ),
    "array_buffers": (
        said(("array_buffers", 64 * MIB), ("v8_old_space", 64 * MIB)),
        said(("array_buffers", 64 * MIB), ("v8_old_space", 65 * MIB)),
    ),
    "malloc_in_use": (
        said(("malloc_in_use", 96 * MIB), ("v8_old_space", 224 * MIB)),
        said(("malloc_in_use", 96 * MIB), ("v8_old_space", 225 * MIB)),
    ),
    "lazy_free": (
        said(mappings=[MappedMemory(0, 9, "rw-p", lazy_free=32 * MIB)]),
        said(mappings=[MappedMemory(0, 9, "rw-p", lazy_free=31 * MIB)]),
    ),
    "large_pages": (
        said(mappings=[MappedMemory(0, 9, "r-xp", anonymous=MIB, huge=MIB)]),
        said(mappings=[MappedMemory(0, 9, "rwxp", anonymous=MIB, huge=MIB, flags=WASM)]),
    ),
    "wasm_guard": (said(mappings=GUARDED), said(mappings=GUARDED[:1])),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_is_told_from_its_threshold_on(name: str) -> None:
    wrong, well = CASES[name]
    assert ids(wrong.findings + wrong.remarks) == [name]
    assert ids(well.findings + well.remarks) == []
    for lang in ("en", "ko"):
        told = tell((wrong.findings + wrong.remarks)[0], load_texts(lang))
        assert told.title
        assert told.why
        assert told.fix


def test_nothing_is_proposed_to_run_against_what_has_ended() -> None:
    sizes = ("malloc_free", 64 * MIB), ("v8_pooled", 64 * MIB)
    assert all(one.next for one in said(*sizes).findings)
    assert not any(one.next for one in said(*sizes, rss=None).findings)


def run(node: Path, start: Start, name: str, **more: Any) -> MemoryMap:
    program = start(node, PROGRAMS / f"{name}.cjs", flags=["--expose-gc"], **more)
    program.wait_for("ready")
    return nodemem.memory_map(program.pid)


@pytest.mark.parametrize("name", ["server", "files", "workers", "objects"])
def test_programs_that_are_well_give_none(any_node: Path, start: Start, name: str) -> None:
    found = run(any_node, start, name)
    assert ids(found.findings) == []
    assert set(ids(found.remarks)) <= {"wasm_guard"}


def test_memory_that_is_free_in_malloc(any_node: Path, start: Start) -> None:
    found = run(any_node, start, "fragments")
    (one,) = found.findings
    assert one.id == "map.malloc_free"
    # 98 % of 6,000 Buffers of 20 kB were given up.
    assert one.saving_bytes is not None
    assert one.saving_error is not None
    assert abs(one.saving_bytes - 117.6e6) < one.saving_error + 6e6


def test_pages_that_v8_keeps(any_node: Path, start: Start) -> None:
    found = run(any_node, start, "burst")
    pooled = sum(one.rss for one in found.categories if one.category == "v8_pooled")
    # Node.js 20 gives such pages back; the others keep more or fewer of them.
    assert ("v8_pooled" in ids(found.findings)) == (
        pooled >= findings.POOLED_LEAST and pooled >= findings.POOLED_SHARE * found.rss
    )
    assert (pooled > 0) or ids(found.findings) == []


def test_long_strings_are_in_use_in_malloc(any_node: Path, start: Start) -> None:
    one = "Buffer.alloc(5e6, 97).toString('latin1')"
    text = f"globalThis.kept = Array.from({{ length: 30 }}, () => {one})"
    program = start(any_node, f"{text}; console.log('ready'); process.stdin.resume()")
    (remark,) = nodemem.memory_map(program.pid).remarks
    assert remark.id == "map.malloc_in_use"
    assert abs(remark.params["size"] - 150e6) < 0.1 * 150e6
    assert remark.next == f"nodemem usage {program.pid}"


def test_a_stack_that_was_deep_once(any_node: Path, start: Start) -> None:
    found = run(any_node, start, "deep")
    (one,) = found.findings
    assert (one.id, one.params["thread"]) == ("map.stack", "worker 1")


def test_webassembly_costs_no_memory_for_its_addresses(any_node: Path, start: Start) -> None:
    found = run(any_node, start, "wasm")
    (one,) = found.remarks
    assert one.id == "map.wasm_guard"
    assert one.params["size"] + one.params["used"] >= 8 << 30
    assert abs(one.params["used"] - 320 * 65536) < 1 << 20


@pytest.mark.skipif(not JEMALLOC.exists(), reason="jemalloc is not installed (libjemalloc2)")
def test_another_allocator_that_gives_nothing_back(
    any_node: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "LD_PRELOAD", str(JEMALLOC))
    text = "globalThis.kept = Array.from({ length: 300 }, () => Buffer.alloc(1e6, 1))"
    program = start(any_node, f"{text}; console.log('ready'); process.stdin.resume()")
    program.wait_for("ready")
    found = nodemem.memory_map(program.pid)
    assert "jemalloc_keeps" in ids(found.findings)
