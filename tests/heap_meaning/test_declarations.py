"""Declarations in JavaScript text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodemem.heap.naming.declarations import find_declaration, find_member

TEXT = """\
const a = 1, b = new Map();
const { x, y: z, ...rest } = require('q');
let re = /[/{]"/g, tpl = `a ${ b ? `{${x}` : "}" } c`; // let commented = 1
function f(cache, { deep }) {
  const b = 2;
  return () => { cache.get(b) };
}
const g = (cache) => { return function () { return cache } };
class K {
  static entries = new Map(); #p = 1;
  constructor(q) { this.items = []; this.n = q }
  m() { this.items = [] }
}
for (const it of list) { fns.push(() => it) }
const h = v => () => v;
var late;
"""


@pytest.mark.parametrize(
    ("name", "inside", "expected"),
    [
        ("a", (), (1, 7)),
        ("b", [(1, 1)], (1, 14)),
        ("b", [(6, 11)], (5, 9)),
        ("x", [(3, 1)], (2, 9)),
        ("y", [(3, 1)], None),  # `y` is the property's name, `z` the variable
        ("z", [(3, 1)], (2, 15)),
        ("rest", [(3, 1)], (2, 21)),
        ("re", (), (3, 5)),
        ("tpl", (), (3, 20)),
        ("commented", (), None),
        ("cache", [(6, 11)], (4, 12)),
        ("cache", [(8, 40)], (8, 12)),
        ("cache", (), None),  # declared twice: without a position nobody can tell
        ("deep", [(6, 11)], (4, 21)),
        ("it", [(14, 35)], (14, 12)),
        ("v", [(15, 17)], (15, 11)),
        ("K", (), (9, 7)),
        ("f", (), (4, 10)),
        ("late", (), (16, 5)),
    ],
)
def test_finds_the_declaration_in_scope(name, inside, expected):
    assert find_declaration(TEXT, name, inside) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("entries", (10, 10)), ("items", (11, 25)), ("#p", (10, 31))]
)
def test_finds_members_of_a_class(name, expected):
    assert find_member(TEXT, name, (11, 14)) == expected


def test_a_member_without_class_must_be_set_once():
    assert find_member("a.x = 1;\nb.y = 2; c.y = 3;", "x") == (1, 3)
    assert find_member("a.x = 1;\nb.y = 2; c.y = 3;", "y") is None


@given(st.text(alphabet="ab{}()[];,=>'\"`/*$\\\n const let var", max_size=80))
def test_any_text_is_read_to_its_end(text):
    found = find_declaration(text, "a", [(1, 1), (99, 7)])
    if found is not None:
        line, column = found
        assert text.split("\n")[line - 1][column - 1 :].startswith("a")
    find_member(text, "a", (1, 1))


@st.composite
def _nests(draw):
    """Nested functions, some of which declare `it`; a function at the deepest place uses it."""
    depth = draw(st.integers(1, 6))
    declares = [draw(st.booleans()) for _ in range(depth)]
    noise = ["// {", "'{';", "`}`;", "/}/;", "if (x) { let it; }", "const o = { it: 1 };"]
    lines, expected = [], None
    for level, here in enumerate(declares):
        lines += draw(st.lists(st.sampled_from(noise), max_size=2))
        if here:
            word = draw(st.sampled_from(["const", "let", "var"]))
            lines.append(f"{word} it = {level};")
            expected = (len(lines), len(word) + 2)
        lines.append("function f() {")
    lines.append("return () => it;")
    user = (len(lines), 8)
    return "\n".join(lines + ["}"] * depth), user, expected


@given(_nests())
def test_the_innermost_declaration_counts(nest):
    text, user, expected = nest
    assert find_declaration(text, "it", [user]) == expected
