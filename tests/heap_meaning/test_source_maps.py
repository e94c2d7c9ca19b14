"""TypeScript, bundled and minified, on real Node.js: what is told is what was written.

The bundles of tests/source/bundles are small; how they were made is in the Makefile beside them.
"""

from __future__ import annotations

import base64
import functools
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nodemem.heap import HeapSnapshot, open_snapshot

BUNDLES = Path(__file__).parent.parent / "source" / "bundles"
RUN = """
const v8 = require('node:v8');
const [script, file, first, then] = process.argv.slice(2);
let step;
globalThis.keep = (f) => { step = f; globalThis.keptStep = f; };
import(script).then(() => {
  let n = 0;
  for (; n < first; n++) step(n);
  setTimeout(() => {
    if (+then) v8.writeHeapSnapshot(file + '.1');
    for (; n < +first + +then; n++) step(n);
    setTimeout(() => v8.writeHeapSnapshot(file + '.2'), 20);
  }, 20);
});
"""

Run = Callable[..., list[Path]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A deployed program: its bundles in dist, its sources in dist/src."""
    shutil.copytree(BUNDLES, tmp_path / "app" / "dist")
    return tmp_path / "app"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a script on a Node binary and takes two snapshots, the first before `then` steps."""
    return functools.partial(_run, tmp_path)


def _run(
    folder: Path, node: Path, script: Path, *flags: str, first: int = 600, then: int = 0
) -> list[Path]:
    starter, file = folder / "run.cjs", folder / script.name
    starter.write_text(RUN)
    subprocess.run(
        [node, *flags, starter, script, file, str(first), str(then)], check=True, timeout=60
    )
    return [file.with_name(f"{file.name}.{k}") for k in (1, 2)]


def line_of(source: Path, text: str) -> str:
    """`file:line` of the first line of a source that has the text."""
    lines = source.read_text().splitlines()
    return f"{source}:{next(i for i, line in enumerate(lines, 1) if text in line)}"


def by_kind(snapshot: HeapSnapshot) -> dict[str, dict[str, object]]:
    table = snapshot.suspects()
    assert table.warnings == ()
    return {row["kind"]: row for row in table.rows()}


@pytest.mark.parametrize("bundle", ["plain.js", "minified.js", "inline.js"])
def test_holders_classes_and_lines_are_those_of_the_source(bundle, node, project, run):
    script = project / "dist" / bundle
    _, file = run(node, script, "--enable-source-maps")
    snapshot, sources = open_snapshot(file), project / "dist" / "src"
    found = by_kind(snapshot)
    store, listeners = found["collection"], found["listeners"]
    assert store["holder"] == "Map `activeStore.sessionsById`"
    assert (store["class"], store["count"]) == ("SessionRecord", 600)
    assert str(store["source"]).startswith(line_of(sources / "sessions.ts", "sessionsById:") + ":")
    assert store["source_evidence"] == "source map"
    assert str(store["generated"]).startswith(f"{script}:")
    assert store["path"] == "globalThis.keptStep → activeStore → .sessionsById"
    assert listeners["holder"] == "EventEmitter `notifications`"
    # The minified function has no name; with the text of the source it has one again.
    named = "function" if bundle == "inline.js" else "function deliverMessage"
    assert listeners["class"] == named
    assert str(listeners["source"]).startswith(line_of(sources / "listeners.ts", '"message"') + ":")

    classes = {row["original"] or row["class"]: row for row in snapshot.classes().rows()}
    record = classes["SessionRecord"]
    assert record["count"] == 600
    assert str(record["source"]).startswith(line_of(sources / "sessions.ts", "constructor(") + ":")
    if bundle == "plain.js":
        assert record["original"] is None
    else:
        assert len(record["class"]) == 1
        (matched,) = snapshot.query("classes", match="sessionrec").rows()
        assert matched == record
    assert str(record["generated"]).startswith(f"{script}:")


@pytest.fixture(scope="module")
def deployed(any_node: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The project, and a snapshot of its minified bundle."""
    folder = tmp_path_factory.mktemp("deployed")
    project = shutil.copytree(BUNDLES, folder / "app" / "dist").parent
    return project, _run(folder, any_node, project / "dist" / "minified.js")[1]


@pytest.fixture
def minified(deployed: tuple[Path, Path]) -> tuple[Path, Path]:
    """The same, its files as they were."""
    project, file = deployed
    shutil.copytree(BUNDLES, project / "dist", dirs_exist_ok=True)
    return project, file


def test_paths_name_what_the_source_names(minified):
    project, file = minified
    snapshot = open_snapshot(file)
    remembered = next(
        edge.target
        for ordinal in range(snapshot.node_count)
        if snapshot.node_type(ordinal) == "closure"
        for edge in snapshot.edges(ordinal)
        if edge.name == "context"
        and (snapshot.location(ordinal) or (0, 0, 0))[2] > 2000
        and any(e.type == "context" for e in snapshot.edges(edge.target))
        and any(e.name == "previous" for e in snapshot.edges(edge.target))
    )
    array = next(e.target for e in snapshot.edges(remembered) if e.type == "context")
    rows = snapshot.path(snapshot.node_id(array)).rows()
    assert [(row["reference"], row["name"]) for row in rows][-3:] == [
        ("variable", "notifications"),
        ("listener", "message"),
        ("variable", "remembered"),
    ]
    assert rows[-2]["class"] == "function deliverMessage"
    assert str(rows[-2]["source"]).startswith(str(project / "dist" / "src" / "listeners.ts:8:"))
    assert str(rows[-2]["generated"]).startswith(str(project / "dist" / "minified.js:1:"))


def test_growth_is_told_in_the_source(any_node, project, run):
    files = run(any_node, project / "dist" / "minified.js", first=100, then=300)
    before, after = map(open_snapshot, files)
    rows = before.query("diff", after).rows()
    added = {row["holder"]: row for row in rows}["Map `activeStore.sessionsById`"]
    assert (added["class"], added["added"]) == ("SessionRecord", 300)
    assert str(added["source"]).endswith("sessions.ts:17:20")
    assert str(added["generated"]).startswith(str(project / "dist" / "minified.js:1:"))


def test_a_snapshot_from_elsewhere(minified, tmp_path):
    project, file = minified
    here = tmp_path / "checkout"
    shutil.copytree(project, here)
    shutil.rmtree(project)
    table = open_snapshot(file).suspects()
    assert any("is not on this machine; --source-root" in warning for warning in table.warnings)
    assert not any("sessionsById" in str(row["source"]) for row in table.rows())
    assert {row["generated"] for row in table.rows()} == {None}

    for roots in ([str(here)], [f"{project}={here}"], [f"{project}/dist/={here}/dist"]):
        found = by_kind(open_snapshot(file, source_roots=roots))["collection"]
        assert found["source"] == f"{here}/dist/src/sessions.ts:17:20"
        # What V8 ran keeps the name that it had there.
        assert str(found["generated"]).startswith(f"{project}/dist/minified.js:1:")


def test_a_script_that_changed_is_not_used(minified):
    project, file = minified
    script = project / "dist" / "minified.js"
    text = script.read_text()
    for other in (
        text.replace("amber 0", "amber X"),
        text.replace("EventEmitter;", "EventEmitter;;"),
    ):
        assert other != text
        script.write_text(other)
        table = open_snapshot(file).suspects()
        assert [w for w in table.warnings if "is not the text that V8 compiled" in w]
        assert all(row["generated"] is None for row in table.rows())
    script.write_text(text)
    assert open_snapshot(file).suspects().warnings == ()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda text: "{", "truncated"),
        (lambda text: text.replace('"mappings": "', '"mappings": "!'), "no base64 digit"),
        (lambda text: text.replace('"version": 3', '"version": 4'), "not of version 3"),
    ],
)
def test_a_damaged_map_is_said_and_places_stay_those_of_the_script(spoil, why, minified):
    project, file = minified
    script = project / "dist" / "minified.js"
    beside = script.with_name("minified.js.map")
    beside.write_text(spoil(beside.read_text()))
    table = open_snapshot(file).suspects()
    assert any(why in warning for warning in table.warnings)
    places = [str(row["source"]) for row in table.rows()]
    assert any(place.startswith(f"{script}:1:") for place in places)
    script.write_text(script.read_text().replace("minified.js.map", "http://cdn.example/a.map"))
    beside.unlink()
    table = open_snapshot(file).suspects()
    assert any("nothing is fetched from the network" in warning for warning in table.warnings)


TYPED = """\
interface Visit { page: string; at: number[] }
class VisitLog {
  private readonly visits: Map<number, Visit> = new Map<number, Visit>();
  add(n: number): void { this.visits.set(n, { page: `page ${n}`, at: new Array(150).fill(n) }); }
}
const log: VisitLog = new VisitLog();
type Keep = { keep(f: (n: number) => void): void };
(globalThis as unknown as Keep).keep((n: number): void => log.add(n));
"""


def test_types_that_node_strips_itself(project, run, node):
    if not _strips_types(node):
        pytest.skip("this release runs no TypeScript")
    script = project / "visits.mts"
    script.write_text(TYPED + "// filling\n" * 100)
    _, file = run(node, script, "--experimental-strip-types", "--no-warnings")
    found = by_kind(open_snapshot(file))["collection"]
    assert found["holder"] == "Map `log.visits`"
    assert found["source"] == f"{script}:3:20"


def test_a_script_that_a_loader_compiled_brings_its_map(any_node, project, run):
    """What `tsx` and the like do: the file has the source, V8 another text under its name."""
    source, compiled = project / "queue.ts", "var q=[];keep(n=>q.push(new Array(200).fill(n)));"
    source.write_text(
        "const queue: number[][] = [];\nkeep((n: number) => queue.push(new Array(200).fill(n)));"
    )
    made = {"version": 3, "sources": [source.name], "names": ["queue"]}
    made["mappings"] = "AAAA,IAAMA,KACN,KAAK"
    loader = project / "loader.cjs"
    url = "data:application/json;base64," + base64.b64encode(json.dumps(made).encode()).decode()
    loader.write_text(
        f"module._compile({compiled!r} + '\\n//# sourceMappingURL={url}', {str(source)!r});"
    )
    _, file = run(any_node, loader)
    table = open_snapshot(file).suspects()
    assert table.warnings == ()
    (row,) = [row for row in table.rows() if row["holder"] == "Array `queue`"]
    assert row["source"] == f"{source}:1:7"
    assert row["generated"] == f"{source}:1:5"


def _strips_types(node: Path) -> bool:
    asked = subprocess.run([node, "--help"], capture_output=True, text=True, check=True)
    return "strip-types" in asked.stdout
