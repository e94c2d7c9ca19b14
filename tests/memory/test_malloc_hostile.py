"""Memory of malloc that is not what it says it is: a bounded answer that claims nothing wrong."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodemem.memory import malloc
from nodemem.memory.malloc import Malloc, states
from nodemem.records import AddressSpace, Mapping
from nodemem.target.address_space import LiveAddressSpace
from nodemem.testing import MemoryImage, NodeProgram

LIBC = Mapping(0x7000_0000_0000, 0x7000_0000_2000, "rw-p", "/lib/libc.so.6")
ARENA = 0x7100_0000_0000
HEAP = Mapping(0x5000_0000_0000, 0x5000_0000_4000, "rw-p", "[heap]")


def writable(space: AddressSpace) -> MemoryImage:
    """What a process can write to, as far as it is in memory."""
    mappings = [
        one for one in space.mappings() if one.access == "rw-p" and one.end - one.start <= 64 << 20
    ]
    read = ((one.start, space.read_sparse(one.start, one.end - one.start)) for one in mappings)
    return MemoryImage({start: data for start, data in read if data is not None}, mappings)


@pytest.fixture(scope="module")
def copied(any_node: Path) -> MemoryImage:
    program = NodeProgram.start(
        any_node,
        "new (require('worker_threads').Worker)('setInterval(() => {}, 1e6)', { eval: true })"
        ".on('online', () => console.log('ready'));",
    )
    try:
        with LiveAddressSpace(program.pid) as space:
            for _ in range(50):
                if malloc.find(space, space.mappings()).consistent:
                    break
            return writable(space)
    finally:
        program.stop()


def is_sound(found: Malloc) -> None:
    for one in found.arenas:
        if one.consistent:
            assert one.in_use + one.free + one.top == one.system_mem
        for start, end in (*one.free_pages(), one.top_pages()):
            assert start % 4096 == 0
            assert end % 4096 == 0
            assert start <= end
    for (_, end), (start, _) in zip(found.mapped, found.mapped[1:], strict=False):
        assert end <= start


def test_a_copy_is_as_good(copied: MemoryImage) -> None:
    found = malloc.find(copied, copied.mappings())
    assert found.known
    assert all(one.consistent for one in found.arenas)
    assert len(found.arenas) > 2
    is_sound(found)


@settings(max_examples=25)
@given(data=st.data())
def test_real_memory_with_faults(copied: MemoryImage, data: st.DataObject) -> None:
    ring = states.ring(copied, copied.mappings())
    state = data.draw(st.sampled_from(ring))
    chunk = next(one for one in copied.mappings() if one.file == "[heap]").start
    places = [
        *(state.address + n for n in (0, 16, 0x60, 0x68, 0x70, 0x870, 0x888, 0x890)),
        *(one.address % (1 << 64) for one in ring),
        *(one.address - one.address % states.HEAP_ALIGNMENT for one in ring[1:]),
        state.top,
        state.top + 8,
        chunk + 8,
        chunk + data.draw(st.integers(0, 4000)) * 16,
    ]
    at = data.draw(st.sampled_from(places))
    start = max(start for start in copied.parts if start <= at)
    place = at - start
    before = bytes(copied.parts[start][place : place + 64])
    addresses = st.sampled_from([*(one.address for one in ring), ring[0].top, chunk, 1 << 47])
    words = data.draw(
        st.lists(addresses | st.integers(0, 2**64 - 1) | st.integers(0, 1 << 20), max_size=8)
    )
    faults = struct.pack(f"<{len(words)}Q", *words)[: len(before)]
    copied.parts[start][place : place + len(faults)] = faults
    try:
        is_sound(malloc.find(copied, copied.mappings()))
    finally:
        copied.parts[start][place : place + len(before)] = before


def made_up(
    *, next: int, top: int, system_mem: int, heap: list[int], arena: list[int]
) -> MemoryImage:
    """A libc whose main arena has these values, its memory, and that of another arena."""
    libc = bytearray(LIBC.end - LIBC.start)
    main = LIBC.start + 0x800
    lists = [main + 0x60 + 16 * (i // 2) for i in range(254)]
    words = [0, 0, *[0] * 10, top, 0, *lists, 0, 0, next or main, 0, 0, system_mem, system_mem]
    struct.pack_into(f"<{len(words)}Q", libc, 0x800, *words)
    memory = struct.pack(f"<{len(heap)}Q", *heap).ljust(HEAP.end - HEAP.start, b"\0")
    other = Mapping(ARENA, ARENA + 0x10000, "rw-p")
    thread = struct.pack(f"<{len(arena)}Q", *arena).ljust(0x10000, b"\0")
    return MemoryImage({LIBC.start: libc, HEAP.start: memory, ARENA: thread}, [HEAP, LIBC, other])


def test_a_made_up_arena() -> None:
    chunks = [0, 0x40 | 1, *[0] * 6, 0, 0x2000 | 1, *[0] * 1022, 0x2000, 0x1FC0]
    image = made_up(next=0, top=HEAP.start + 0x2040, system_mem=0x4000, heap=chunks, arena=[])
    found = malloc.find(image, image.mappings())
    (main,) = found.arenas
    assert main.consistent
    assert (main.in_use, main.free, main.top) == (0x40, 0x2000, 0x1FC0)
    assert list(main.free_pages()) == [(HEAP.start + 0x1000, HEAP.start + 0x2000)]
    assert main.top_pages() == (HEAP.start + 0x3000, HEAP.start + 0x4000)
    assert found.room(HEAP.start + 16) is not None
    assert found.room(HEAP.start + 0x50) is None
    assert found.room(HEAP.start) is None


def test_a_top_chunk_whose_header_is_still_to_be_written() -> None:
    chunks = [0, 0x40 | 1, *[0] * 6, 0, 0x2000 | 1, *[0] * 1022]
    image = made_up(next=0, top=HEAP.start + 0x2040, system_mem=0x4000, heap=chunks, arena=[])
    (main,) = malloc.find(image, image.mappings()).arenas
    assert main.consistent
    # The chunk before it has just been given out.
    assert (main.in_use, main.free, main.top) == (0x2040, 0, 0x1FC0)
    assert main.top_pages() == (HEAP.start + 0x3000, HEAP.start + 0x4000)
    # Without malloc's own account of it, nothing is exact.
    image = made_up(next=0, top=HEAP.start + 0x2040, system_mem=0x5000, heap=chunks, arena=[])
    assert not malloc.find(image, image.mappings()).arenas[0].consistent


interesting = st.one_of(
    st.sampled_from(
        [0, 1, 16, 17, 33, 35, 0x1001, 0x2002, HEAP.start, HEAP.start + 0x1000, ARENA, ARENA + 0x30,
         LIBC.start + 0x800, LIBC.end, 1 << 47, 1 << 63]
    ),
    st.integers(0, 2**64 - 1),
)  # fmt: skip


@given(
    interesting,
    interesting,
    interesting,
    st.lists(interesting, max_size=60),
    st.lists(interesting, max_size=60),
    st.booleans(),
)
def test_any_words(
    link: int, top: int, size: int, heap: list[int], arena: list[int], linked: bool
) -> None:
    if linked:  # a second arena that leads back to itself
        lists = [ARENA + 0x30 + 0x60 + 16 * (i // 2) for i in range(254)]
        head = [ARENA + 0x30, top, 0x10000, 0x10000, 0, 0]
        after = [0, 0, ARENA + 0x30, 0, 0, size, size]
        arena = [*head, *[0] * 12, ARENA + 0x30 + 0x8D0, 0, *lists, *after, *arena]
        link = ARENA + 0x30
    image = made_up(next=link, top=top, system_mem=size, heap=heap, arena=arena)
    is_sound(malloc.find(image, image.mappings()))


@given(st.binary(max_size=4000), st.binary(max_size=4000))
def test_any_bytes(libc: bytes, heap: bytes) -> None:
    image = MemoryImage(
        {LIBC.start: libc.ljust(0x2000, b"\0"), HEAP.start: heap.ljust(0x4000, b"\xff")},
        [HEAP, LIBC],
    )
    found = malloc.find(image, image.mappings())
    assert not found.known
    assert not found.consistent
    assert found.room(HEAP.start + 16) is None
