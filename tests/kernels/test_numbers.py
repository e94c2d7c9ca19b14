"""Numbers read several at a time are the numbers read byte by byte, wherever the text is not as
usual."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nodemem.kernels import load

scan = load("scan")
ROOM = 4096

number = st.one_of(
    st.integers(0, 9),
    st.integers(0, 2**32 + 9),
    st.sampled_from([10**8 - 1, 10**8, 2**32 - 1, 2**32, 10**15, 10**16, 10**17, 2**64 - 1]),
).map(str)
separator = st.sampled_from([",", ",", ",", ",\n", "\n,", " , ", "\r\n,\t"])
odd = st.sampled_from(
    ["", "", "", "", "]", "x", ",,", "1 2", " ", "00000000000000000007", '"', "-1"]
)


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    count = draw(st.integers(1, 200))
    few = draw(st.lists(st.tuples(number, separator), min_size=1, max_size=12))
    parts = [n + s for i in range(count) for n, s in [few[i % len(few)]]]
    parts.insert(draw(st.integers(0, count)), draw(odd))
    return "".join(parts).encode()


def read(vectors: bool, text: bytes, state: int) -> tuple[object, ...]:
    buffer = memoryview(bytearray(text + b"\0"))
    out, at, wide = (memoryview(bytearray(8 * ROOM)).cast(code) for code in "IIQ")
    info = memoryview(bytearray(32)).cast("q")
    info[0] = state
    count = scan.numbers(vectors, buffer, 0, len(text), out, 3, at, wide, info)
    wides = [(at[i], wide[i]) for i in range(info[2])]
    return count, out[3:count].tolist(), info.tolist(), wides


@given(text=texts(), state=st.sampled_from([scan.FIRST, scan.VALUE]))
@example(text=b"1," * 600, state=scan.VALUE)
@example(text=b"123456789,1234567890,12345678901\n," * 40, state=scan.VALUE)
def test_vectors_read_what_is_read_byte_by_byte(text: bytes, state: int) -> None:
    if not scan.vectors():
        pytest.skip("this processor has no such instructions")
    assert read(True, text, state) == read(False, text, state)


@given(values=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=400), gap=separator)
def test_numbers_are_what_is_written(values: list[int], gap: str) -> None:
    text = gap.join(map(str, values)).encode() + b"]"
    for vectors in {False, scan.vectors()}:
        count, found, info, wides = read(vectors, text, scan.FIRST)
        assert (count, found, wides) == (3 + len(values), values, [])
        assert info == [scan.CLOSED, len(text), 0, scan.NO_FAULT]
