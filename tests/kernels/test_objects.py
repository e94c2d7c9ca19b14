"""The kernel that walks V8's pages: compiled and as Python it gives the same counts."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import hashlib, random, sys
from array import array as plain
from nodemem import kernels
objects = kernels.load("objects")
r = random.Random(7)
digest = hashlib.sha256()
outcomes = set()
def array(code, values):
    return memoryview(plain(code, values))
for _ in range(60):
    maps = [0x300000000001 + 0x50 * i for i in range(6)]
    keys, slots = array("Q", bytes(8 * 16)), array("I", bytes(4 * 16))
    for slot, word in enumerate(maps[:5]):
        at = (word >> 3 ^ word >> 18) & 15
        while keys[at]:
            at = (at + 1) & 15
        keys[at], slots[at] = word, slot
    rules = array("Q", [
        0, 0, 0, 24, 0, 1, 1 << 40, 0,
        1, 32, 0x7FFFFFFF, 16, 8, 2, 1 << 40, 0,
        1, 32, 0x3FFFFFFF, 16, 1, 2, 2, 0,
        0, 0, 0, 16, 0, 1, 1, 0,
        0, 0, 0, 32, 0, 1, 1 << 40, 1,
    ])
    words = plain("Q")
    def other():
        return r.choice([0, 3, r.randrange(1 << 64), r.choice(maps) + 2, r.randrange(64) << 32])
    while len(words) < 400:
        slot = r.randrange(6 if r.random() < 0.1 else 5)
        odd = r.choice([0, 1, 2, 30, r.randrange(1 << 31)])
        size = odd if r.random() < 0.05 else r.randrange(9)
        words.append(maps[slot])
        body = {0: 2, 1: 1 + size, 2: 1 + (size + 7) // 8, 3: 1, 4: 3 + size % 4, 5: 3}[slot]
        words.extend([size << 32, *(other() for _ in range(min(body, 40) - 1))])
    words = memoryview(words)
    tallies, info, found = array("Q", bytes(8 * 40)), array("q", [0, 0, 0]), array("Q", [0, 0])
    strangers = array("Q", bytes(8 * 20))
    constants = array("Q", [0x300000000000, 0x300000000060, 1 << 62, 1 << 63])
    at = 0
    while at < len(words):
        outcome = objects.walk(
            words, at, len(words), keys, slots, rules, tallies, constants, found, strangers, info
        )
        outcomes.add(outcome)
        digest.update(repr((outcome, list(info))).encode())
        if outcome == objects.DONE:
            break
        at = objects.resume(words, info[0] + 1, len(words), 3, keys, slots, rules)
        digest.update(repr(at).encode())
    objects.references(words, 0, len(words), constants, found)
    digest.update(found)
    digest.update(strangers)
    digest.update(tallies)
    totals, squares = array("Q", bytes(8 * 40)), array("d", bytes(8 * 40))
    kinds, page = array("I", [0, 1, 1, 2, 0]), array("Q", bytes(8 * 32))
    digest.update(repr(objects.fold(tallies, 5, totals, squares, kinds, 3, page)).encode())
    sums, differences = array("Q", bytes(64)), array("d", bytes(64))
    objects.spread(page, array("I", [2, 0, 1]), 8, sums, differences)
    for part in (tallies, totals, squares, page, sums, differences):
        digest.update(part)
print(digest.hexdigest(), sorted(outcomes))
print("compiled" if objects.COMPILED else "interpreted")
"""


def test_compiled_equals_interpreted() -> None:
    results = []
    for mode, name in (("0", "compiled"), ("1", "interpreted")):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "NODEMEM_INTERPRETED": mode},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        *result, form = done.stdout.splitlines()
        assert form == name
        results.append(result)
    assert results[0] == results[1]
    assert results[0][0].endswith("[0, 1, 2]"), "every way for a walk to end is tried"
