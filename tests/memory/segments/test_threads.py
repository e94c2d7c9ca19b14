"""Stacks of threads: what is theirs, and what only looks like it."""

from __future__ import annotations

from nodemem.memory.segments import threads
from nodemem.memory.segments.ledger import Ledger
from nodemem.memory.segments.threads import Thread
from nodemem.records import MappedMemory, ThreadName
from nodemem.testing import MemoryImage

PAGE, AT, MIB = 4096, 0x7000_0000_0000, 1 << 20
NOTHING: frozenset[str] = frozenset()


def mapping(start: int, size: int, access: str = "rw-p", **more: object) -> MappedMemory:
    rss = 0 if access == "---p" else size
    return MappedMemory(start, start + size, access, flags=NOTHING, rss=rss, pss=rss, **more)


def settle(
    mappings: list[MappedMemory], found: list[Thread], isolates: dict[int, str] | None = None
) -> dict[tuple[str, str | None], int]:
    ledger = Ledger(mappings)
    threads.claim(ledger, found, isolates or {}, main=7)
    categories = ledger.settle(lambda address, length: [(address, length)])
    return {(one.category, one.isolate): one.rss for one in categories if one.rss}


def test_a_stack_ends_behind_its_control_block() -> None:
    # Before Linux 6.7 a stack and a chunk of malloc behind it are one mapping.
    stack = mapping(AT + PAGE, 8 * MIB + 10 * PAGE)
    thread = Thread(ThreadName(9, 9, "helper"), AT + PAGE + 8 * MIB - 0x900, stack, None)
    found = settle([mapping(AT, PAGE, "---p"), stack], [thread])
    assert found == {
        ("thread_stacks", "helper 9"): 8 * MIB,
        ("unattributed", None): 10 * PAGE,
    }


def test_a_control_block_amid_a_mapping_is_found() -> None:
    start = AT + PAGE
    block = start + 8 * MIB - 0x900
    top = bytearray(4 * PAGE)  # all that is present of the stack
    at = block - (start + 8 * MIB - len(top))
    for place, word in {at: block, at + 16: block, at + 0x2D0: 9}.items():
        top[place : place + 8] = word.to_bytes(8, "little")
    image = MemoryImage({start + 8 * MIB - len(top): bytes(top) + bytes(2 * MIB)})
    merged = [mapping(AT, PAGE, "---p"), mapping(start, 10 * MIB)]
    found = threads.find(merged, [ThreadName(9, 9, "helper")], image, [])
    assert [one.block for one in found] == [block]


def test_a_stack_is_called_after_its_isolate() -> None:
    stack = mapping(AT + PAGE, 4 * MIB)
    thread = Thread(ThreadName(9, 9, "node"), AT + PAGE + 4 * MIB - 0x900, stack, heap=0x5000)
    found = settle([mapping(AT, PAGE, "---p"), stack], [thread], {0x5000: "worker 1"})
    assert found == {("thread_stacks", "worker 1"): 4 * MIB}


def test_what_is_behind_a_guard_is_a_stack_and_an_arena_is_none() -> None:
    arena = 0x7000_0400_0000
    found = settle(
        [
            mapping(AT, PAGE, "---p"),
            mapping(AT + PAGE, MIB),
            mapping(arena - 8 * PAGE, 8 * PAGE, "---p"),  # the rest of another arena
            mapping(arena, MIB),
            mapping(arena + 16 * MIB, 2 * PAGE, file="[stack]"),
        ],
        [],
    )
    assert found == {
        ("thread_stacks", None): MIB,
        ("unattributed", None): MIB,
        ("main_stack", "main"): 2 * PAGE,
    }


def test_isolates_in_the_order_of_their_threads() -> None:
    stack = mapping(AT, MIB)
    names = {7: "main", 12: "worker 2", 9: "worker 1"}
    found = [Thread(ThreadName(tid, tid, "node"), AT, stack, 0x1000 * tid) for tid in names]
    found.append(Thread(ThreadName(20, 20, "V8Worker"), AT, stack, None))
    expected = {0x1000 * tid: name for tid, name in names.items()}
    assert threads.isolates(found, 7, list(expected)) == expected
    assert threads.isolates([], 7, [0x1000]) == {0x1000: "main"}
    assert threads.isolates([], 7, [0x1000, 0x2000]) == {}


def test_only_who_runs_an_isolate_has_it() -> None:
    """A helper has the isolate's address too, but not what V8 keeps of its thread."""
    isolate, heap, record = 0x5000_0000, 0x5000_E000, 0x5100_0000
    parts = {record: isolate.to_bytes(8, "little") + bytes(64)}
    own = []
    for n, (tid, words) in enumerate({7: [isolate, record], 8: [isolate, 0]}.items()):
        start = AT + n * 16 * MIB
        stack = bytearray(64 << 10)
        block = start + len(stack) - 0x900
        for place, word in {
            block - 64: words[0],
            block - 56: words[1],
            block: block,
            block + 16: block,
            block + 0x2D0: tid,
        }.items():
            stack[place - start : place - start + 8] = word.to_bytes(8, "little")
        parts[start] = bytes(stack)
        own.append(mapping(start, len(stack)))
    names = [ThreadName(7, 7, "node"), ThreadName(8, 8, "node")]
    found = threads.find(own, names, MemoryImage(parts), [heap])
    assert [(one.name.tid, one.heap) for one in found] == [(7, heap), (8, None)]
