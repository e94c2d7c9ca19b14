"""The kernel that follows malloc's chunks, against the definition of a chunk, compiled and not."""

from __future__ import annotations

import os
import subprocess
import sys
from array import array
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nodemem.kernels import load

START = 0x7000_0000_0000
PAGE = 256  # so that few words have many pages


def follow(kernel, words, block, last=0):
    """All that the kernel finds in the memory `words` at START, read in blocks of `block` words."""
    end = START + 8 * len(words)
    starts, used = (memoryview(bytearray(len(words) // 16 + 1)) for _ in range(2))
    ranges, found = memoryview(array("Q", bytes(8 * 6))), memoryview(array("Q", bytes(8 * 2)))
    state = memoryview(array("Q", [START, *([0] * (kernel.STATE - 1))]))
    likely = memoryview(array("Q", bytes(8 * 2)))
    pages, alike, outcome = [], [], kernel.MORE
    while outcome == kernel.MORE and state[0] + 16 <= end:
        at = (state[0] - START) // 8
        outcome = kernel.walk(
            memoryview(array("Q", words[at : at + block])).toreadonly(), state[0], end, last, PAGE,
            64, START, starts, used, ranges, found, likely, state,
        )  # fmt: skip
        pages += ranges[: state[2]].tolist()
        alike += likely[: state[7]].tolist()
        state[2] = state[7] = 0
    found = found[: state[6]].tolist()
    return outcome, state.tolist(), pages, found, places(used), places(starts), alike


def places(bits):
    return [START + 128 * n + 16 * k for n, b in enumerate(bits) for k in range(8) if b >> k & 1]


def by_definition(kernel, words, last=0):
    """The same, chunk by chunk."""
    end = START + 8 * len(words)
    at = before = in_use = free = chunks = 0
    pages, found, used, starts, alike, outcome = [], [], [], [], [], kernel.MORE
    at = START
    while at + 16 <= end:
        own, head = words[(at - START) // 8], words[(at - START) // 8 + 1]
        size = head - head % 8
        outcome = kernel.BROKEN
        if (
            head & 2
            or size % 16
            or at + size > end
            or (before and not head & 1 and own != at - before)
        ):
            break
        starts.append(at)
        if before:
            chunks += 1
            if head & 1:
                in_use += at - before
                used.append(before)
                found += [before] * (at - before == 64 and len(found) < 2)
            else:
                free += at - before
                low, high = -(-(before + 48) // PAGE) * PAGE, at // PAGE * PAGE
                pages += [low, high] if low < high else []
        before = 0
        if at == last:
            outcome = kernel.LAST
            break
        if size < 32:
            outcome = kernel.SMALL
            break
        if at + size == end:
            outcome = kernel.LAST
            break
        outcome = kernel.MORE
        if size in (80, 96):
            first, *lengths = words[(at - START) // 8 + 2 : (at - START) // 8 + 6]
            if first and first % 8 == 0 and lengths[0] and lengths == sorted(lengths):
                alike.append(at)
        before, at = at, at + size
    state = [at, before, 0, in_use, free, chunks, len(found), 0]
    return outcome, state, pages, found, used, starts, alike


@st.composite
def memories(draw):
    """Words of a region; most are what malloc would write."""
    words, free, last_size = [], False, 0
    for size in draw(st.lists(st.sampled_from([32, 48, 64, 80, 96, 304, 1024]), max_size=30)):
        start = len(words)
        words += [0] * (size // 8)
        words[start] = last_size if free else 7
        words[start + 1] = size | (0 if free else 1) | draw(st.sampled_from([0, 0, 4]))
        if draw(st.booleans()) and size >= 64:
            lengths = st.lists(st.sampled_from([0, 3, 3, 4]), min_size=3, max_size=3)
            words[start + 2 : start + 6] = [draw(st.sampled_from([0, 4, 4096])), *draw(lengths)]
        free, last_size = draw(st.booleans()), size
    end = draw(st.sampled_from([16, 0, 32, 48]))
    words += [last_size if free else 0, end | (0 if free else 1)] + [0] * 4
    for place, word in draw(
        st.lists(st.tuples(st.integers(0, len(words) - 1), st.integers(0, 2**64 - 1)), max_size=1)
    ):
        words[place] = word
    return words


@given(memories(), st.sampled_from([2, 3, 16, 1000]), st.integers(0, 40))
def test_as_defined(words, block, last):
    kernel = load("chunks")
    top = START + 16 * last
    *others, alike = follow(kernel, words, block, top)
    *expected, sure = by_definition(kernel, words, top)
    assert others == expected
    # Those at the end of a block are told unseen.
    assert set(sure) <= set(alike)
    assert alike == sure or block < 1000


PROGRAM = """
import random, sys
sys.path.insert(0, sys.argv[1])
from nodemem.kernels import load
from test_chunks import START, follow
kernel, r = load("chunks"), random.Random(5)
for _ in range(300):
    words = []
    for _ in range(40):
        size = r.choice([32, 48, 64, 80, 1024])
        words += [size, size | r.choice([1, 1, 1, 5, 0])] + [r.choice([0, size])] * (size // 8 - 2)
    words[r.randrange(len(words))] = r.choice([0, 17, 33, 2**64 - 1, r.randrange(2**64)])
    print(follow(kernel, words, 64, r.choice([0, START + 512])))
print("compiled" if kernel.COMPILED else "interpreted")
"""


def test_compiled_equals_interpreted() -> None:
    results = []
    for mode, name in (("0", "compiled"), ("1", "interpreted")):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(Path(__file__).parent)],
            env={**os.environ, "NODEMEM_INTERPRETED": mode},
            capture_output=True,
            text=True,
            check=True,
        )
        *lines, last = done.stdout.splitlines()
        assert last == name
        results.append(lines)
    assert len(set(results[0])) > 200
    assert results[0] == results[1]
