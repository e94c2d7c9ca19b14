"""Objects that say of their contents what is not so: what is told is there, once, and bounded."""

from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodemem.memory import backing_stores, buffer_lists, buffers, malloc, metadata, pages
from nodemem.memory.backing_stores import BackingStore
from nodemem.memory.buffers import ArrayBuffer
from nodemem.memory.metadata import Metadata
from nodemem.target.address_space import LiveAddressSpace, program_file
from nodemem.testing import MemoryImage, NodeProgram

SOURCE = """
globalThis.kept = [
  ...Array.from({ length: 40 }, (_, i) => new ArrayBuffer(1000 + i)),
  new ArrayBuffer(300000), new SharedArrayBuffer(70000, { maxByteLength: 90000 }),
  new WebAssembly.Memory({ initial: 2 }).buffer,
];
gc(); gc(); console.log('ready'); process.stdin.resume();
"""


class Copy:
    """The memory of a program that was copied: what it can write to, as far as it was there.
    `objects` is where the objects are whose contents were found."""

    def __init__(self, image: MemoryImage, symbols: Metadata) -> None:
        self.image = image
        self.symbols = symbols
        self.store = symbols.offset("JSArrayBuffer__backing_store", 0)
        self.length = symbols.offset("JSArrayBuffer__byte_length", 0)
        wanted = {struct.pack("<Q", one.address) for one in self.find()}
        self.objects = [
            start + at - self.store
            for heap in pages.find(image)
            for page in heap.pages
            for start in [max(start for start in image.parts if start <= page.base)]
            for at in range(page.start - start, page.end - start, 8)
            if bytes(image.parts[start][at : at + 8]) in wanted
        ]

    def find(self) -> list[ArrayBuffer]:
        mappings = self.image.mappings()
        held = malloc.find(self.image, mappings)
        heaps = pages.find(self.image)
        stores = backing_stores.find(self.image, held, mappings)
        return buffers.find(self.image, self.symbols, heaps, stores)


@pytest.fixture(scope="module")
def copied(any_node: Path) -> Copy:
    program = NodeProgram.start(any_node, SOURCE, flags=["--expose-gc"])
    try:
        with LiveAddressSpace(program.pid) as space:
            mappings = space.mappings()
            parts = {}
            for one in mappings:
                if one.access == "rw-p" and one.end - one.start <= 64 << 20:
                    data = space.read_sparse(one.start, one.end - one.start)
                    if data is not None:
                        parts[one.start] = data
            image = MemoryImage(parts, mappings)
            return Copy(image, metadata.load(program_file(program.pid)))
    finally:
        program.stop()


def test_a_copy_is_as_good(copied: Copy) -> None:
    lengths = {one.length for one in copied.find()}
    assert {*range(1000, 1040), 300_000, 90_000, 2 << 16} <= lengths
    assert len(copied.objects) >= 43


def covered(image: MemoryImage, address: int) -> int:
    """How many bytes are mapped from an address on."""
    end = address
    for one in image.mappings():
        if one.start <= end < one.end:
            end = one.end
    return end - address


@settings(max_examples=25)
@given(data=st.data())
def test_objects_that_lie(copied: Copy, data: st.DataObject) -> None:
    image = copied.image
    honest = copied.find()
    numbers = st.one_of(
        st.integers(0, 2**64 - 1),
        st.integers(0, 1 << 20),
        st.sampled_from([0, 1 << 47, 1 << 40, *(one.address for one in honest)]),
        st.sampled_from([one.start for one in image.mappings()]),
        st.sampled_from([2, 0x10, 0x22, 0x30]),
    )
    before: dict[int, bytearray] = {}
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.sampled_from(copied.objects)) + 8 * data.draw(
            st.integers(0, copied.store // 8 + 2)
        )
        start = max(start for start in image.parts if start <= place)
        before.setdefault(start, bytearray(image.parts[start]))
        at = place - start
        image.parts[start][at : at + 8] = struct.pack("<Q", data.draw(numbers))
    try:
        found = copied.find()
    finally:
        image.parts.update(before)
    assert [one.address for one in found] == sorted({one.address for one in found})
    for one in found:
        assert covered(image, one.address) >= one.length
    # No lie makes more of malloc's memory than malloc gave out.
    mine = [one for one in found if not one.mapped]
    for one, after in pairwise(mine):
        assert one.address + one.length <= after.address
    assert len(found) >= len(honest) - 7


def test_lists_that_lead_nowhere() -> None:
    """A list counts once its last record is reached, and a ring of records ends."""
    heap, owner, records, stores = 0x10000, 0x20000, 0x30000, 0x40000
    known = [BackingStore(0x1000 * i, 100, False, stores + 64 * i) for i in range(1, 4)]
    at = [records + 64 * i for i in range(3)]
    parts = {
        heap: struct.pack("<512Q", owner, *[0] * 511),
        owner: struct.pack("<4Q", heap, 0, at[0], at[2]) + bytes(4064),
        records: bytearray(4096),
    }
    image = MemoryImage(parts)

    def lay_out(*following: int) -> None:
        for i in range(3):
            record = (0, known[i].described, 0, following[i])
            struct.pack_into("<4Q", image.parts[records], 64 * i, *record)

    lay_out(at[1], at[2], 0)
    assert buffer_lists.owners(image, [heap], known) == {one.address: {heap} for one in known}
    for elsewhere in (0, at[0], at[1], 0x7, 0x50000, 1 << 63):
        lay_out(at[1], elsewhere, 0)
        assert buffer_lists.owners(image, [heap], known) == {}
