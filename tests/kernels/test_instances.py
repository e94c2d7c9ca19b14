"""The kernel that looks for objects by their maps, against its definition, compiled and not."""

from __future__ import annotations

import os
import subprocess
import sys
from array import array
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nodemem.kernels import load

MAPS = [0x3000_0000_0001 + 0x50 * i for i in range(7)]
TYPE = 2062


def scan(kernel, words, known, room):
    """Places of objects of `known` maps and of maps, with `room` for so many at once."""
    keys = array("Q", bytes(8 * 16))
    for word in known:
        at = (word >> 3 ^ word >> 18) & 15
        while keys[at]:
            at = (at + 1) & 15
        keys[at] = word
    objects, maps = (memoryview(array("Q", bytes(8 * room))) for _ in range(2))
    counts = memoryview(array("q", [0, 0]))
    found, at = ([], []), 0
    while at < len(words):
        at = kernel.scan(
            memoryview(array("Q", words)).toreadonly(), at, TYPE, memoryview(keys), objects, maps,
            counts,
        )  # fmt: skip
        found[0].extend(objects[: counts[0]].tolist())
        found[1].extend(maps[: counts[1]].tolist())
    return found


words = st.lists(
    st.sampled_from([*MAPS, 0, 3, MAPS[0] + 2, TYPE << 32, 10 | TYPE << 32 | 7 << 48])
    | st.integers(0, 2**64 - 1),
    max_size=60,
)


@given(words, st.lists(st.sampled_from(MAPS), unique=True), st.integers(1, 5))
def test_as_defined(words, known, room):
    objects, maps = scan(load("instances"), words, known, room)
    assert objects == [i for i, word in enumerate(words) if word in known]
    assert maps == [
        i
        for i, (word, after) in enumerate(pairwise(words))
        if word & 3 == 1 and after >> 32 & 0xFFFF == TYPE
    ]


PROGRAM = """
import random, sys
sys.path.insert(0, sys.argv[1])
from nodemem.kernels import load
from test_instances import MAPS, TYPE, scan
kernel, r = load("instances"), random.Random(3)
for _ in range(50):
    words = [r.choice([*MAPS, 0, TYPE << 32, r.randrange(2**64)]) for _ in range(200)]
    print(scan(kernel, words, MAPS[:5], 7))
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
    assert len(set(results[0])) == 50
    assert results[0] == results[1]
