"""The contents of ArrayBuffers, found from outside: against what programs hold."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import nodemem
from nodemem.memory import backing_stores, buffer_lists, buffers, malloc, metadata, pages
from nodemem.memory.buffers import ArrayBuffer
from nodemem.memory.segments import whole
from nodemem.records import Mapping
from nodemem.target import mappings
from nodemem.target.address_space import LiveAddressSpace, program_file
from nodemem.testing import NodeProgram

Start = Callable[..., NodeProgram]


def find(program: NodeProgram, mapped: Sequence[Mapping] | None = None) -> list[ArrayBuffer]:
    """What is found at a moment at which no collection moves the objects."""
    symbols = metadata.load(program_file(program.pid))
    with LiveAddressSpace(program.pid) as space:
        for _ in range(50):
            now = mapped or space.mappings()
            heaps, held = pages.find(space), malloc.find(space, now)
            found = buffers.find(space, symbols, heaps, backing_stores.find(space, held, now))
            if held.consistent and not any(pages.moved(space, heap) for heap in heaps):
                return found
            time.sleep(0.1)
    raise AssertionError("it is never at rest")


SIZES = """
const made = [];
for (let i = 0; i < 200; i++) made.push(Buffer.alloc(1000000, 1));
for (let i = 0; i < 9000; i++) made.push(Buffer.allocUnsafeSlow(10000).fill(1));
for (let i = 0; i < 10000; i++) made.push(new Float64Array(125));
globalThis.kept = made;
console.log('ready'); process.stdin.resume();
"""


def test_the_bytes_of_buffers(node: Path, start: Start) -> None:
    found = find(start(node, SIZES))
    sizes = Counter(one.length for one in found)
    assert (sizes[1_000_000], sizes[10_000], sizes[1000]) == (200, 9000, 10_000)
    assert sum(one.length for one in found) == pytest.approx(300e6, rel=0.01)
    assert len({one.address for one in found}) == len(found)
    assert {(one.kind, one.mapped) for one in found} == {("plain", False)}
    assert len({one.heap for one in found}) == 1


KINDS = """
const at = (size, options) => { try { return new ArrayBuffer(size, options); } catch {} };
globalThis.kept = [
  new ArrayBuffer(11111), new ArrayBuffer(2222222), new SharedArrayBuffer(33333),
  new SharedArrayBuffer(4444444), new ArrayBuffer(5555, { maxByteLength: 77777 }),
  new SharedArrayBuffer(6666, { maxByteLength: 88888 }),
  new WebAssembly.Memory({ initial: 3 }).buffer,
  new WebAssembly.Memory({ initial: 5, maximum: 9, shared: true }).buffer,
];
console.log('ready'); process.stdin.resume();
"""


@pytest.mark.parametrize("flags", [True, False], ids=["flags", "no_flags"])
def test_what_kind_they_are(node: Path, start: Start, flags: bool) -> None:
    program = start(node, KINDS)
    found = find(program, mappings.read(program.pid) if flags else None)
    kinds = Counter((one.kind, one.mapped, one.length) for one in found if one.length > 11_000)
    expected = [
        ("plain", False, 11_111),
        ("plain", False, 2_222_222),
        ("shared", False, 33_333),
        ("shared", False, 4_444_444),
        ("wasm", True, 3 << 16),
        ("wasm", True, 5 << 16),
    ]
    if "/18/" not in str(node):  # it knows of no maxByteLength
        expected += [("resizable", True, 77_777), ("resizable", True, 88_888)]
    assert all(kinds[one] == 1 for one in expected), kinds
    assert {kind for kind in kinds if kind[0] != "plain"} == {
        kind for kind in expected if kind[0] != "plain"
    }


GARBAGE = """
const held = [];
globalThis.held = held;
for (let i = 0; i < 20000; i++) {
  const one = Buffer.allocUnsafeSlow(20000 + 16 * ((i * 7919) % 3000));
  if (i % 20 === 0) held.push(one);
}
const told = () => console.log('ready ' + held.reduce((sum, one) => sum + one.length, 0));
gc();
setTimeout(() => { gc(); setTimeout(told, 200); }, 100); // it is freed in the background
process.stdin.resume();
"""


def test_garbage_is_not_counted(node: Path, start: Start) -> None:
    program = start(node, GARBAGE, flags=["--expose-gc"])
    held = int(program.stdout_lines[-1].split()[1])
    found = find(program)
    assert sum(one.length for one in found) == pytest.approx(held, rel=0.02)
    # Objects without memory are still on the pages.
    assert len(found) < 1100


def test_each_heap_and_what_is_shared(any_node: Path, start: Start) -> None:
    program = start(
        any_node,
        "const shared = new SharedArrayBuffer(700000);"
        "globalThis.own = new ArrayBuffer(800000);"
        "globalThis.shared = shared;"
        "new (require('worker_threads').Worker)("
        "  `const { workerData, parentPort } = require('worker_threads');"
        "   globalThis.kept = [workerData, new ArrayBuffer(900000)]; parentPort.postMessage(1);"
        "   setInterval(() => {}, 1e6)`, { eval: true, workerData: shared }"
        ").on('message', () => console.log('ready'));",
    )
    heaps = {one.length: one.heap for one in find(program) if one.length >= 700_000}
    assert sorted(heaps) == [700_000, 800_000, 900_000]
    assert heaps[700_000] is None
    assert None not in (heaps[800_000], heaps[900_000])
    assert heaps[800_000] != heaps[900_000]


def test_lists_say_whose_they_are_as_objects_do(node: Path, start: Start) -> None:
    program = start(
        node,
        "const made = (n, size) => Array.from({ length: n }, (_, i) =>"
        "  new Uint8Array(size + 8 * i).fill(1));"
        "const shared = new SharedArrayBuffer(70000);"
        "globalThis.old = made(300, 20000); gc(); globalThis.young = made(50, 9000);"
        "new (require('worker_threads').Worker)("
        "  `const { workerData, parentPort } = require('worker_threads');"
        "   const made = ${made}; globalThis.kept = [workerData, made(200, 40000), made(20, 9000)];"
        "   parentPort.postMessage(1); setInterval(() => {}, 1e6)`,"
        "  { eval: true, workerData: shared }"
        ").on('message', () => console.log('ready'));"
        "globalThis.shared = shared;",
        flags=["--expose-gc"],
    )
    objects = find(program)
    with LiveAddressSpace(program.pid) as space:
        now = space.mappings()
        heaps = [heap.address for heap in pages.find(space)]
        stores = backing_stores.find(space, malloc.find(space, now), now)
        owners = buffer_lists.owners(space, heaps, stores)
    by_heap = Counter(one.heap for one in objects)
    assert by_heap[None] >= 1
    assert all(by_heap[heap] >= 220 for heap in heaps)
    for one in objects:
        assert owners[one.address] == ({one.heap} if one.heap else set(heaps)), one


def test_heaps_that_are_too_big_to_look_for_objects(
    any_node: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "_OBJECTS_UP_TO", 0)
    program = start(
        any_node,
        "const shared = new SharedArrayBuffer(4e6); new Uint8Array(shared).fill(1);"
        "globalThis.kept = [shared, Buffer.alloc(5e6, 1)];"
        "new (require('worker_threads').Worker)("
        "  `const { workerData, parentPort } = require('worker_threads');"
        "   globalThis.kept = [workerData, Buffer.alloc(6e6, 1)]; parentPort.postMessage(1);"
        "   setInterval(() => {}, 1e6)`, { eval: true, workerData: shared }"
        ").on('message', () => console.log('ready'));",
    )
    found = nodemem.memory_map(program.pid)
    sizes = {
        (one.category, one.isolate): one.rss
        for one in found.categories
        if "array_buf" in one.category
    }
    for place, least in (
        (("shared_array_buffers", None), 4e6),
        (("array_buffers", "main"), 5e6),
        (("array_buffers", "worker 1"), 6e6),
    ):
        assert least - 8192 <= sizes[place] <= least + 500_000, sizes
    assert sizes.get(("array_buffers", None), 0) == 0


def test_a_busy_program(any_node: Path, start: Start) -> None:
    program = start(
        any_node,
        "globalThis.kept = Array.from({ length: 3000 }, () => Buffer.alloc(12345, 1));"
        "gc(); gc(); const other = [];"
        "setInterval(() => { for (let i = 0; i < 20; i++) other[Math.random() * 1000 | 0] ="
        "  Buffer.allocUnsafeSlow(2 * (500 + Math.random() * 25000 | 0)) }, 1);"
        "setTimeout(() => console.log('ready'), 300);",
        flags=["--expose-gc"],
    )
    symbols = metadata.load(program_file(program.pid))
    counts = []
    with LiveAddressSpace(program.pid) as space:
        for _ in range(5):
            now = space.mappings()
            held = malloc.find(space, now)
            stores = backing_stores.find(space, held, now)
            found = buffers.find(space, symbols, pages.find(space), stores)
            counts.append(sum(one.length == 12_345 for one in found))
    assert max(counts) == 3000
    assert sorted(counts)[2] > 2900
