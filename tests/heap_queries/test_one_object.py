"""Questions about single objects and their place in the graph."""

from __future__ import annotations

import pytest

from nodemem.errors import UsageError


def test_the_parts_of_the_heap_add_up(asked):
    rows = {row["part"]: row for row in asked.rows("statistics")}
    total = rows["total"]["shallow"]
    assert rows["V8 heap"]["shallow"] + rows["outside the V8 heap"]["shallow"] == total
    for whole, parts in (
        ("V8 heap", ["strings", "arrays", "code", "system", "other objects"]),
        ("outside the V8 heap", ["typed arrays", "other"]),
    ):
        assert sum(rows[part]["shallow"] for part in parts) == rows[whole]["shallow"]
    assert rows["typed arrays"]["shallow"] > 860_000
    assert total == asked.snapshot.statistics()["total"]


def test_dominators_join_alike_siblings(asked):
    rows = asked.rows("dominators", id=asked.id("holders"), depth=2, share=0.0)
    assert rows[0]["name"] == "Array"
    holders = next(row for row in rows if row["name"] == asked("Holder"))
    assert (holders["depth"], holders["count"], holders["id"]) == (1, 100, None)
    maps = next(row for row in rows if row["name"] == "Map")
    assert (maps["depth"], maps["count"]) == (2, 100)
    below = sum(row["retained"] for row in rows if row["depth"] == 1)
    assert below <= rows[0]["retained"] == asked.snapshot.retained_size(asked.ordinal("holders"))


def test_dominators_from_the_root_tell_what_they_leave_out(asked):
    rows = asked.rows("dominators", depth=1, top=3)
    assert [row["depth"] for row in rows[:1]] == [0]
    assert rows[-1]["name"] == "(others)"
    assert rows[0]["share"] == 1
    sizes = [row["retained"] for row in rows if row["depth"] == 1 and row["name"] != "(others)"]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) <= 3


def test_retainers_mark_circles_and_weak_references(asked):
    rows = asked.rows("retainers", id=asked.id("cycle"), depth=3)
    told = {(row["depth"], row["reference"], row["name"], row["note"]) for row in rows}
    assert (1, "global property", asked("cycle"), None) in told
    assert (1, "property", "a", None) in told
    assert (2, "property", "b", "circle") in told
    assert any(row["note"] == "weak" and row["class"] == "WeakRef" for row in rows)


def test_a_retainer_can_be_ignored(asked):
    table = asked.snapshot.query("retainers", id=asked.id("slice"), depth=1)
    assert "kept" not in table.summary
    pending = asked.ordinal("pending")
    waiting = next(
        row for row in asked.rows("promises") if row["function"] == f"function {asked('worker')}"
    )
    with_it = asked.snapshot.query("retainers", id=waiting["id"], depth=1)
    without = asked.snapshot.query(
        "retainers", id=waiting["id"], depth=1, ignore=[asked.snapshot.node_id(pending)]
    )
    assert len(with_it) > len(without) == 1
    assert without.summary["kept"] is False


def test_an_object_shows_values_where_the_file_has_them(asked):
    table = asked.snapshot.query("object", id=asked.id("values"))
    rows = {row["name"]: row for row in table.rows() if row["reference"] == "property"}
    assert rows["text"]["value"] == "'some text'"
    assert rows["truth"]["value"] == "true"
    assert rows["nothing"]["value"] == "null"
    assert rows["symbol"]["value"] == f"Symbol({asked('sym')})"
    assert rows["re"]["value"] == "/a+b/"
    assert table.summary["class"].startswith("{text, truth, nothing")
    raw = asked.snapshot.query("object", id=asked.id("values"), raw=True)
    assert ("internal", "map") in {(row["reference"], row["name"]) for row in raw.rows()}


def test_a_joined_string_is_put_together_and_a_slice_is_told(asked):
    joined = asked.snapshot.query("object", id=asked.id("joined")).summary
    assert joined["whole"] is True
    assert joined["text"].count("|") == 50
    assert len(joined["text"]) == 550
    part = asked.snapshot.query("object", id=asked.id("slice")).summary
    assert part["whole"] is False


def test_what_a_map_a_closure_and_a_promise_hold(asked):
    row = asked.row("object", {"name": "k300"}, id=asked.id("map"), top=None)
    assert (row["reference"], row["class"]) == ("map value", "{v}")
    assert not [row for row in asked.rows("object", id=asked.id("map"), top=None)
                if row["name"] == "k100"]  # fmt: skip
    held = asked.rows("object", id=asked.id("running"))
    assert asked("Payload") in {row["class"] for row in held}
    waits = {row["class"] for row in asked.rows("object", id=asked.id("pending"))}
    assert f"function {asked('then')}" in waits


def test_containment_begins_at_the_roots(asked):
    rows = asked.rows("containment", depth=1, top=5)
    assert rows[0]["class"] == "(root)"
    assert "(GC roots)" in {row["class"] for row in rows}
    below = asked.rows("containment", id=asked.id("cycle"), depth=2)
    assert [row["note"] for row in below if row["class"] == asked("CycleA")][1:] == ["circle"]


def test_several_ways_and_the_ways_of_a_class(asked):
    node_id = asked.id("one")
    ways = asked.snapshot.query("path", id=node_id, all=True)
    names = {row["name"] for row in ways.rows() if row["id"] == node_id}
    assert names == {asked("one"), asked("two")}
    assert ways.summary["ways"] == 2
    merged = asked.snapshot.query("path", class_=asked("Row"))
    assert merged.summary == {"objects": 24, "looked_at": 24}
    counts = {row["name"]: row["count"] for row in merged.rows()
              if row["reference"] == "global property"}  # fmt: skip
    assert counts == {asked("short"): 10, asked("long"): 10, asked("exact"): 4}


@pytest.mark.parametrize("query", ["retainers", "object", "path"])
def test_an_id_is_needed_and_must_be_there(asked, query):
    with pytest.raises(UsageError, match="needs the id"):
        asked.snapshot.query(query)
    with pytest.raises(UsageError, match="no node with the id"):
        asked.snapshot.query(query, id=0)


def test_unknown_queries_and_comparisons_are_usage_errors(asked):
    with pytest.raises(UsageError, match="no heap query 'frobnicate'"):
        asked.snapshot.query("frobnicate")
    with pytest.raises(UsageError, match="takes 2 to 3 snapshots, not 1"):
        asked.snapshot.query("diff")
    with pytest.raises(UsageError, match="takes 1 snapshot, not 2"):
        asked.snapshot.query("classes", asked.snapshot)
    with pytest.raises(UsageError, match="is no opened snapshot"):
        asked.snapshot.query("diff", "b.heapsnapshot")
