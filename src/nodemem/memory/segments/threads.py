"""Threads in memory: their stacks, and which of them runs which isolate.

Each thread has a control block, at the upper end of its stack in glibc: a structure that begins
with its own address, has it a second time, and holds the thread's id (struct pthread of glibc's
nptl/descr.h; the places are the same in 2.26 to 2.41 on x86-64). The thread's own variables lie
below it, and one of them is the address of the isolate that the thread runs.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nodemem.memory.malloc import HEAP_ALIGNMENT
from nodemem.memory.segments.ledger import Ledger
from nodemem.memory.segments.types import Kind
from nodemem.records import AddressSpace, MappedMemory, ThreadName

MAIN_STACK = Kind("stack", "main_stack", "main")
STACKS = "thread_stacks"
TLS = Kind("data", "thread_local_storage")

_SELF, _TID = 16, 0x2D0
_BLOCK = 64  # control blocks begin at multiples of so many bytes
_UP_TO = 64 << 10  # bytes at the end of a stack in which the control block is looked for
_FIRST = 128 << 10  # bytes of what is present of a stack that are looked through
_STACK_UP_TO = 64 << 20
_MAIN_UP_TO = 1 << 20  # bytes of a mapping in which the main thread's may be
_VARIABLES = 1 << 10  # bytes below a control block that are looked at for the thread's variables
_KEYS_END = 0x520  # bytes of a control block up to the end of the values of pthread_getspecific
_BLOCK_LEAST = 0x700  # bytes of a control block, at least; a page is more than it has
_PAGE = 4096
_WORKER = "WorkerThread"  # what Node.js calls that of a worker without a name
_V8_HELPER = "V8Worker"
_GUARD_UP_TO = 64 << 10
_BELOW_HEAP = 0x14000  # how far V8's heap may be behind the beginning of its isolate


@dataclass(frozen=True)
class Thread:
    """A thread whose control block was found at `block`, in `mapping`. `heap` is the address of
    the V8 heap that it runs, None if it runs none."""

    name: ThreadName
    block: int
    mapping: MappedMemory
    heap: int | None


def find(
    mappings: Sequence[MappedMemory],
    names: Iterable[ThreadName],
    space: AddressSpace,
    heaps: Sequence[int],
) -> list[Thread]:
    """The threads of `names` that show in memory, in their order."""
    by_inner = {one.inner: one for one in names}
    blocks: dict[int, tuple[int, MappedMemory]] = {}
    variables: dict[int, tuple[int, ...]] = {}
    guarded = 0  # the end of the guard just passed
    for one in mappings:
        where = _where(one, space, is_stack=one.start == guarded)
        guarded = one.end if _is_guard(one) else 0
        for low, length in where:
            data = space.read(low, length)
            for block, inner in _blocks(data or b"", low):
                if inner in by_inner and inner not in blocks:
                    blocks[inner] = block, one
                    start, end = max(one.start, block - _VARIABLES), min(one.end, block + _KEYS_END)
                    found = space.read_sparse(start, (end - start) // 8 * 8) or b""
                    variables[inner] = struct.unpack(f"<{len(found) // 8}Q", found)
    run = _heaps(variables, heaps, space)
    return [Thread(by_inner[inner], *blocks[inner], run.get(inner)) for inner in by_inner
            if inner in blocks]  # fmt: skip


def own_name(one: ThreadName, all_of_them: Iterable[ThreadName]) -> str | None:
    """The name that the program has given to the worker whose thread it is. Before Node.js 24
    a thread was called as the one that made it; since then V8's have a name as well."""
    named = any(other.name.endswith(_V8_HELPER) for other in all_of_them)
    return one.name if named and one.name != _WORKER else None


def isolates(threads: Sequence[Thread], main: int, heaps: Sequence[int]) -> dict[int, str]:
    """What the isolate of each heap is called: `main` for that of the thread `main`, `worker N`
    for the others in the order in which their threads were made. Those that no thread runs now are
    left out. An only heap is the main thread's."""
    if len(heaps) == 1:
        return {heaps[0]: "main"}
    found: dict[int, str] = {}
    workers = 0
    # Ids are given out in ascending order, and from the beginning again after the highest.
    order = {one.name.tid: (one.name.tid != main, one.name.tid < main) for one in threads}
    for thread in sorted(threads, key=lambda one: (order[one.name.tid], one.name.tid)):
        if thread.heap is not None and thread.heap not in found:
            if thread.name.tid == main:
                found[thread.heap] = "main"
            else:
                workers += 1
                found[thread.heap] = f"worker {workers}"
    return found


def claim(
    ledger: Ledger, threads: Sequence[Thread], isolates: Mapping[int, str], main: int
) -> None:
    """Claim the stacks; what is behind a guard and no thread's is that of one that has ended."""
    by_mapping: dict[int, Thread] = {thread.mapping.start: thread for thread in threads}
    guard: MappedMemory | None = None
    for one in ledger.mappings:
        thread = by_mapping.get(one.start)
        behind_guard = guard is not None and guard.end == one.start
        if one.file == "[stack]":
            ledger.claim(one.start, one.end, MAIN_STACK)
        elif thread is not None and thread.name.tid != main:
            label = isolates.get(thread.heap or 0) or f"{thread.name.name} {thread.name.tid}"
            # Older kernels merge a stack with what happens to be mapped behind it.
            end = min(one.end, -(-(thread.block + _BLOCK_LEAST) // _PAGE) * _PAGE)
            ledger.claim(one.start, end, Kind("stack", STACKS, label))
        elif behind_guard and _could_be_stack(one):
            ledger.claim(one.start, one.end, Kind("stack", STACKS))
        guard = one if _is_guard(one) else None


def _is_guard(one: MappedMemory) -> bool:
    return (
        one.access == "---p"
        and not one.file
        and not one.inode
        and "dc" not in (one.flags or ())
        and one.end - one.start <= _GUARD_UP_TO
    )


def _could_be_stack(one: MappedMemory) -> bool:
    is_arena = one.start % HEAP_ALIGNMENT == 0  # behind another one that is nearly full
    is_own = one.access == "rw-p" and not one.file and not one.inode
    return is_own and not is_arena and "dc" not in (one.flags or ())


def _where(one: MappedMemory, space: AddressSpace, *, is_stack: bool) -> list[tuple[int, int]]:
    """Where in a mapping a control block may be: what is present at its end, or all of it if it is
    small; and where a stack is merged with what is behind it, at the begin of what is present."""
    is_own = one.access[:2] == "rw" and not one.file and not one.inode
    is_empty = not one.rss and one.pss is not None
    if not is_own or is_empty or "dc" in (one.flags or ()):
        return []
    size = one.end - one.start
    if size <= _MAIN_UP_TO:
        return space.resident(one.start, size)
    found = space.resident(one.end - _UP_TO, _UP_TO)
    if is_stack:
        left = _FIRST
        for low, length in space.resident(one.start, min(size, _STACK_UP_TO) - _UP_TO):
            if left > 0:
                found.append((low, min(length, left)))
            left -= length
    return found


def _blocks(data: bytes, at: int) -> Iterable[tuple[int, int]]:
    """(address, thread id) of each control block in bytes from address `at`."""
    words = memoryview(data[: len(data) // 8 * 8]).cast("Q")
    first = -at % _BLOCK // 8
    for n in range(first, len(words) - _TID // 8, _BLOCK // 8):
        if words[n] == at + 8 * n and words[n + _SELF // 8] == words[n]:
            yield words[n], words[n + _TID // 8] & 0xFFFFFFFF


def _heaps(
    variables: Mapping[int, Sequence[int]], heaps: Sequence[int], space: AddressSpace
) -> dict[int, int]:
    """Which heap each thread runs.

    A thread that runs an isolate has two variables for it: the isolate's address, and that of what
    V8 keeps of this thread for this isolate, which begins with the same. Threads that only help
    with a collection have the first alone. The heap is at the same distance behind the beginning
    of each isolate, and the distance that explains the most threads is taken.
    """
    near: dict[int, dict[int, int]] = {}
    votes: Counter[int] = Counter()
    for inner, words in variables.items():
        found: dict[int, int] = {}
        for word in set(words):
            for heap in heaps:
                if 0 < heap - word <= _BELOW_HEAP and _is_pointed_to(word, words, space):
                    found[heap - word] = heap
        near[inner] = found
        votes.update(found.keys())
    if not votes:
        return {}
    most = max(votes.values())
    distance = min(one for one, count in votes.items() if count == most)
    return {inner: found[distance] for inner, found in near.items() if distance in found}


def _is_pointed_to(isolate: int, words: Sequence[int], space: AddressSpace) -> bool:
    wanted = isolate.to_bytes(8, "little")
    return any(
        space.read(word, 8) == wanted for word in set(words) if word % 8 == 0 and 0 < word < 1 << 47
    )
