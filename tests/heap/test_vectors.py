"""What V8 does with the things a program holds, told as Chrome DevTools counts it and in words.

The programs are in vectors.js beside; all run in one process before one snapshot. Sizes and
distances are what DevTools shows for Node.js 20, sizes with room for other releases. Distances
count one more in Node.js 26, whose global object is one step farther from the root.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

import nodemem
from nodemem.cli import cli
from nodemem.heap import HeapSnapshot
from nodemem.heap.queries import QUERIES, find_query
from nodemem.results import to_json

PROGRAM = Path(__file__).with_name("vectors.js")


class Has(NamedTuple):
    """Of the objects of a class: how many, their least distance, what all of them retain, the
    class of what dominates the nearest one, and the shortest path to that in words."""

    count: int
    distance: int | None = None
    retained: int | None = None
    dominator: str | None = None
    path: str | None = None


CLASSES: dict[str, Has] = {
    "Big1": Has(1, 4, 80_264, "closure scope", "leak1, variable big"),
    "Big2": Has(1, 4, 80_264, "closure scope", "used2, variable big"),
    "Big3": Has(0),
    "WKey4": Has(1, 2, 43_128, "(global)", "key4"),
    "WVal4": Has(1, 4, 41_336, "WKey4", "key4, weakmap value"),
    "DKey4": Has(0),
    "DVal4": Has(0),
    "Dead6": Has(0),
    "Alive6": Has(1, 2, None, "(global)", "alive6"),
    "Held7": Has(1, 4, 9_360, None, "registry7, finalization value"),
    "Component8": Has(5, 7, 80_720, None, "bus8, listener tick, variable this"),
    "Comp9": Has(3, 9, 12_432, None, "target9, listener tick, variable one"),
    "TAHolder13": Has(1, 2, 1_802_624, "(global)", "holder13"),
    "Shared15": Has(1, 2, 102_304, "(global)", "shared15"),
    "PromPayload19": Has(2, 3, 16_288, "Promise", "resolved19, promise value"),
    "GenPayload29": Has(2, 4, None, None, "generator29, suspended function"),
    "IPayload20": Has(1, 9, 8_888, None, "timer 100000, timer callback, variable payload"),
    "ToPayload21": Has(1, 4, None, None, "timer21, timer arguments, element 0"),
    "ImPayload21": Has(0),
    "Twin24": Has(3, 3),
    "Derived26": Has(1, 3),
    "Base26": Has(2, 3),
    "OldStyle26": Has(1, 3),
    "PxTarget28": Has(1, 3, None, "JSProxy", "proxy28"),
    "BThis30": Has(1, 3, 9_360, None, "bound30, bound this"),
    "BArg30": Has(1, 3, None, None, "bound30, bound argument 0"),
    "ErrCtx31": Has(1, None, 8_888, None, "error31, call site"),
    "V32": Has(1, 2, None, "(global)", "var32"),
    "L32": Has(1, None, None, None, None),
    "C32": Has(1, None, None, None, None),
    "InVm33": Has(1, 3, None, None, "sandbox33, held"),
    "ModCached34": Has(7),
    "CycA36": Has(1, 2, 5_000, "(global)", "cycle36"),
    "CycB36": Has(1, 3, 2_224, "CycA36", "cycle36, b"),
    "DTop37": Has(1, 2, None, "(global)", "diamond37"),
    "DBottom37": Has(1, 4, 8_888, "DTop37", None),
    "Shared38": Has(1, 3, None, "(global)", None),
    "LNode47": Has(5000, 2, 162_104, "(global)", "list47"),
    "Req42State": Has(1, 3, None, "Server", "server42, state42"),
    "Store46": Has(1),
    "InWorker55": Has(0),
    "LongKey52": Has(1, 2, None, "(global)", "key52"),
}
_ROOM = 2_500  # instances have slack that differs between releases, prototypes too


class Refers(NamedTuple):
    """A reference as V8 wrote it out of `g.<holder>`; `target` is the type and the name of what it
    leads to, as far as the vector says."""

    holder: str
    type: str
    name: str | int
    target: str | None = None


REFERENCES = [
    Refers("weakAlive6", "weak", "target", "object Alive6"),
    Refers("joined10", "property", "text", "concatenated string"),
    Refers("slice11", "property", "text", "sliced string"),
    Refers("key12", "property", "text", "string key-of-twelve"),
    Refers("keys22", "property", "<symbol priv22>"),
    Refers("keys22", "property", "<symbol>"),
    Refers("keys22", "property", "<symbol reg22>"),
    Refers("keys22", "internal", ""),
    Refers("keys22", "property", "a b"),
    Refers("access23", "property", "lazy"),
    Refers("access23", "property", "get lazy", "closure"),
    Refers("access23", "property", "set lazy", "closure"),
    Refers("private40", "property", "#secret", "object Object"),
    Refers("private40", "property", "PrivHolder40", "object system / Context"),
    Refers("PrivClass40", "property", "#st", "object Object"),
    Refers("values39", "property", "big", "bigint"),
    Refers("values39", "property", "no", "hidden"),
    Refers("values39", "property", "yes", "hidden"),
    Refers("bound30", "internal", "bound_this", "object BThis30"),
    Refers("bound30", "shortcut", "bound_argument_0", "object BArg30"),
    Refers("numbered43", "element", 0, "string a"),
    Refers("numbered43", "element", 1, "string b"),
    Refers("numbered43", "element", 500, "string c"),
    # What is outside of the basic plane loses its high bits, a lone surrogate is lost, a NUL too.
    Refers("odd51", "property", "emoji \uf600"),
    Refers("odd51", "property", "nul  "),
    Refers("odd51", "property", "del \x7f"),
    Refers("odd51", "property", "ls \u2028"),
    Refers("odd51", "property", "lone ???"),
    Refers("odd51", "property", "x" * 1024),
]

SHALLOW = {
    "map16": (20_000, 40_000),
    "set16": (15_000, 30_000),
    "empty16": (100, 260),
    "dictionary17": (60_000, 140_000),
    "smis18": (800_016, 801_000),
    "doubles18": (800_016, 801_000),
    "sparse18": (32, 2_000),
    "none18": (16, 64),
    "numbered43": (4_000, 9_000),
}
RETAINED = {
    "slice11": (900_000, 901_000),
    "objects16": (5_000, 20_000),
    "sab15": (65_536, 66_000),
}

PLAIN = {"{px25, py25}": 50, "{py25, px25, pz25}": 30, '{"a,25", "it\'s"}': 5, "{zed26}": 10}


@pytest.fixture(scope="session")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, HeapSnapshot]]:
    """The snapshots taken so far, by the release that took them."""
    snapshots: dict[Path, HeapSnapshot] = {}
    yield snapshots
    for snapshot in snapshots.values():
        snapshot.close()


@pytest.fixture
def heap(node: Path, taken: dict[Path, HeapSnapshot], tmp_path: Path) -> HeapSnapshot:
    if node not in taken:
        file = tmp_path / "vectors.heapsnapshot"
        subprocess.run([node, "--expose-gc", PROGRAM, file], check=True, timeout=60)
        taken[node] = nodemem.open_snapshot(file)
    return taken[node]


GLOBAL = ("global", "global (global)", "global (global*)")


def farther(heap: HeapSnapshot) -> int:
    """Steps from the root to the global object, less one."""
    (window,) = [e.target for e in heap.edges(0) if heap.node_type(e.target) != "synthetic"]
    return 1 if heap.name(window).startswith("system / NativeContext") else 0


def on_global(heap: HeapSnapshot, name: str) -> int:
    """The node that is `globalThis[name]`."""
    windows = (one for called in GLOBAL for one in heap.objects_named(called))
    return next(e.target for one in windows for e in heap.edges(one) if e.name == name)


def told(heap: HeapSnapshot, node: int) -> str:
    rows = heap.path(heap.node_id(node)).rows()[1:]
    steps = [f"{row['reference']} {row['name']}".strip() for row in rows]
    return ", ".join(step.removeprefix("global property ").removeprefix("property ")
                     for step in steps)  # fmt: skip


def test_classes(heap: HeapSnapshot) -> None:
    further = farther(heap)
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in heap.classes().rows():
        rows.setdefault(row["class"], []).append(row)
    wrong = []
    for name, has in CLASSES.items():
        found = rows.get(name, [])
        count = sum(row["count"] for row in found)
        if count != has.count:
            wrong.append(f"{name}: {count} objects, not {has.count}")
        if not count:
            continue
        distance = min(row["distance"] for row in found)
        if has.distance is not None and distance != has.distance + further:
            wrong.append(f"{name}: distance {distance}, not {has.distance + further}")
        retained = sum(row["retained"] for row in found)
        if has.retained is not None and abs(retained - has.retained) > _ROOM:
            wrong.append(f"{name}: retains {retained}, not {has.retained}")
        node = min(heap.objects_named(name), key=lambda one: heap.distance(one) or 1 << 30)
        dominator = heap.query("object", id=heap.node_id(heap.dominator(node)))
        if has.dominator is not None and dominator.summary["class"] != has.dominator:
            wrong.append(f"{name}: dominated by {dominator.summary['class']}")
        if has.path is not None and told(heap, node) != has.path:
            wrong.append(f"{name}: path {told(heap, node)}")
    assert not wrong, "\n".join(map(str, wrong))


def test_references(heap: HeapSnapshot) -> None:
    wrong = []
    for holder, kind, name, target in REFERENCES:
        found = [
            f"{heap.node_type(edge.target)} {heap.name(edge.target)}"
            for edge in heap.edges(on_global(heap, holder))
            if (edge.type, edge.name) == (kind, name)
        ]
        if not any(one.startswith(target or "") for one in found):
            wrong.append((holder, kind, name, found))
    assert not wrong, "\n".join(map(str, wrong))


def test_sizes(heap: HeapSnapshot) -> None:
    for bounds, size in ((SHALLOW, heap.shallow_size), (RETAINED, heap.retained_size)):
        for name, (least, most) in bounds.items():
            assert least <= size(on_global(heap, name)) <= most, name
    # Sizes beyond 32 bits are told as they are, and modulo 2**32 as DevTools does.
    huge = [edge.target for edge in heap.edges(on_global(heap, "huge50"))]
    assert max(map(heap.self_size, huge)) == 5 * 2**30
    exact, wrapped = heap.statistics(), heap.statistics(compat="devtools")
    assert exact["typed_arrays"] - wrapped["typed_arrays"] == 4 * 2**30
    assert wrapped["typed_arrays"] >= 2**30 + 1_800_000


def test_names(heap: HeapSnapshot) -> None:
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in heap.classes(compat="devtools").rows():
        rows.setdefault(row["class"], []).append(row)
    for name, count in PLAIN.items():  # V8 may keep the object that a literal is copied from
        assert sum(row["count"] for row in rows[name]) in (count, count + 1), name
    assert "{uniq25}" not in rows
    assert "{smi25}" not in rows
    # Two classes of one name are two rows; two things that DevTools mixes up are one, and lost.
    assert sorted(row["count"] for row in rows["Twin24"]) == [1, 2]
    ours: dict[str, list[int]] = {}
    for row in heap.classes().rows():
        ours.setdefault(row["class"], []).append(row["count"])
    for name, objects in (("Function", 2), ("RegExp", 1)):
        assert objects in ours[name]
        assert len(ours[name]) == 2
        (only,) = rows[name]
        assert only["count"] in ours[name]
    assert rows["Function"][0]["count"] == 2
    assert heap.name(on_global(heap, "re44")) == 'ab+c\\/d"q'
    joined = heap.query("object", id=heap.node_id(on_global(heap, "joined10"))).rows()
    assert next(r for r in joined if r["name"] == "text")["value"].startswith("'chunk 0 of a text;")


def test_weak_maps(heap: HeapSnapshot) -> None:
    def pairs(node: int) -> list[str]:
        return [str(e.name) for e in heap.retainers(node) if "part of key" in str(e.name)]

    (value,) = heap.objects_named("WVal4")
    assert len(pairs(value)) == 2
    assert all(re.search(r"pair in WeakMap \(table @[0-9]+\)$", name) for name in pairs(value))
    # V8 has no room for the name of a long value: both references count as references then.
    (key,) = heap.objects_named("LongKey52")
    (long,) = [e.target for e in heap.edges(key) if "part of key" in str(e.name)]
    assert all("(table @%u)" in name for name in pairs(long))
    assert heap.name(heap.dominator(long)) in GLOBAL
    assert heap.distance(long) == 3 + farther(heap)


CHANGE = """
class DiffItem { constructor(i) { this.number = { i }; } }
const v8 = require('node:v8'), g = globalThis;
g.items = Array.from({ length: 100 }, (_, i) => new DiffItem(i));
g.list = []; g.map = new Map(); g.object = {};
setTimeout(() => {
  gc(); v8.writeHeapSnapshot(process.argv[2]);
  g.items.splice(0, 40);
  for (let i = 0; i < 25; i++) g.items.push(new DiffItem(i));
  class NewClass48 {} g.fresh = new NewClass48();
  for (let i = 0; i < 200_000; i++) g.list.push(i);
  for (let i = 0; i < 50_000; i++) g.map.set(i, i);
  for (let i = 0; i < 20_000; i++) g.object['key' + i] = i;
  setTimeout(() => { gc(); v8.writeHeapSnapshot(process.argv[3]); }, 20);
}, 20);
"""


@pytest.fixture
def change(any_node: Path, tmp_path: Path) -> tuple[Path, Path]:
    script = tmp_path / "change.js"
    script.write_text(CHANGE)
    files = tmp_path / "a.heapsnapshot", tmp_path / "b.heapsnapshot"
    subprocess.run([any_node, "--expose-gc", script, *files], check=True, timeout=60)
    return files


def test_comparison_and_growth(change: tuple[Path, Path]) -> None:
    before, after = map(nodemem.open_snapshot, change)
    classes = {row["class"]: row for row in nodemem.compare(before, after).rows()}
    assert (classes["DiffItem"]["added"], classes["DiffItem"]["removed"]) == (25, 40)
    assert (classes["NewClass48"]["added"], classes["NewClass48"]["removed"]) == (1, 0)
    # What survived and grew is in no row of a comparison of classes.
    table = find_query("diff").run([before, after], {"by": "survivor", "top": 3})
    grown = sum(row["grown_bytes"] for row in table.rows())
    assert 4_000_000 < grown < 6_000_000
    total = after.retained_size(0) - before.retained_size(0)
    compared = sum(row["added_size"] - row["removed_size"] for row in classes.values())
    assert abs(compared + table.summary["survivor_bytes"] - total) < 5_000


def test_the_command_line_says_what_the_library_says(change: tuple[Path, Path]) -> None:
    before, after = map(nodemem.open_snapshot, change)
    (node,) = after.objects_named("NewClass48")
    number = after.node_id(node)
    asked: dict[str, dict[str, Any]] = {
        "search": {"name": "DiffItem"},
        "path": {"id": number},
        "retainers": {"id": number},
        "object": {"id": number},
        "what-if-removed": {"id": [number]},
    }
    for query in QUERIES:
        options = asked.get(query.name, {})
        if any(option.name == "top" for option in query.options()):
            options = options | {"top": 5}
        single = query.files == (1, 1)
        files = change[1:] if single else change
        words = [word for key, value in options.items() for word in _words(key, value)]
        done = CliRunner().invoke(cli, ["heap", query.name, *map(str, files), *words, "--json"])
        assert done.exit_code == 0, (query.name, done.output)
        answer = json.loads(done.stdout)
        table = (
            after.query(query.name, **options) if single else query.run([before, after], options)
        )
        assert answer["data"] == json.loads(to_json(table.to_data())), query.name
        assert answer["warnings"] == list(table.warnings), query.name
        assert answer["truncated"] == json.loads(to_json(table.truncated)), query.name


def _words(key: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [word for one in values for word in (f"--{key}", str(one))]
