from __future__ import annotations

import json

import pytest

from nodemem.results import Column, Finding, Table, Truncated, Where, envelope, to_json

TABLE = Table(
    columns=(Column("class", role="class"), Column("count", "count"), Column("retained", "bytes")),
    records=[("A", 3, 30), ("B", 2, None), ("C", 1, 10)],
)


def test_rows_are_dicts_by_column() -> None:
    assert TABLE.rows()[1] == {"class": "B", "count": 2, "retained": None}
    assert TABLE.values("count") == [3, 2, 1]
    with pytest.raises(ValueError, match="colour"):
        TABLE.values("colour")


def test_a_shortened_table_says_what_is_missing() -> None:
    short = TABLE.head(2, how="--top 3")
    assert len(short) == 2
    assert short.truncated == Truncated(shown=2, total=3, how="--top 3")
    assert TABLE.head(3, how="") is TABLE
    assert TABLE.head(None, how="") is TABLE


def test_the_envelope_frames_any_result() -> None:
    finding = Finding(id="leak", params={"n": 1}, where=Where("a.js", 3), confidence=0.5)
    framed = envelope("heap-classes", subject={"file": "x"}, data=TABLE.to_data())
    decoded = json.loads(to_json(framed))
    assert list(decoded) == ["schema", "nodemem", "subject", "data", "warnings", "truncated"]
    assert decoded["schema"] == "nodemem/heap-classes@1"
    assert decoded["truncated"] is None
    assert decoded["data"]["rows"][0] == {"class": "A", "count": 3, "retained": 30}
    assert json.loads(to_json(finding))["where"] == {
        "file": "a.js",
        "line": 3,
        "column": None,
        "path": None,
    }


def test_the_same_result_gives_the_same_bytes() -> None:
    assert to_json(TABLE.to_data()) == to_json(TABLE.to_data())


def test_places_read_as_editors_write_them() -> None:
    assert str(Where("a.js")) == "a.js"
    assert str(Where("a.js", 3)) == "a.js:3"
    assert str(Where("a.js", 3, 9)) == "a.js:3:9"
    assert str(Where(path="global.x")) == "global.x"
