"""A few functions of each script, against the definition."""

from __future__ import annotations

from array import array
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from nodemem.kernels import load


@given(
    st.lists(st.sampled_from([3, 5]), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(0, 19), st.sampled_from([0, 1, 7, 8, 2**32 - 1]))),
    st.integers(1, 3),
)
def test_the_first_of_each_script_are_taken(types, located, most):
    located = [(ordinal % len(types), script) for ordinal, script in located]
    records = memoryview(array("I", [n for o, s in located for n in (o, s, 0, 0)]))
    out = memoryview(array("I", bytes(4 * len(located) + 4)))
    count = load("scripts").examples(
        len(located), records, memoryview(bytearray(types)), 5, most, memoryview(bytearray(8)), out
    )
    wanted, seen = [], Counter()
    for number, (ordinal, script) in enumerate(located):
        if types[ordinal] == 5:
            seen[script] += 1
            if seen[script] <= most or script >= 8:
                wanted.append(number)
    assert out[:count].tolist() == wanted
