"""What V8 does with weak maps, diamonds, private fields, symbols, bound functions, pools."""

from __future__ import annotations


def test_the_value_of_a_weak_map_is_dominated_by_its_key(asked):
    rows = asked.rows("dominators", id=asked.id("key"), depth=1, share=0.0)
    assert asked("Value") in {row["name"] for row in rows if row["depth"] == 1}
    value = next(row for row in asked.rows("object", id=asked.id("key"))
                 if row["reference"] == "weakmap value")  # fmt: skip
    holders = asked.rows("retainers", id=value["id"], depth=1)[1:]
    assert (asked("Key"), "weakmap value") in {(row["class"], row["reference"]) for row in holders}
    without_key = asked.snapshot.query("what-if-removed", id=[asked.id("key")])
    assert (asked("Value"), 1) in {(row["class"], row["count"]) for row in without_key.rows()}
    without_map = asked.snapshot.query("what-if-removed", id=[asked.id("weakMap")])
    assert asked("Value") not in {row["class"] for row in without_map.rows()}
    # The other entry went with its key.
    found = asked.rows("search", name=asked("Value"), case=True, top=None)
    assert sum(row["class"] == asked("Value") for row in found) < 5


def test_what_two_sides_hold_is_dominated_by_who_holds_both(asked):
    rows = asked.rows("dominators", id=asked.id("diamond"), depth=1, share=0.0)
    below = {row["name"]: row["count"] for row in rows if row["depth"] == 1}
    assert below == {asked("Side"): 2, asked("Bottom"): 1}
    bottom = next(row for row in rows if row["name"] == asked("Bottom"))
    ways = asked.snapshot.query("path", id=bottom["id"], all=True)
    assert ways.summary["ways"] == 2
    left = [row for row in asked.rows("object", id=asked.id("diamond")) if row["name"] == "left"]
    without = asked.rows("retainers", id=bottom["id"], depth=1, ignore=[left[0]["id"]])
    assert [row["class"] for row in without[1:]] == [asked("Side")]
    both = [f"{asked.id('diamond')}:{side}" for side in ("left", "right")]
    one = asked.snapshot.query("what-if-removed", edge=both[:1]).rows()
    assert asked("Bottom") not in {row["class"] for row in one}
    two = asked.snapshot.query("what-if-removed", edge=both).rows()
    assert asked("Bottom") in {row["class"] for row in two}


def test_members_have_the_names_that_the_program_gives_them(asked):
    private = {row["name"]: row["class"] for row in asked.rows("object", id=asked.id("private"))}
    assert private["#hidden"] == asked("Bottom")
    static = asked.rows("object", id=asked.id("PrivateClass"))
    assert asked("Bottom") in {row["class"] for row in static if row["name"] == "kept"}
    members = {row["name"]: row for row in asked.rows("object", id=asked.id("members"))}
    assert f"<symbol {asked('described')}>" in members
    assert members["a b"]["value"] == "'blank'"
    assert members["''"]["value"] == "'empty'"
    numbered = asked.rows("object", id=asked.id("numbered"))
    elements = {row["name"]: row["value"] for row in numbered if row["reference"] == "element"}
    assert elements == {"0": "'zero'", "1": "'one'", "500": "'far'"}


def test_a_bound_function_keeps_this_and_its_arguments(asked):
    rows = {row["reference"]: row["class"] for row in asked.rows("object", id=asked.id("bound"))}
    assert rows["bound this"] == asked("Top")
    assert rows["bound argument"] == asked("Value")
    assert rows["bound function"] == f"function {asked('target')}"


def test_small_buffers_share_a_pool(asked):
    groups = [row for row in asked.rows("buffers", top=100) if row["views"] >= 20]
    (pool,) = groups
    assert (pool["buffers"], pool["pools"]) == (1, 1)
    assert pool["size"] in (8192, 65536, 65600)


def test_a_sparse_array_is_no_array_of_a_million_slots(asked):
    rows = asked.rows("collections", by="object", top=100_000)
    assert asked.id("sparse") not in {row["id"] for row in rows if row["kind"] == "Array"}
