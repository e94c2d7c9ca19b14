"""The cases of tests/cases: program, query, expected rows."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from nodemem.heap.queries import QUERIES

CASES = sorted((Path(__file__).parent.parent / "cases").glob("*.toml"))
BY_NAME = {query.name: query for query in QUERIES}


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_case(case, node, snap):
    wanted = tomllib.loads(case.read_text(encoding="utf-8"))
    snapshots = snap(node, wanted["program"], first=wanted["first"], then=wanted["then"])
    query = BY_NAME[wanted["query"]]
    asked = snapshots[-query.files[0] :]
    rows = query.run(asked, wanted.get("options", {})).rows()
    assert wanted.keys() & {"expect", "absent", "empty"}, "the case expects nothing"
    assert not (wanted.get("empty") and rows), rows
    for expected in wanted.get("expect", []):
        assert any(expected.items() <= row.items() for row in rows), (expected, rows)
    if "absent" in wanted:
        absent = wanted["absent"]
        assert absent, "no row at all is `empty = true`"
        assert not any(absent.items() <= row.items() for row in rows), rows
