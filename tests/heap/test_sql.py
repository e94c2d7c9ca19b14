"""SQL over snapshots: the views say what the library says, and nothing else can be reached."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import nodemem
from nodemem.cli import run
from nodemem.errors import UsageError
from nodemem.heap import HeapSnapshot
from nodemem.heap.sql import VIEWS, Database, write_parquet
from nodemem.heap.sql.views import View
from nodemem.results import Column, Table

ROOT = Path(__file__).parents[2]
PROGRAM = """
class Session { constructor(n) { this.data = new Array(n).fill({}); this.label = 'label ' + n; } }
const sessions = new Map(), weak = new WeakMap();
class Key { }
class Kept { }
globalThis.key = new Key();
weak.set(key, new Kept());
globalThis.weak = weak;
globalThis.visit = () => {
  for (let i = 0; i < 50; i++) sessions.set(Math.random(), new Session(i));
};
const v8 = require('v8');
visit();
v8.writeHeapSnapshot(process.argv[1] + '/a.heapsnapshot');
visit();
v8.writeHeapSnapshot(process.argv[1] + '/b.heapsnapshot');
"""


@pytest.fixture(scope="module")
def folder(any_node: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sql")
    subprocess.run([any_node, "-e", PROGRAM, folder], check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture(scope="module")
def snapshot(folder: Path) -> HeapSnapshot:
    return nodemem.open_snapshot(folder / "a.heapsnapshot")


@pytest.fixture(scope="module")
def whole(snapshot: HeapSnapshot) -> dict[str, Table]:
    """All rows of all views."""
    database = Database([snapshot])
    return {view.name: database.query(f"from {view.name}", 10**6) for view in VIEWS}


def test_nodes_are_the_nodes_of_the_library(
    snapshot: HeapSnapshot, whole: dict[str, Table]
) -> None:
    rows = whole["nodes"].rows()
    assert len(rows) == snapshot.node_count
    for row in rows[:: len(rows) // 200]:
        node = row["ordinal"]
        assert row["id"] == snapshot.node_id(node)
        assert row["type"] == snapshot.node_type(node)
        assert row["name"] == snapshot.name(node)
        assert row["self_size"] == snapshot.self_size(node)
        assert row["shallow_size"] == snapshot.shallow_size(node)
        assert row["retained_size"] == snapshot.retained_size(node)
        assert row["distance"] == snapshot.distance(node)
        assert row["dominator"] == snapshot.dominator(node)
        assert row["edge_count"] == len(list(snapshot.edges(node)))
    counted = Counter(row["class"] for row in rows if row["shallow_size"])
    wanted: Counter[str] = Counter()
    for one in snapshot.classes().rows():
        wanted[one["class"]] += one["count"]
    assert counted == wanted


def test_edges_and_retainers_are_those_of_the_library(
    snapshot: HeapSnapshot, whole: dict[str, Table]
) -> None:
    records = whole["edges"].select("source", "type", "name", "target").records
    assert len(records) == snapshot.edge_count
    session = snapshot.objects_named("Session")[0]
    mine = [(e.source, e.type, str(e.name), e.target) for e in snapshot.edges(session)]
    assert [record for record in records if record[0] == session] == mine
    held = whole["retainers"].select("retainer", "type", "name", "ordinal").records
    assert sorted(record for record in held if record[3] == session) == sorted(
        (e.source, e.type, str(e.name), e.target)
        for e in snapshot.retainers(session)
        if e.type != "weak"
    )


def test_the_value_of_a_weak_map_is_held_by_its_key_and_not_by_the_table(
    snapshot: HeapSnapshot, whole: dict[str, Table]
) -> None:
    key, kept = (snapshot.objects_named(name)[0] for name in ("Key", "Kept"))
    edges = [row for row in whole["edges"].rows() if row["target"] == kept]
    pairs = [row for row in edges if "pair in WeakMap" in str(row["name"])]
    assert len(pairs) == 2, "from the key and from the table"
    assert {row["type"] for row in pairs} == {"internal"}
    held = [row for row in whole["retainers"].rows() if row["ordinal"] == kept]
    assert [row["retainer"] for row in held if "pair in WeakMap" in str(row["name"])] == [key]


def test_dominators_are_a_tree_in_preorder(snapshot: HeapSnapshot, whole: dict[str, Table]) -> None:
    rows = whole["dominators"].rows()
    at = {row["ordinal"]: row for row in rows}
    assert len(at) == snapshot.node_count
    session = snapshot.objects_named("Session")[0]
    top = at[session]
    below = {row["ordinal"] for row in rows[top["place"] : top["place"] + top["nodes"]]}
    assert below >= {session, *snapshot.dominated(session)}
    sizes = sum(snapshot.shallow_size(node) for node in below)
    assert sizes == snapshot.retained_size(session)


def test_places_texts_and_classes(
    snapshot: HeapSnapshot, folder: Path, whole: dict[str, Table]
) -> None:
    texts = whole["strings"].values("text")
    assert len(texts) == snapshot.string_count
    assert texts[100:200] == [snapshot.string(index) for index in range(100, 200)]
    assert whole["classes"].values("class") == snapshot.classes().values("class")
    assert whole["classes"].values("source") == snapshot.classes().values("source")
    session = snapshot.objects_named("Session")[0]
    places = {row["ordinal"]: row for row in whole["locations"].rows()}
    script, line, column = snapshot.location(session) or (0, 0, 0)
    row = places[session]
    assert (row["script_id"], row["line"], row["col"]) == (script, line + 1, column + 1)
    assert row["source"] == f"{row['file']}:{row['line']}:{row['col']}"
    assert row["file"] in whole["scripts"].values("file")
    shares = whole["retained"].values("share")
    assert shares[0] == 1
    assert all(0 <= share <= 1 for share in shares)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_what_is_worked_out_late_is_the_same(
    snapshot: HeapSnapshot, whole: dict[str, Table], view: View
) -> None:
    """Whatever DuckDB concludes beforehand, a condition on a column meets its real values."""
    name, table = view.name, whole[view.name]
    for column in view.columns:
        if column.part is None and (view.part is None or column.key == "ordinal"):
            continue
        values = Counter(table.values(column.key))
        value, count = max(
            ((v, n) for v, n in values.items() if v is not None),
            key=lambda item: item[1],
            default=(None, 0),
        )
        if isinstance(value, str):
            quoted = value.replace("'", "''")
            where = f"{column.key} = '{quoted}'"
        elif value is None:
            continue
        else:
            where = f"{column.key} >= {value!r} and {column.key} <= {value!r}"
        for condition, expected in ((where, count), (f"{column.key} is null", values[None])):
            fresh = Database([snapshot])
            answer = fresh.query(f"select count(*) from {name} where {condition}")
            assert answer.records == [(expected,)], condition


def test_the_docs_page_describes_every_view() -> None:
    page = (ROOT / "docs" / "commands" / "heap-sql.md").read_text()
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", page, re.MULTILINE | re.DOTALL))
    assert list(sections) == [view.name for view in VIEWS]
    for view in VIEWS:
        described = re.findall(r"^\| `(\w+)` \| (\w*) ?\|", sections[view.name], re.MULTILINE)
        assert described == [(column.key, column.unit or "") for column in view.columns]


def examples() -> list[tuple[str, str]]:
    page = (ROOT / "docs" / "commands" / "heap-sql.md").read_text()
    return re.findall(r"```sql ?(\w*)\n(.*?)```", page, re.DOTALL)


@pytest.mark.parametrize(("files", "text"), examples())
def test_the_examples_of_the_docs_page_run(
    snapshot: HeapSnapshot, folder: Path, files: str, text: str
) -> None:
    snapshots = [snapshot]
    if files == "two":
        snapshots.append(nodemem.open_snapshot(folder / "b.heapsnapshot"))
    assert len(Database(snapshots).query(text)) > 0


def test_two_snapshots_join_by_id(snapshot: HeapSnapshot, folder: Path) -> None:
    database = Database([snapshot, nodemem.open_snapshot(folder / "b.heapsnapshot")])
    new = "from b.nodes anti join a.nodes using (id) where name = 'Session' and type = 'object'"
    assert len(database.query(new)) == 50
    with pytest.raises(UsageError) as raised:
        database.query("from nodes")
    assert "a.nodes" in (raised.value.next or "")


def test_units_come_from_names(snapshot: HeapSnapshot) -> None:
    table = snapshot.sql(
        "select class, id, sum(self_size), max(n.retained_size), count(*), 1 as odd, "
        "2 as kept_bytes, 'x' as size from nodes n group by all limit 1"
    )
    assert [(column.unit, column.role) for column in table.columns] == [
        (None, "class"), (None, "node_id"), ("bytes", None), ("bytes", None), ("count", None),
        (None, None), ("bytes", None), (None, None),
    ]  # fmt: skip


def test_what_is_left_out_is_counted(snapshot: HeapSnapshot) -> None:
    table = snapshot.sql("from nodes order by ordinal", top=3)
    assert table.values("ordinal") == [0, 1, 2]
    assert table.truncated is not None
    assert table.truncated.total == snapshot.node_count
    assert snapshot.sql("from nodes limit 3", top=3).truncated is None


def test_any_value_becomes_one_that_json_has(snapshot: HeapSnapshot) -> None:
    table = snapshot.sql(
        "select 1.5::decimal(4,1), [1, null], {'a': 'x'}, 'nan'::double, date '2020-01-02', "
        "'ab'::blob, true, null, 2::hugeint, 1 as a, 2 as a"
    )
    assert table.records == [
        (1.5, "[1,null]", '{"a":"x"}', None, "2020-01-02", "6162", True, None, 2, 1, 2)
    ]
    assert len({column.key for column in table.columns}) == 11


REFUSED = (
    "select 1; select 2",
    "",
    "select",
    "select nope from nodes",
    "delete from _strings",
    "create table t (i int)",
    "with gone as (delete from _one returning *) select * from gone",
    "set threads = 4",
    "set enable_external_access = true",
    "reset lock_configuration",
    "pragma database_list",
    "attach '{file}' as other",
    "copy nodes to '{file}.csv'",
    "copy (select 1) to '{file}.parquet'",
    "export database '{file}.d'",
    "install httpfs",
    "load httpfs",
    "call pragma_version()",
    "from '{file}'",
    "from read_csv('{file}')",
    "from read_text('{file}')",
    "from read_blob('{file}')",
    "from read_json('{file}')",
    "from glob('/*')",
    "from read_csv('https://localhost/x.csv')",
    "from sniff_csv('{file}')",
    "select * from folder",
    "explain analyze select 1",
    "prepare x as select 1",
    "select cast('x' as integer)",
    "select 1 )--",
    "select 1) union (select 2",
)


@pytest.mark.parametrize("text", REFUSED)
def test_nothing_but_reading_the_snapshot(
    snapshot: HeapSnapshot, folder: Path, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "file"
    file.write_text("planted\n")
    with pytest.raises(UsageError) as raised:
        snapshot.sql(text.replace("{file}", str(file)))
    assert raised.value.next
    assert "planted" not in str(raised.value)
    assert list(tmp_path.iterdir()) == [file]
    assert snapshot.sql("select count(*) from nodes").records == [(snapshot.node_count,)]


def test_an_error_says_where(snapshot: HeapSnapshot) -> None:
    with pytest.raises(UsageError) as raised:
        snapshot.sql("select id,\n  nope\nfrom nodes")
    assert "line 2, column 3" in (raised.value.why or "")


def test_memory_is_limited(snapshot: HeapSnapshot) -> None:
    small = Database([snapshot], memory=50_000_000)
    with pytest.raises(UsageError, match="memory"):
        small.query("select list(a.name || b.name) from nodes a, nodes b")


def test_ctrl_c_ends_a_query(folder: Path) -> None:
    endless = "select count(*) from nodes a, nodes b, nodes c where a.id * b.id + c.id = 3"
    command = [sys.executable, "-m", "nodemem", "heap", "sql", folder / "a.heapsnapshot", endless]
    # A shell in the background may have told its children to ignore the signal.
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("read")
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130


def test_tables_as_parquet(folder: Path, tmp_path: Path, snapshot: HeapSnapshot) -> None:
    import duckdb

    path = tmp_path / "it's.parquet"
    assert (
        run(["heap", "classes", str(folder / "a.heapsnapshot"), "--top", "9", "-o", str(path)]) == 0
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    table = duckdb.from_parquet(str(path).replace("'", "?"))
    assert table.columns == [column.key for column in snapshot.classes().columns]
    assert [row[:4] for row in table.fetchall()] == [
        tuple(record[:4]) for record in snapshot.classes().records[:9]
    ]
    assert run(["heap", "classes", str(folder / "a.heapsnapshot"), "--format", "parquet"]) == 2
    other = tmp_path / "other.parquet"
    other.touch()
    odd = Table(
        (Column("none"), Column('a "b"'), Column("mixed"), Column("wide"), Column("list")),
        [(None, "x\ud800", 1, 1 << 70, ["a", 1]), (None, None, 2.5, 1, None)],
    )
    write_parquet(odd, other)
    assert duckdb.from_parquet(str(other)).fetchall() == [
        (None, "x\ufffd", 1.0, str(1 << 70), '["a",1]'),
        (None, None, 2.5, "1", None),
    ]


def test_without_duckdb_one_line_says_what_to_install(folder: Path) -> None:
    code = "import sys; sys.modules['duckdb'] = None; from nodemem.cli import main; main()"
    for arguments in (
        ["heap", "sql", folder / "a.heapsnapshot", "select 1"],
        ["heap", "classes", folder / "a.heapsnapshot", "-o", folder / "x.parquet"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert "pip install 'nodemem[sql]'" in done.stderr
