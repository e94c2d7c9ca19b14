"""What would help, told from where the memory is; and what looks alarming but is not.

Each threshold says why it is there. A process that is well gives no finding. Figures that the texts
call measured are those of bench/memory_map/relief.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from nodemem.memory.segments import v8
from nodemem.memory.segments.types import Category, MemoryMap
from nodemem.records import Observed
from nodemem.results import Evidence, Finding

_MIB = 1 << 20

FREE_LEAST, FREE_SHARE = 64 * _MIB, 0.2
"""Servers at work that nothing ails were seen to have up to 20 MiB free in malloc, 23 % of RSS."""

TRIM_ERROR = 0.08
"""Of what is free: what malloc_trim gave back differed so much from what was told (301 of 280)."""

POOLED_LEAST, POOLED_SHARE = 32 * _MIB, 0.1
"""New space is up to 32 MiB by default, or 64 in later releases, and its pages go through the
pool; a program at work has some 5 MiB there."""

TABLES_LEAST, TABLES_SHARE = 32 * _MIB, 0.02
"""A heap of 1 GiB needs that much; small processes are above 2 % with less than one MiB."""

MAPPINGS_SHARE = 0.5
"""From here on, a heap twice as large has no room."""

STACK_LEAST = 4 * _MIB
"""V8 lets JavaScript use 984 KiB of a stack unless told otherwise."""

SWAP_LEAST, SWAP_SHARE = 16 * _MIB, 0.05
"""Start-up code that is never used again is swapped out without harm."""

KEEPS_LEAST, KEEPS_SHARE = 256 * _MIB, 0.5
"""What another allocator keeps free cannot be seen; below this it is not worth the doubt."""

ABSEIL_LEAST = 8 * _MIB
"""Every process of Node.js 24 and later has 1 MiB."""

PRIVATE_LEAST = 32 * _MIB
"""The loader writes to 2 MiB of the pages of Node.js itself."""

LAZY_LEAST = 32 * _MIB
BUFFERS_LEAST, BUFFERS_SHARE = 64 * _MIB, 0.5
NATIVE_LEAST, NATIVE_SHARE = 64 * _MIB, 0.3
GUARD_LEAST = 4 << 30

_BACKGROUND = "jemalloc_bg_thd"


def add(found: MemoryMap, seen: Observed) -> MemoryMap:
    """`found` with what can be said of it; `seen` is what it was made from."""
    case = _Case(found, seen)
    return replace(found, findings=tuple(_findings(case)), remarks=tuple(_remarks(case)))


class _Case:
    """One map, with its sums."""

    def __init__(self, found: MemoryMap, seen: Observed) -> None:
        self.found = found
        self.seen = seen
        self.rss = found.rss
        self.outside = found.outside
        # What a core file is of has ended: there is nothing to run against it.
        self.live = seen.rss is not None

    @cached_property
    def sizes(self) -> dict[str, int]:
        """RSS by category."""
        sums: dict[str, int] = defaultdict(int)
        for one in self.found.categories:
            sums[one.category] += one.rss
        return sums

    @property
    def v8(self) -> int:
        """What V8's heaps have in memory, their pool included."""
        own = (one for one in self.found.categories if one.category.startswith("v8_"))
        return sum(one.rss for one in own if one.segment == "heap")

    @property
    def mappings(self) -> int:
        return len(self.seen.mappings or [])

    def is_large(self, size: int, least: int, share: float) -> bool:
        return size >= least and size >= share * self.rss

    def next(self, command: str) -> str | None:
        return f"nodemem {command.format(pid=self.seen.pid)}" if self.live else None


def _findings(case: _Case) -> Iterator[Finding]:
    for rule in (
        _malloc_free, _keeps, _pooled, _stacks, _private, _abseil, _tables, _mappings, _swap,
    ):  # fmt: skip
        yield from rule(case)


def _remarks(case: _Case) -> Iterator[Finding]:
    for rule in (_buffers, _native, _lazy, _large_pages, _guards):
        yield from rule(case)


def _malloc_free(case: _Case) -> Iterator[Finding]:
    size = case.sizes["malloc_free"]
    if case.is_large(size, FREE_LEAST, FREE_SHARE):
        yield Finding(
            id="map.malloc_free",
            params={"size": size, "share": size / case.rss},
            evidence=(
                Evidence("malloc_free", size, "bytes", "map"),
                Evidence("malloc_in_use", _in_malloc(case) - size, "bytes", "map"),
            ),
            saving_bytes=size,
            saving_error=round(TRIM_ERROR * size),
            confidence=0.9,
            next=case.next("map {pid} --for 60s"),
        )


def _in_malloc(case: _Case) -> int:
    return sum(case.sizes[name] for name in ("malloc_free", "malloc_in_use", "array_buffers"))


def _keeps(case: _Case) -> Iterator[Finding]:
    """An allocator other than the C library's, which gives back nothing while the program idles."""
    threads = {one.name for one in case.seen.threads}
    for name, size in list(case.sizes.items()):
        if not name.startswith("native_allocator_") or _BACKGROUND in threads:
            continue
        if case.is_large(size, KEEPS_LEAST, KEEPS_SHARE):
            allocator = name.removeprefix("native_allocator_")
            kind = "jemalloc" if allocator == "jemalloc" else "allocator"
            yield Finding(
                id=f"map.{kind}_keeps",
                params={"allocator": allocator, "size": size, "share": size / case.rss},
                evidence=(Evidence("native_allocator", size, "bytes", "map"),),
                confidence=0.4,  # all of it may be in use
                next=case.next("map {pid} --for 60s"),
            )


def _pooled(case: _Case) -> Iterator[Finding]:
    size = case.sizes["v8_pooled"]
    if case.is_large(size, POOLED_LEAST, POOLED_SHARE):
        yield Finding(
            id="map.v8_pooled",
            params={"size": size, "share": size / case.rss},
            evidence=(
                Evidence("v8_pooled", size, "bytes", "map"),
                Evidence("v8_whole", case.v8, "bytes", "map"),
            ),
            saving_bytes=size,
            confidence=0.9,
            next=case.next("map {pid} --for 60s"),
        )


def _stacks(case: _Case) -> Iterator[Finding]:
    stacks = [one for one in case.found.categories if one.segment == "stack"]
    for one in stacks:
        if one.rss >= STACK_LEAST:
            yield Finding(
                id="map.stack",
                params={"size": one.rss, "thread": one.isolate or "main"},
                evidence=(
                    Evidence("stack", one.rss, "bytes", "map"),
                    Evidence("thread", _thread(one)),
                ),
                saving_bytes=one.rss,
                confidence=0.8,
            )


def _thread(one: Category) -> str:
    return one.isolate or "main"


def _private(case: _Case) -> Iterator[Finding]:
    """Pages of files that the process has written to: its own copies."""
    copies: dict[str, int] = defaultdict(int)
    for one in case.seen.mappings or []:
        if one.inode and one.file.startswith("/") and one.access[3:] == "p":
            copies[one.file] += one.anonymous
    file, size = max(copies.items(), key=lambda pair: pair[1], default=("", 0))
    if size >= PRIVATE_LEAST:
        yield Finding(
            id="map.private_copies",
            params={"size": size, "file": file},
            evidence=(Evidence("private_copies", size, "bytes", "smaps"), Evidence("file", file)),
            confidence=0.7,
        )


def _abseil(case: _Case) -> Iterator[Finding]:
    size = case.sizes["abseil_arena"]
    if size >= ABSEIL_LEAST:
        yield Finding(
            id="map.abseil",
            params={"size": size},
            evidence=(Evidence("abseil_arena", size, "bytes", "map"),),
            confidence=0.6,
        )


def _tables(case: _Case) -> Iterator[Finding]:
    size = case.outside.page_tables
    if size is not None and case.is_large(size, TABLES_LEAST, TABLES_SHARE):
        yield Finding(
            id="map.page_tables",
            params={"size": size, "share": size / case.rss},
            evidence=(
                Evidence("page_tables", size, "bytes", "status"),
                Evidence("mappings", case.mappings or None, "count", "smaps"),
                Evidence("v8_whole", case.v8, "bytes", "map"),
            ),
            confidence=0.9,
        )


def _mappings(case: _Case) -> Iterator[Finding]:
    count, most = case.mappings, case.seen.mappings_limit
    if most and count >= MAPPINGS_SHARE * most:
        yield Finding(
            id="map.mappings",
            params={
                "count": count,
                "limit": most,
                "heap": case.v8,
                "most": case.v8 * most // count,
            },
            evidence=(
                Evidence("mappings", count, "count", "smaps"),
                Evidence("mappings_limit", most, "count", "vm.max_map_count"),
            ),
            confidence=0.9,
            next="sysctl vm.max_map_count",
        )


def _swap(case: _Case) -> Iterator[Finding]:
    size = case.outside.swap
    if size is not None and case.is_large(size, SWAP_LEAST, SWAP_SHARE):
        yield Finding(
            id="map.swap",
            params={"size": size},
            evidence=(Evidence("swap", size, "bytes", "status"),),
            confidence=0.9,
            next=case.next("{pid}"),
        )


def _buffers(case: _Case) -> Iterator[Finding]:
    names = ("array_buffers", "shared_array_buffers")
    size = sum(case.sizes[name] for name in names)
    if case.is_large(size, BUFFERS_LEAST, BUFFERS_SHARE):
        yield Finding(
            id="map.array_buffers",
            params={"size": size, "share": size / case.rss},
            evidence=(
                Evidence("array_buffers", size, "bytes", "map"),
                Evidence("v8_whole", case.v8, "bytes", "map"),
            ),
            confidence=1.0,
            next=case.next("snapshot {pid} -o {pid}.heapsnapshot"),
        )


def _native(case: _Case) -> Iterator[Finding]:
    """What C++ has taken from malloc: nothing in a heap's figures hints at it."""
    size = case.sizes["malloc_in_use"]
    if case.is_large(size, NATIVE_LEAST, NATIVE_SHARE):
        yield Finding(
            id="map.malloc_in_use",
            params={"size": size, "share": size / case.rss},
            evidence=(
                Evidence("malloc_in_use", size, "bytes", "map"),
                Evidence("v8_whole", case.v8, "bytes", "map"),
            ),
            confidence=1.0,
            next=case.next("usage {pid}"),
        )


def _lazy(case: _Case) -> Iterator[Finding]:
    size = sum(one.lazy_free for one in case.seen.mappings or [])
    if size >= LAZY_LEAST:
        yield Finding(
            id="map.lazy_free",
            params={"size": size},
            evidence=(Evidence("lazy_free", size, "bytes", "smaps"),),
            confidence=1.0,
        )


def _large_pages(case: _Case) -> Iterator[Finding]:
    """`--use-largepages`: machine code that was copied into memory of no file."""
    code = [one for one in case.seen.mappings or [] if "x" in one.access and one.huge]
    size = sum(one.anonymous for one in code if "dc" not in (one.flags or ()))
    if size:
        yield Finding(
            id="map.large_pages",
            params={"size": size},
            evidence=(Evidence("large_pages", size, "bytes", "smaps"),),
            confidence=0.9,
        )


def _guards(case: _Case) -> Iterator[Finding]:
    """Addresses that V8 keeps free behind each WebAssembly memory."""
    spans = v8.wasm_reservations(case.seen.mappings or [])
    if sum(spans) >= GUARD_LEAST:
        yield Finding(
            id="map.wasm_guard",
            params={
                "size": max(0, sum(spans) - case.sizes["wasm_memory"]),
                "count": len(spans),
                "used": case.sizes["wasm_memory"],
            },
            evidence=(
                Evidence("reserved", sum(spans), "bytes", "smaps"),
                Evidence("wasm_memory", case.sizes["wasm_memory"], "bytes", "map"),
            ),
            confidence=1.0,
        )
