"""Growth between two snapshots of one process."""

from __future__ import annotations

import re
from pathlib import Path

from nodemem.heap import open_snapshot
from nodemem.heap.findings.growth import growth
from nodemem.heap.findings.pairing import doubts, same_process


def test_survivors_that_grew_account_for_the_heap(node, snap):
    text = """
    const array = [], map = new Map(), object = {};
    function step(i) {
      if (i < 200) return;
      for (let j = 0; j < 500; j++) array.push(j);
      for (let j = 0; j < 100; j++) map.set(i * 100 + j, j);
      for (let j = 0; j < 40; j++) object[`k${i * 40 + j}`] = j;
    }"""
    before, after = snap(node, text, first=1, then=400)
    found = growth(before, after)
    grown = found.total_after - found.total_before
    assert grown > 2_000_000
    explained = found.new_bytes - found.gone_bytes + found.survivor_bytes
    assert abs(grown - explained) < 0.01 * grown
    labels = {point.suspect.holder.label(): point for point in found.points}
    for label in ("Array `array`", "Map `map`", "Object `object`"):
        assert labels[label].own_bytes > 200_000
        assert labels[label].user


def test_new_objects_are_put_down_to_the_old_one_that_keeps_them(node, snap):
    text = """
    class Row { constructor(i) { this.i = `row ${i}`; } }
    const tables = new Map();
    for (let t = 0; t < 20; t++) tables.set(`t${t}`, { rows: [] });
    let copied = [];
    function step(i) {
      tables.get(`t${i % 20}`).rows.push(new Row(i));
      copied = copied.concat({ copy: `c${i}` });
    }"""
    before, after = snap(node, text, first=200, then=400)
    points = {p.suspect.holder.label(): p for p in growth(before, after).points}
    assert points["Array `tables[…].rows`"].added == 400
    assert points["Array `tables[…].rows`"].suspect.class_name == "Row"
    assert points["Array `copied`"].added == 400
    assert points["Array `copied`"].removed == 0


def test_the_line_of_the_docs(any_node, snap):
    docs = Path(__file__).parents[2] / "docs" / "commands" / "heap.md"
    (line,) = re.findall(r"`(before\.query\(.*?\))`", docs.read_text(encoding="utf-8"))
    text = "class Row {} const rows = []; function step() { rows.push(new Row()); }"
    before, after = snap(any_node, text, first=10, then=70)
    table = eval(line, {"before": before, "after": after})
    assert ("Row", 70) in {(row["class"], row["added"]) for row in table.rows()}


def test_replaced_objects_count_as_removed(any_node, snap):
    text = """
    class Entry { constructor(i) { this.i = `e${i}`; } }
    const a = new Map(), b = new Map();
    function step(i) {
      const entry = new Entry(i);
      for (const map of [a, b]) { map.set(i, entry); if (map.size > 150) map.delete(i - 150); }
    }"""
    before, after = snap(any_node, text)
    (point,) = [p for p in growth(before, after).points if p.suspect.class_name == "Entry"]
    assert (point.added, point.removed) == (150, 150)


def test_another_process_is_noticed(any_node, snap):
    text = "const kept = [];\nfunction step(i) { kept.push({ i: `x${i}` }); }"
    a, b = snap(any_node, text)
    c, _ = snap(any_node, text.replace("kept", "other"))
    assert same_process(a, b)
    assert doubts(a, b) == ()
    assert not same_process(a, c)
    assert "not of one process" in a.query("diff", c).warnings[0]
    assert "later one" in b.query("diff", a).warnings[0]


def test_rows_by_class_and_by_survivor(any_node, snap):
    text = "class Mine {}\nconst kept = [];\nfunction step() { kept.push(new Mine()); }"
    before, after = snap(any_node, text)
    classes = {row["class"]: row for row in before.query("diff", after, by="class").rows()}
    assert classes["Mine"]["added"] == 400
    survivors = before.query("diff", after, by="survivor").rows()
    assert any(row["class"] == "Array" and row["grown_bytes"] > 1000 for row in survivors)


THREE = """
const v8 = require('node:v8');
class Lasting { constructor(i) { this.text = `lasting ${i}`; } }
class Passing { constructor(i) { this.text = `passing ${i}`; } }
class Late { constructor(i) { this.text = `late ${i}`; } }
const kept = [], passing = [], late = [];
globalThis.all = () => [kept, passing, late];
const fill = (list, kind, count) => { while (count--) list.push(new kind(count)); };
const write = (n) => v8.writeHeapSnapshot(`${process.argv[2]}/${n}.heapsnapshot`);
fill(kept, Lasting, 50);
write(1);
fill(kept, Lasting, Number(process.argv[3]));
fill(passing, Passing, 300);
write(2);
passing.length = 0;
fill(late, Late, 300);
write(3);
console.log('ready');
"""


def three(node, folder, start, count=300):
    """A run of the program above; its snapshots."""
    script = folder / "three.js"
    script.write_text(THREE)
    into = folder / str(len(list(folder.iterdir())))
    into.mkdir()
    start(node, script, arguments=[str(into), str(count)], flags=["--expose-gc"]).stop()
    return [open_snapshot(into / f"{n}.heapsnapshot") for n in (1, 2, 3)]


def test_of_three_snapshots_what_came_with_the_second_and_stayed(node, start, tmp_path):
    first, second, third = three(node, tmp_path, start)
    table = first.query("diff", second, third, by="class")
    added = dict(zip(table.values("class"), table.values("added"), strict=True))
    assert added["Lasting"] == 300
    assert "Passing" not in added
    assert "Late" not in added
    [row] = [row for row in first.query("diff", second, third).rows() if row["class"] == "Lasting"]
    assert (row["holder"], row["added"], row["earlier"]) == ("Array `kept`", 300, 50)
    assert table.warnings == ()
    assert second.query("diff", first, third).warnings != ()


def test_classes_over_snapshots_of_several_processes(any_node, start, tmp_path):
    one, other = (three(any_node, tmp_path, start, count) for count in (300, 400))
    table = one[0].query("trend", *one[1:], other[2])
    rows = {row["class"]: row for row in table.rows()}
    lasting = rows["Lasting"]
    assert lasting["counts"] == "50 → 350 → 350 → 450"
    assert (lasting["growth"], lasting["rises"]) == (400, 2)
    assert lasting["grown_bytes"] * 450 == lasting["shallow"] * 400
    assert lasting["source"] == f"{tmp_path}/three.js:3:28"
    assert "Passing" not in rows, "as many in the last as in the first"
    assert table.values("grown_bytes") == sorted(table.values("grown_bytes"), reverse=True)
    rising = one[0].query("trend", other[1], other[2], rising=True).values("class")
    assert "Lasting" not in rising
    assert rows["Late"]["counts"] == "0 → 0 → 300 → 300"
