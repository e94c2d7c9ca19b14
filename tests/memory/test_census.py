"""Objects counted from outside: against what the program made, and against V8's own snapshot."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import nodemem
from nodemem.memory import census, classes, metadata, survey
from nodemem.memory.census import Budget, Census, HeapCensus
from nodemem.memory.metadata import Metadata
from nodemem.memory.survey import Survey
from nodemem.target import procfs
from nodemem.target.address_space import LiveAddressSpace, program_file
from nodemem.testing import NodeProgram

Holding = Callable[..., NodeProgram]
ALL_PAGES = Budget(bytes=1 << 40, seconds=1e9)


def take(program: NodeProgram, budget: Budget = ALL_PAGES) -> Census:
    with LiveAddressSpace(program.pid) as space:
        return census.take(
            space,
            metadata.load(program_file(program.pid)),
            budget,
            mappings=space.mappings(),
            threads=procfs.threads(program.pid),
            main=program.pid,
        )


def count(program: NodeProgram, budget: Budget = ALL_PAGES) -> HeapCensus:
    main = take(program, budget).main
    assert main is not None
    return main


def by_class(program: NodeProgram) -> dict[str, int]:
    with LiveAddressSpace(program.pid) as space:
        symbols = metadata.load(program_file(program.pid))
        taken = survey.take(space, symbols, ALL_PAGES)
        assert len(taken.heaps) == 1
        found = classes.histogram(taken, symbols, taken.heaps[0])
    return {one.name: int(one.objects.value) for one in found}


def at_rest(space: LiveAddressSpace, symbols: Metadata) -> Survey:
    """What is there once nothing is collected any more: a program that has just started, or made
    much, is not done with that when it says so."""
    for _ in range(50):
        taken = survey.take(space, symbols, ALL_PAGES)
        if not any(heap.moved for heap in taken.heaps):
            return taken
        time.sleep(0.1)
    raise AssertionError("it is never at rest")


def resident(program: NodeProgram) -> int:
    text = Path(f"/proc/{program.pid}/smaps_rollup").read_text()
    return int(text.split("Rss:")[1].split()[0]) * 1024


def test_as_many_as_in_a_snapshot(
    node: Path, start: Callable[..., NodeProgram], tmp_path: Path
) -> None:
    program = start(
        node,
        "globalThis.kept = Array.from({ length: 150 }, () =>"
        "  Array.from({ length: 400 }, (_, i) => ({ i, inner: [i + 0.5] })));"
        "gc(); gc(); console.log('ready'); process.stdin.resume();",
        flags=["--expose-gc", "--inspect-port=0"],
    )
    found = take(program)
    assert found.main is not None
    with nodemem.attach(program.pid) as attached:
        attached.take_heap_snapshot(tmp_path / "a.heapsnapshot")
    snapshot = nodemem.open_snapshot(tmp_path / "a.heapsnapshot")
    # Nodes with even ids are no objects of the heap. The inspector makes some that are.
    in_snapshot = sum(number % 2 for number in snapshot.columns.ids)
    ours = found.main.total.objects
    assert ours.error == 0
    assert abs((ours.value + found.constants) / in_snapshot - 1) < 0.005
    # A thread that compiles may just have an area of its own, some kB that nothing tells us of.
    assert found.main.unread < 0.01


def test_kinds_and_classes(node: Path, holding: Holding) -> None:
    program = holding(node)
    heap = count(program)

    def within(made: int, kind: str, own: int) -> None:
        """As many as the program made, and at most `own` of Node.js'."""
        assert made <= heap.kinds[kind].objects.value <= made + own, kind

    within(60_000 + 20_000 + 500 + 207, "object", 4000)
    within(60_000, "number", 1000)
    within(200, "double_array", 10)
    within(1000, "two_byte_string", 20)
    within(120_000, "one_byte_string", 13_000)
    within(0, "cons_string", 2000)
    doubles, wide = heap.kinds["double_array"], heap.kinds["two_byte_string"]
    assert doubles.references.value == 0
    assert doubles.elements.value >= 200_000
    assert wide.elements.value >= 2000 + sum(len(str(i)) for i in range(1000))
    found = by_class(program)
    # What is dead is counted too, so long as its page was not swept.
    assert 60_000 <= found["Record"] <= 60_010
    assert 500 <= found["Enclosed"] <= 510
    assert 20_000 <= found["Map"] <= 20_100
    assert 207 <= found["Array"] <= 1500
    # Large objects are looked at whatever may be read besides.
    assert heap.kinds["array"].longest >= 100_001
    large = count(program, Budget(bytes=0, seconds=0)).large
    array = next(one for one in large if one.elements >= 100_001 and one.kind == "array")
    assert array.bytes >= 8 * 100_001
    assert abs(array.references.value - array.elements) <= 0.001 * array.elements


def test_a_sample_comes_close(any_node: Path, holding: Holding) -> None:
    program = holding(any_node, times=5)
    whole, sample = count(program), count(program, Budget(bytes=28 << 20, seconds=60))
    assert sample.walked < 0.6 * sample.pages
    for total in ("objects", "references", "bytes"):
        true, estimate = getattr(whole.total, total), getattr(sample.total, total)
        assert 0 < estimate.error < 0.05 * true.value, total
        off = abs(estimate.value - true.value)
        assert off < max(4 * estimate.error, 0.02 * true.value), total


def test_a_busy_program_and_a_stopped_one(node: Path, holding: Holding) -> None:
    program = holding(node, spin=True)
    assert 60_000 <= by_class(program)["Record"] <= 60_010
    os.kill(program.pid, signal.SIGSTOP)
    os.waitpid(program.pid, os.WUNTRACED)
    before = resident(program)
    assert 60_000 <= by_class(program)["Record"] <= 60_010
    assert resident(program) == before, "what is not in memory is not to be read"


def test_a_program_that_allocates_meanwhile(node: Path, start: Callable[..., NodeProgram]) -> None:
    program = start(
        node,
        "globalThis.kept = Array.from({ length: 1e5 }, (_, i) => ({ i, text: 't' + i }));"
        "console.log('ready'); let last = [];"
        "setInterval(() => { for (let i = 0; i < 1e5; i++) last[i % 5000] = { i, b: [i] } }, 0);",
    )
    for _ in range(4):
        found = count(program, Budget())
        assert 100_000 < found.total.objects.value < 10_000_000
        assert found.unread < 0.5


# With the second one malloc makes no use of the program's break, as where that is blocked.
@pytest.mark.parametrize("tunables", ["", "glibc.malloc.hugetlb=2"], ids=["", "no_break"])
def test_each_worker_has_a_heap(
    node: Path, start: Callable[..., NodeProgram], tunables: str
) -> None:
    program = start(
        node,
        "const { Worker } = require('worker_threads');"
        "new Worker(`class OfWorker {}; globalThis.kept = Array.from({ length: 2e4 }, () => "
        "new OfWorker()); require('worker_threads').parentPort.postMessage(1);"
        "setInterval(() => {}, 1e6)`, { eval: true }).on('message', () => console.log('ready'));",
        env={"GLIBC_TUNABLES": tunables},
    )
    with LiveAddressSpace(program.pid) as space:
        symbols = metadata.load(program_file(program.pid))
        taken = at_rest(space, symbols)
        heaps = {heap.address: heap.main for heap in take(program).heaps}
        assert sorted(map(str, heaps.values())) == ["False", "True"]
        for heap in taken.heaps:
            names = {one.name: one.objects.value for one in classes.histogram(taken, symbols, heap)}
            is_worker = not heaps[heap.heap.address]
            assert (20_000 <= names.get("OfWorker", 0) <= 20_010) == is_worker


def test_a_process_stopped_in_the_middle_of_a_collection(
    any_node: Path, start: Callable[..., NodeProgram]
) -> None:
    """What is counted then is whole, or said to be uncertain."""
    program = start(
        any_node,
        "class Item { constructor(i) { this.i = i; } }"
        "const kept = Array.from({ length: 3e4 }, (_, i) => new Item(i)); console.log('ready');"
        "for (let i = 0; ;) {"
        "  for (const end = i + 3e3; i < end; i++) kept[i % 3e4] = new Item(i);"
        "  gc({ type: 'minor' });"
        "}",
        flags=["--expose-gc"],
    )
    told = []
    with LiveAddressSpace(program.pid) as space:
        symbols = metadata.load(program_file(program.pid))
        while len(told) < 8 or (not any(told) and len(told) < 100):
            time.sleep(random.uniform(0, 0.01))  # it runs on, until some moment
            os.kill(program.pid, signal.SIGSTOP)
            os.waitpid(program.pid, os.WUNTRACED)
            taken = survey.take(space, symbols, Budget(bytes=1 << 40, seconds=0))
            (heap,) = taken.heaps
            found = classes.histogram(taken, symbols, heap)
            items = sum(one.objects.value for one in found if one.name == "Item")
            assert heap.moved or items >= 30_000
            told.append(heap.moved)
            os.kill(program.pid, signal.SIGCONT)
    assert any(told), "it does hardly anything but collect"
