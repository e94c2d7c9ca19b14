"""Source maps against a definition in a few lines: every mapping kept, each search a scan."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodemem.errors import InputError
from nodemem.source.maps import parse_map

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
SOURCES, NAMES = ["a.ts", "b.ts", None], ["alpha", "beta"]


class Mapping(NamedTuple):
    line: int
    column: int
    source: int | None = None
    source_line: int = 0
    source_column: int = 0
    name: int | None = None


def vlq(number: int) -> str:
    rest, text = (-number << 1 | 1) if number < 0 else number << 1, ""
    while True:
        rest, digit = rest >> 5, rest & 31
        text += DIGITS[digit | (32 if rest else 0)]
        if not rest:
            return text


def encode(mappings: list[Mapping]) -> str:
    lines: list[list[str]] = [[] for _ in range(max((m.line for m in mappings), default=0) + 1)]
    column, before = [0] * len(lines), Mapping(0, 0, 0, 0, 0, 0)
    for m in mappings:
        numbers = [m.column - column[m.line]]
        column[m.line] = m.column
        if m.source is not None:
            numbers += [
                m.source - before.source,
                m.source_line - before.source_line,
                m.source_column - before.source_column,
            ]
            if m.name is not None:
                numbers.append(m.name - before.name)
            before = m._replace(name=before.name if m.name is None else m.name)
        lines[m.line].append("".join(map(vlq, numbers)))
    return ";".join(map(",".join, lines))


def text_of(mappings: str, **more: object) -> bytes:
    return json.dumps(
        {"version": 3, "sources": SOURCES, "names": NAMES, "mappings": mappings} | more
    ).encode()


NESTED = {"offset": {"line": 0, "column": 0}, "map": {"version": 3, "sections": []}}


def sections(*parts: object) -> bytes:
    return json.dumps({"version": 3, "sections": parts}).encode()


numbers = st.integers(0, 50) | st.integers(0, 2**31 - 2)


@st.composite
def mapping_lists(draw):
    made = draw(
        st.lists(
            st.builds(
                Mapping,
                st.integers(0, 6),
                numbers,
                st.none() | st.integers(0, len(SOURCES) - 1),
                numbers,
                numbers,
                st.none() | st.integers(0, len(NAMES) - 1),
            ),
            max_size=30,
        )
    )
    made.sort(key=lambda m: m.line)
    return made


@given(mapping_lists(), st.lists(st.tuples(st.integers(0, 8), numbers), min_size=1, max_size=20))
def test_a_position_is_what_the_last_mapping_before_it_says(mappings, places):
    decoded = parse_map(text_of(encode(mappings)), "x")
    for line, column in [*places, *((m.line, m.column) for m in mappings)]:
        before = [m for m in mappings if m.line == line and m.column <= column]
        wanted = max(before, key=lambda m: m.column, default=None)
        if wanted is not None:  # of several at one column the last counts
            wanted = [m for m in before if m.column == wanted.column][-1]
        found = decoded.original(line, column)
        if wanted is None or wanted.source is None:
            assert found is None
        else:
            assert found is not None
            assert found[:3] == (wanted.source, wanted.source_line, wanted.source_column)
            assert found.name == (None if wanted.name is None else NAMES[wanted.name])
            assert found.begins == (wanted.column == column)


def test_sections_are_shifted_and_end_where_the_next_begins():
    one = {"version": 3, "sources": ["one"], "names": [], "mappings": "AAAA"}
    two = one | {"sources": ["two"], "sourceRoot": "lib", "x_google_ignoreList": [0]}
    parts = [
        {"offset": {"line": 0, "column": 0}, "map": one},
        {"offset": {"line": 0, "column": 100}, "map": two},
        {"offset": {"line": 4, "column": 7}, "map": one},
    ]
    found = parse_map(json.dumps({"version": 3, "sections": parts}).encode(), "x")
    assert found.sources == ["one", "lib/two", "one"]
    assert found.ignored == {1}
    sources = {at: found.original(*at) for at in [(0, 99), (0, 100), (2, 0), (4, 6), (4, 7)]}
    assert {at: None if o is None else o.source for at, o in sources.items()} == {
        (0, 99): 0, (0, 100): 1, (2, 0): None, (4, 6): None, (4, 7): 2,
    }  # fmt: skip


def test_what_protects_from_inclusion_is_skipped():
    plain = text_of("AAAA")
    for data in (plain, b")]}'\n" + plain, b")]}\n" + plain, b"\xef\xbb\xbf" + plain):
        assert parse_map(data, "x").original(0, 3) is not None


def test_roots_and_lists():
    found = parse_map(text_of("AAAA", sourceRoot="/r", ignoreList=[1, 99], file=3, extra={}), "x")
    assert found.sources == ["/r/a.ts", "/r/b.ts", None]
    assert found.ignored == {1}
    assert found.contents == [None, None, None]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"<html>not found</html>", "malformed"),
        (b"[" * 100_000, "Expected|recursion|truncated"),
        (b'{"version": 3, "x": ' + b"[" * 100_000, "recursion|truncated"),
        (b'{"version": ' + b"9" * 10_000 + b"}", "range|int|number"),
        (b'{"version": 2, "mappings": ""}', "version 3"),
        (text_of("A!"), "no base64 digit"),
        (text_of("ÅA"), "no base64 digit"),
        (text_of("AA"), "1, 4 or 5"),
        (text_of("AAAAAA"), "1, 4 or 5"),
        (text_of("AAAg"), "1, 4 or 5"),
        (text_of("D"), "out of range"),
        (text_of("gggggggggggggggA"), "out of range"),
        (text_of("AAAA;" + "A" + "+/////D" * 3), "out of range"),
        (text_of("AGAA"), "does not list"),
        (text_of("ADAA"), "does not list"),
        (text_of("AAAAE"), "does not list"),
        (text_of("," * 16_000_001), "16,000,000"),
        (text_of("AAAA", sources="a"), "Expected `array`"),
        (text_of("AAAA", names=[None]), "Expected `str`"),
        (sections({"offset": {"line": 0, "column": 0}, "url": "x"}), "plain"),
        (sections(NESTED), "plain"),
        (sections({"offset": {"line": -1, "column": 0}, "map": {"version": 3}}), "ascend"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else None,
)
def test_a_damaged_map_is_an_error_that_says_why(data, why):
    with pytest.raises(InputError, match=r"source map of x\.js") as raised:
        parse_map(data, "x.js")
    assert re.search(why, str(raised.value)), str(raised.value)


@given(st.text(alphabet=DIGITS + ",;!", max_size=200))
def test_any_mappings_end_in_a_map_or_an_error(text):
    try:
        found = parse_map(text_of(text), "x")
    except InputError:
        return
    for line in range(text.count(";") + 2):
        for column in (0, 1, 31, 2**31):
            found.original(line, column)


PROGRAM = """
import json, random
from nodemem.errors import InputError
from nodemem.source.maps import parse_map
r = random.Random(7)
for _ in range(300):
    parts = ["AAAA", "CAAC", "ECDAA", "G", "IDAgB", ";", ";", "A" * r.randrange(7)]
    text = ",".join(r.choice(parts) for _ in range(r.randrange(9)))
    made = {"version": 3, "sources": ["a", "b"], "names": ["n"], "mappings": text}
    try:
        found = parse_map(json.dumps(made).encode(), "x")
        print([found.original(l, c) for l in range(4) for c in range(0, 40, 3)])
    except InputError as error:
        print(error)
"""


def test_the_compiled_decoder_equals_the_interpreted_one():
    told = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "NODEMEM_INTERPRETED": interpreted},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for interpreted in ("0", "1")
    ]
    assert told[0] == told[1]
    assert "Original" in told[0]
    assert "cannot be used" in told[0]
