"""Digests: the same of a program each time, small whatever the heap, and sums when merged."""

from __future__ import annotations

import json
import subprocess
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nodemem
from nodemem.cli import run
from nodemem.errors import InputError
from nodemem.heap.digest import digest
from nodemem.results.digest import (
    MOST_BYTES,
    Digest,
    Held,
    Rest,
    from_bytes,
    merge,
    to_bytes,
    trimmed,
)
from nodemem.testing import SnapshotBuilder

PROGRAM = """
class Store { constructor() { this.items = new Map(); this.next = null; } }
class Item { constructor(n) { this.text = 'planted text ' + n; } }
const shop = new Store();
globalThis.use = () => shop;
for (let i = 0; i < 300; i++) shop.items.set('planted key ' + i, new Item(i));
class Link { constructor(next) { this.next = next; } }
globalThis.chain = null;
for (let i = 0; i < 1000; i++) chain = new Link(chain);
globalThis.byMail = {};
for (let i = 0; i < 200; i++) byMail['plantedmember' + i] = { n: {} };
globalThis.few = { 'planted@example.com': {}, 'planted.example': {} };
require('v8').writeHeapSnapshot(process.argv[1]);
"""


@pytest.fixture(scope="module")
def paths(any_node: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Snapshots of two runs of one program."""
    folder = tmp_path_factory.mktemp("digest")
    found = [folder / f"{name}.heapsnapshot" for name in "ab"]
    for path in found:
        command = [any_node, "-e", PROGRAM, path]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return found


@pytest.fixture(scope="module")
def made(paths: list[Path]) -> list[Digest]:
    return [digest(nodemem.open_snapshot(path)) for path in paths]


def by_name(entries: tuple[Held, ...]) -> dict[str, Held]:
    return {entry.name: entry for entry in entries}


def test_holders_by_signature(paths: list[Path], made: list[Digest]) -> None:
    snapshot = nodemem.open_snapshot(paths[0])
    found = by_name(made[0].holders)
    (store, items), *others = (
        (node, edge.target)
        for node in snapshot.objects_named("Store")
        for edge in snapshot.edges(node)
        if edge.name == "items"
    )
    assert not others
    held = found["Store.items"]
    assert (held.count, held.retained) == (1, snapshot.retained_size(items))
    assert found["variable shop"].retained == snapshot.retained_size(store)
    assert found["Item.text"].count == 300
    assert found["Map[…]"].count >= 300
    # Of a list, each link is held by another one, and bytes count once.
    assert found["Link.next"].count == 999
    assert found["Link.next"].retained == found["Link.next"].shallow
    assert found["globalThis.chain"].retained > found["Link.next"].retained
    assert found["Object[…]"].count >= 200


def test_totals_and_classes_are_those_of_the_queries(paths: list[Path], made: list[Digest]) -> None:
    snapshot = nodemem.open_snapshot(paths[0])
    assert made[0].totals == {
        "nodes": snapshot.node_count,
        "edges": snapshot.edge_count,
        "strings": snapshot.string_count,
        **snapshot.statistics(),
    }
    rows = {row["class"]: row for row in snapshot.classes().rows()}
    for name in ("Item", "Link", "(string)"):
        entry = by_name(made[0].classes)[name]
        expected = (rows[name]["count"], rows[name]["shallow"], rows[name]["retained"])
        assert (entry.count, entry.shallow, entry.retained) == expected
    assert next(iter(made[0].node_versions)).startswith("v")


def test_runs_of_one_program_have_the_same_signatures(made: list[Digest]) -> None:
    first, second = (by_name(one.holders) for one in made)
    assert len(first.keys() ^ second.keys()) < 0.02 * len(first)
    for name in ("Store.items", "variable shop", "Item.text", "Link.next", "globalThis.byMail"):
        assert first[name].count == second[name].count


def test_nothing_of_what_strings_hold(paths: list[Path], made: list[Digest]) -> None:
    data = to_bytes(made[0])
    assert b"planted" in paths[0].read_bytes()
    assert b"planted" not in data
    assert b"@" not in data


def test_the_same_file_gives_the_same_bytes(paths: list[Path], made: list[Digest]) -> None:
    again = to_bytes(digest(nodemem.open_snapshot(paths[0])))
    assert again == to_bytes(made[0])
    assert from_bytes(again, "x") == made[0]
    assert again.startswith(b'{"nodemem-digest":1,')


def test_no_digest_is_larger_than_a_megabyte(tmp_path: Path) -> None:
    heap = SnapshotBuilder()
    root = heap.node("synthetic", "")
    top = heap.node("object", "global", size=8)
    heap.edge(root, "shortcut", "global", top)
    for number in range(9_000):
        node = heap.node("object", f"Class{number}" + "ö" * 200, size=16)
        heap.edge(top, "property", f"member{number}" + "x" * 70, node)
    path = tmp_path / "many.heapsnapshot"
    path.write_bytes(heap.to_bytes())
    found = digest(nodemem.open_snapshot(path))
    assert len(to_bytes(found)) <= MOST_BYTES
    for entries, rest in (
        (found.classes, found.other_classes),
        (found.holders, found.other_holders),
    ):
        assert rest.entries > 0
        assert sum(entry.count for entry in entries) + rest.count == 9_001
        assert sum(entry.shallow for entry in entries) + rest.shallow == 9_000 * 16 + 8
    twice = merge([found, found])
    assert len(to_bytes(twice)) <= MOST_BYTES
    assert sum(entry.count for entry in twice.classes) + twice.other_classes.count == 2 * 9_001


NUMBERS = st.integers(0, 10**6)
ENTRIES = st.dictionaries(
    st.sampled_from("abcdefgh"), st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=6
).map(
    lambda found: tuple(
        Held(name, 1, count, shallow, retained, retained)
        for name, (count, shallow, retained) in found.items()
    )
)
DIGESTS = st.builds(
    lambda classes, holders, totals, script: trimmed(
        Digest(
            scripts={script: 1},
            totals=totals,
            most=totals,
            classes=classes,
            holders=holders,
        )
    ),
    ENTRIES,
    ENTRIES,
    st.dictionaries(st.sampled_from(["nodes", "edges"]), NUMBERS),
    st.sampled_from(["/a.js", "/b.js"]),
)


@settings(max_examples=60)
@given(DIGESTS, DIGESTS, DIGESTS)
def test_order_and_grouping_do_not_matter(a: Digest, b: Digest, c: Digest) -> None:
    merged = merge([a, b, c])
    assert all(merge(order) == merged for order in permutations([a, b, c]))
    assert merge([merge([a, b]), c]) == merge([a, merge([b, c])]) == merged
    assert merge([a]) == a
    assert merged.snapshots == 3
    for name in "abcdefgh":
        held = [e for one in (a, b, c) for e in one.holders if e.name == name]
        entry = by_name(merged.holders).get(name)
        assert (entry is None) == (not held)
        if entry is not None:
            assert entry.snapshots == len(held)
            assert entry.retained == sum(e.retained for e in held)
            assert entry.most_retained == max(e.retained for e in held)


def test_what_was_left_out_bounds_what_is_missing() -> None:
    def large(seed: int) -> Digest:
        entries = tuple(
            Held(f"{n:05}" + "x" * 150, 1, 1, n, n * (n * seed % 7 + 1), 0) for n in range(4_000)
        )
        return trimmed(Digest(classes=entries))

    three = [large(seed) for seed in (1, 2, 3)]
    assert all(one.other_classes.entries > 0 for one in three)
    ways = [merge(three), merge([merge(three[:2]), three[2]]), merge([three[0], merge(three[1:])])]
    totals = {
        sum(entry.retained for entry in way.classes) + way.other_classes.retained for way in ways
    }
    assert len(totals) == 1
    for way in ways:
        for entry in way.classes:
            n = int(entry.name[:5])
            true = sum(n * (n * seed % 7 + 1) for seed in (1, 2, 3))
            assert entry.retained <= true <= entry.retained + way.other_classes.retained


def test_the_verb(
    paths: list[Path], made: list[Digest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, both = tmp_path / "one.json", tmp_path / "both.json"
    assert run(["heap", "digest", str(paths[0]), "-o", str(one)]) == 0
    assert one.read_bytes() == to_bytes(made[0])
    assert one.stat().st_mode & 0o777 == 0o600
    assert run(["heap", "digest", str(paths[0]), "-o", str(one)]) == 2
    assert run(["heap", "digest", str(one), str(paths[1]), "-o", str(both)]) == 0
    assert from_bytes(both.read_bytes(), "both") == merge(made)
    capsys.readouterr()
    assert run(["heap", "digest", str(both), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["data"]["snapshots"] == 2
    assert answer["data"]["holders"] == json.loads(both.read_bytes())["holders"]
    assert run(["heap", "digest", str(both), "--top", "3"]) == 0
    assert made[0].holders[0].name in capsys.readouterr().out


@pytest.mark.parametrize(
    "data",
    [
        b'{"nodemem-digest":2}',
        b'{"nodemem-digest":1,"classes":[{"name":1}]}',
        b'{"nodemem-digest":1,"classes":',
        b'{"nodemem-digest":1}' + b" " * 5_000_000,
    ],
)
def test_what_is_no_digest(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError):
        from_bytes(data, "x")
    path = tmp_path / "x.json"
    path.write_bytes(data)
    assert run(["heap", "digest", str(path)]) == 4
    assert run(["heap", "digest", str(tmp_path / "missing.json")]) == 4
    assert merge([Digest(), Digest()]).other_classes == Rest()


def test_names_that_are_no_text(tmp_path: Path) -> None:
    heap = SnapshotBuilder()
    heap.node("synthetic", "")
    heap.edge(0, "shortcut", "global", heap.node("object", "Half \ud800", size=8))
    path = tmp_path / "a.heapsnapshot"
    path.write_bytes(heap.to_bytes())
    made = from_bytes(to_bytes(digest(nodemem.open_snapshot(path))), "a")
    assert [held.name for held in made.classes] == ["Half \\ud800"]
