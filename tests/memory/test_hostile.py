"""Memory that is not what it says it is: a bounded, honest answer, whatever the bytes."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodemem.memory import census, classes, metadata, pages, survey
from nodemem.memory.census import Budget
from nodemem.memory.metadata import Metadata
from nodemem.target.address_space import LiveAddressSpace, program_file
from nodemem.testing import MemoryImage, NodeProgram

BASE, HEAP, SPACE, MAPS = 0x1000_0000_0000, 0x2000_0000_0000, 0x2000_0001_0000, 0x3000_0000_0000
SYMBOLS = Metadata(
    {
        "type_Map__MAP_TYPE": 255,
        "type_FixedArray__FIXED_ARRAY_TYPE": 175,
        "type_FeedbackVector__FEEDBACK_VECTOR_TYPE": 249,
        "type_FreeSpace__FREE_SPACE_TYPE": 251,
        "type_ScopeInfo__SCOPE_INFO_TYPE": 261,
        "type_HeapNumber__HEAP_NUMBER_TYPE": 130,
        "type_JSObject__JS_OBJECT_TYPE": 2113,
        "type_JSFunction__JS_FUNCTION_TYPE": 2065,
    }
)
NAMES = ("meta", "record", "number", "array", "text", "other", "function", "cons")
OFFSETS = {name: 0x100 * i for i, name in enumerate(NAMES)}
WORDS = {name: MAPS + offset + 1 for name, offset in OFFSETS.items()}


def made_up(words: list[int], **header: int) -> MemoryImage:
    """One page, laid out as in Node.js 22, that holds `words`."""
    maps = bytearray(0x1000)
    for name, words_each, instance_type in (
        ("meta", 10, 255),
        ("record", 4, 2113),
        ("number", 2, 130),
        ("array", 0, 175),
        ("text", 0, 40),
        ("other", 4, 2113),
        ("function", 8, 2065),
        ("cons", 4, 41),
    ):
        struct.pack_into("<QBBBBH", maps, OFFSETS[name], WORDS["meta"], words_each, 3, 0, 0,
                         instance_type)  # fmt: skip
    page = bytearray(pages.ALIGNMENT)
    fields = {
        "flags": 4,
        "self": BASE,
        "size": pages.ALIGNMENT,
        "heap": HEAP,
        "start": BASE + 0x1000,
        "end": BASE + 0x1000 + 8 * len(words),
        "allocated": 0,
        "wasted": 0,
        "mark": 0,
        "owner": SPACE,
    } | header
    struct.pack_into("<10Q", page, 0, *fields.values())
    struct.pack_into(f"<{len(words)}Q", page, 0x1000, *words)
    space = struct.pack("<QQQQ", 0, HEAP, 2, pages.ALIGNMENT)
    return MemoryImage({BASE: page, SPACE: bytearray(space), MAPS: maps})


def record(*fields: int) -> list[int]:
    return [WORDS["record"], *fields, *([0] * (3 - len(fields)))]


def test_a_made_up_page() -> None:
    words = [
        *record(WORDS["record"], 7 << 32, 3),  # a reference, a small integer, a cleared weak one
        *[WORDS["array"], 2 << 32, BASE + 0x1001, BASE + 0x1003],  # a strong and a weak reference
        *[WORDS["number"], 0x3FF0_0000_0000_0001],
        *[WORDS["text"], 9 << 32, 0x6161616161616161, 0x61],
        *[0, 0],
        *record(),
    ]
    heap = census.take(made_up(words), SYMBOLS).heaps[0]
    counted = {
        kind: count.objects.value for kind, count in heap.kinds.items() if count.objects.value
    }
    assert counted == {"object": 2, "array": 1, "number": 1, "one_byte_string": 1}
    assert heap.kinds["object"].references.value == 1
    assert heap.kinds["array"].references.value == 2
    assert heap.kinds["one_byte_string"].elements.value == 9
    assert heap.total.bytes.value == 8 * (len(words) - 2)
    assert heap.unread == 0


def test_what_is_no_object_is_told() -> None:
    heap = census.take(made_up([*record() * 10, 2, 4, *record() * 10]), SYMBOLS).heaps[0]
    assert heap.total.objects.value == 20
    assert heap.unread == pytest.approx(2 / 82)


def test_a_page_of_nonsense_is_not_counted() -> None:
    heap = census.take(made_up([2, 4] * 4000), SYMBOLS).heaps[0]
    assert heap.total.objects.value == 0
    assert heap.unread == 1
    assert not heap.moved


def test_remains_on_a_page_of_the_new_generation_tell_of_a_collection() -> None:
    to_space = 1 << 4
    half_filled = [*record() * 10, *[WORDS["meta"] + 2, 4] * 4000]
    image = made_up(half_filled, flags=to_space)
    assert census.take(image, SYMBOLS).heaps[0].moved
    # Once the collection is over it is told no more.
    struct.pack_into(f"<{len(half_filled)}Q", image.parts[BASE], 0x1000, *record() * 2010)
    heap = census.take(image, SYMBOLS).heaps[0]
    assert not heap.moved
    assert heap.total.objects.value == 2010


def test_objects_in_the_half_to_be_emptied_tell_of_a_collection() -> None:
    from_space = 1 << 3
    image = made_up(record() * 100, flags=from_space)
    assert census.take(image, SYMBOLS).heaps[0].moved
    # Once it is emptied, one free object takes all of it: so many bytes, since V8 13 so many words.
    for length in (400 * 8, 400):
        struct.pack_into("<2Q", image.parts[BASE], 0x1000, WORDS["other"], length << 32)
        assert not census.take(image, SYMBOLS).heaps[0].moved


def test_pages_that_a_space_has_but_nobody_found_are_told() -> None:
    image = made_up(record() * 100)
    assert not census.take(image, SYMBOLS).heaps[0].moved
    struct.pack_into("<Q", image.parts[SPACE], 24, 2 * pages.ALIGNMENT)
    assert census.take(image, SYMBOLS).heaps[0].moved


@pytest.mark.parametrize(
    "header",
    [
        {"size": 1 << 62},
        {"start": BASE + pages.ALIGNMENT},
        {"start": BASE + 0x1001},
        {"end": BASE + (1 << 40)},
        {"owner": HEAP},
        {"heap": SPACE},
        {"mark": 1 << 60},
    ],
)
def test_headers_that_contradict_themselves(header: dict[str, int]) -> None:
    assert census.take(made_up(record(), **header), SYMBOLS).heaps == []


interesting = st.one_of(
    st.sampled_from([*WORDS.values(), BASE + 0x1001, 0, 3, 1 << 32, 0x7FFFFFFF << 32, 1 << 63]),
    st.integers(0, 2**64 - 1),
)


@given(st.lists(interesting, max_size=60))
def test_any_words(words: list[int]) -> None:
    heap = census.take(made_up(words or [0]), SYMBOLS).heaps[0]
    assert 0 <= heap.unread <= 1
    assert heap.total.bytes.value <= 8 * len(words)


@given(st.binary(min_size=96, max_size=400))
def test_any_header(head: bytes) -> None:
    image = made_up(record())
    image.parts[BASE][: len(head)] = head
    for heap in census.take(image, SYMBOLS).heaps:
        assert heap.bytes <= pages.ALIGNMENT


@pytest.fixture(scope="module")
def copied(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Path], tuple[MemoryImage, Metadata]]:
    @cache
    def copy(node: Path) -> tuple[MemoryImage, Metadata]:
        program = NodeProgram.start(node, "console.log('ready'); process.stdin.resume()")
        try:
            with LiveAddressSpace(program.pid) as space:
                return MemoryImage.copy_of(space), metadata.load(program_file(program.pid))
        finally:
            program.stop()

    return copy


@settings(max_examples=30)  # each walks some pages of a whole process
@given(data=st.data())
def test_real_memory_with_faults(
    any_node: Path,
    copied: Callable[[Path], tuple[MemoryImage, Metadata]],
    data: st.DataObject,
) -> None:
    image, symbols = copied(any_node)
    found = pages.find(image)
    places = [page.base for heap in found for page in heap.pages]
    page = data.draw(st.sampled_from(places))
    part = next(
        start for start, content in image.parts.items() if start <= page < start + len(content)
    )
    at = page - part + data.draw(st.integers(0, pages.ALIGNMENT // 8 - 9)) * 8
    at = data.draw(st.sampled_from([at, page - part]))
    before = bytes(image.parts[part][at : at + 64])
    image.parts[part][at : at + 64] = data.draw(
        st.binary(min_size=len(before), max_size=len(before))
    )
    try:
        taken = survey.take(image, symbols, Budget(bytes=1 << 20, seconds=60))
        for heap, own in zip(census.of(taken, {}), taken.heaps, strict=True):
            assert 0 <= heap.unread <= 1
            classes.histogram(taken, symbols, own)
    finally:
        image.parts[part][at : at + 64] = before


@settings(max_examples=6)  # each walks a whole process
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.0001, 0.001, 0.02]))
def test_real_memory_with_many_faults(
    any_node: Path,
    copied: Callable[[Path], tuple[MemoryImage, Metadata]],
    seed: int,
    share: float,
) -> None:
    image, symbols = copied(any_node)
    chance = random.Random(seed)
    damaged = MemoryImage(image.parts, image.mappings())
    addresses = [start + 1 for start in image.parts]
    for content in damaged.parts.values():
        words = memoryview(content)[: len(content) // 8 * 8].cast("Q")
        for _ in range(int(share * len(words))):
            at, other = chance.randrange(len(words)), chance.randrange(len(words))
            words[at] = chance.choice(
                [words[other], chance.choice(addresses), chance.getrandbits(64), 0]
            )
    taken = survey.take(damaged, symbols, Budget(bytes=1 << 40, seconds=2))
    for heap in taken.heaps:
        room = sum(page.size for page in heap.heap.pages)
        found = classes.histogram(taken, symbols, heap)
        assert sum(one.bytes.value for one in found) <= room


def test_names_that_lead_in_circles() -> None:
    """Maps that are each other's origin, prototypes of each other, strings of themselves."""
    image = made_up([*record(), *([WORDS["function"]] + [WORDS["cons"]] * 7)])
    maps = image.parts[MAPS]
    for name, at in OFFSETS.items():
        for field in (24, 32, 40):  # prototype, constructor or origin, descriptors
            struct.pack_into("<Q", maps, at + field, WORDS[name])
    struct.pack_into("<Q", maps, OFFSETS["record"] + 32, WORDS["other"])
    struct.pack_into("<Q", maps, OFFSETS["other"] + 32, WORDS["record"])
    struct.pack_into("<Q", maps, OFFSETS["record"] + 24, BASE + 0x1001)
    taken = survey.take(image, SYMBOLS, Budget())
    (heap,) = taken.heaps
    names = {one.name: one.objects.value for one in classes.histogram(taken, SYMBOLS, heap)}
    assert names["Object"] == 1


def test_pages_that_claim_more_than_there_is() -> None:
    assert pages.find(made_up(record(), size=1 << 20)) == []
