"""Sampling heap profiles of real Node.js programs, and any call tree against its definitions."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import nodemem
from nodemem.cli import cli

PROGRAM = """
const kept = globalThis.kept = [];
function makeOrder(i) { return { id: i, items: new Array(50).fill(i + 'x') }; }
function left(i) { return makeOrder(i); }
function right(i) { return makeOrder(i); }
function again(i, n) { return n ? again(i, n - 1) : makeOrder(i); }
globalThis.keep = makeOrder; // of scripts that are gone Node.js 20 knows no places
for (let i = 0; i < 4000; i++) { kept.push(left(i), right(i), again(i, 20)); }
"""
MEGABYTES = 12_000 * 50 * 8 / 1e6

Tree = dict[str, Any]


@pytest.fixture
def profile(node: Path, tmp_path: Path) -> Path:
    script = tmp_path / "orders.js"
    script.write_text(PROGRAM)
    # What V8 inlines it counts for the caller; without optimisation nothing is.
    flags = ["--jitless", "--heap-prof", "--heap-prof-interval=16384"]
    flags.append(f"--heap-prof-dir={tmp_path}")
    subprocess.run([node, *flags, script], check=True, timeout=60)
    (file,) = tmp_path.glob("*.heapprofile")
    return file


def test_a_real_program(profile: Path) -> None:
    opened = nodemem.open_profile(profile)
    rows = {row["function"]: row for row in opened.functions(builtin=False).rows()}
    script = str(profile.with_name("orders.js"))
    order = rows["makeOrder"]
    assert order["source"] == f"{script}:3:19"
    assert 0.7 * MEGABYTES < order["self"] / 1e6 < 1.6 * MEGABYTES
    assert 0 < order["self_error"] < 0.2 * order["self"]
    # Each of the three ways is a third of it; a function within itself counts once.
    for name in ("left", "right", "again"):
        assert 0.2 < rows[name]["total"] / order["total"] < 0.5, name
    callers = opened.callers("makeOrder", depth=1).rows()
    assert {row["function"] for row in callers if row["depth"] == 1} == {"left", "right", "again"}
    assert sum(row["total"] for row in callers if row["depth"] == 1) == pytest.approx(
        callers[0]["total"], abs=3
    )
    down = opened.tree("right").rows()
    assert [row["function"] for row in down] == ["right", "makeOrder"]
    assert down[0]["total"] == rows["right"]["total"]


def test_functions_of_a_script_that_is_gone_are_the_programs(tmp_path: Path) -> None:
    calls = [call("f", 5, []), call("f", 7, [])]
    for number, one in enumerate(calls):
        one["callFrame"]["scriptId"] = str(80 + number)
    table = nodemem.open_profile(
        write(tmp_path / "p.heapprofile", call("(root)", 0, calls))
    ).functions(builtin=False)
    assert [row["self"] for row in table.rows()] == [7, 5]
    assert any("scripts of 2 functions had gone" in warning for warning in table.warnings)


def test_names_and_lines_are_those_of_the_source(any_node: Path, tmp_path: Path) -> None:
    app = tmp_path / "app"
    shutil.copytree(Path(__file__).parent.parent / "source" / "bundles", app)
    script = app / "run.js"
    script.write_text(
        "globalThis.keep = (step) => { for (let i = 0; i < 3000; i++) step(i); };"
        "require('./minified.js')"
    )
    flags = ["--heap-prof", "--heap-prof-interval=1024", f"--heap-prof-dir={tmp_path}"]
    subprocess.run([any_node, *flags, script], check=True, timeout=60)
    (file,) = tmp_path.glob("*.heapprofile")
    told = nodemem.open_profile(file).functions(builtin=False, top=100)
    sources = [row["source"] for row in told.rows() if row["source"]]
    assert any(source.startswith(f"{app}/src/sessions.ts:") for source in sources), told.rows()
    # Another text under the same path is not taken for the script.
    (app / "minified.js").write_text("// nothing\n" * 3)
    other = nodemem.open_profile(file).functions(builtin=False, top=100)
    assert any("is not the text that V8 compiled" in warning for warning in other.warnings)
    assert not any(".ts:" in (row["source"] or "") for row in other.rows())


def test_the_command_line_says_what_the_library_says(any_node: Path, tmp_path: Path) -> None:
    script = tmp_path / "orders.js"
    script.write_text(PROGRAM)
    subprocess.run([any_node, "--heap-prof", f"--heap-prof-dir={tmp_path}", script], check=True)
    (file,) = tmp_path.glob("*.heapprofile")
    opened = nodemem.open_profile(file)
    packed = tmp_path / "p.heapprofile.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    for words, table in (
        ([], opened.functions()),
        (["--by", "tree"], opened.tree()),
        (["--by", "callers", "--function", "makeOrder"], opened.callers("makeOrder")),
    ):
        for path in (file, packed):
            done = CliRunner().invoke(cli, ["heap", "profile", str(path), *words, "--json"])
            assert done.exit_code == 0, done.output
            assert json.loads(done.stdout)["data"]["rows"] == table.rows()


# --- any tree ---------------------------------------------------------------------------------


def call(name: str, size: int, children: list[Tree], number: int = 0) -> Tree:
    frame = {"functionName": name, "scriptId": "0", "url": "", "lineNumber": -1, "columnNumber": -1}
    return {"callFrame": frame, "selfSize": size, "id": number, "children": children}


def write(path: Path, head: Tree, **more: Any) -> Path:
    path.write_text(json.dumps({"head": head, **more}))
    return path


TREES = st.recursive(
    st.builds(call, st.sampled_from("abc"), st.integers(0, 9), st.just([])),
    lambda inner: st.builds(
        call, st.sampled_from("abc"), st.integers(0, 9), st.lists(inner, max_size=4)
    ),
    max_leaves=25,
)


def stacks(head: Tree) -> list[tuple[tuple[str, ...], int]]:
    """The names from below the root to each call, and its own bytes."""
    found = [((), head["selfSize"])]
    for child in head["children"]:
        name = child["callFrame"]["functionName"]
        found += [((name, *rest), size) for rest, size in stacks(child)]
    return found


@settings(max_examples=150)
@given(children=st.lists(TREES, max_size=5), size=st.integers(0, 9))
def test_any_tree_is_summed_as_defined(
    tmp_path_factory: pytest.TempPathFactory, children: list[Tree], size: int
) -> None:
    head = call("(root)", size, children)
    path = write(tmp_path_factory.getbasetemp() / "any.heapprofile", head)
    opened, known = nodemem.open_profile(path), stacks(head)
    assert opened.total_bytes == sum(size for _, size in known)
    rows = {row["function"]: row for row in opened.functions().rows()}
    assert set(rows) == {name for names, _ in known for name in names}
    for name, row in rows.items():
        assert row["self"] == sum(size for names, size in known if names[-1:] == (name,))
        assert row["total"] == sum(size for names, size in known if name in names)
        assert (row["samples"], row["self_error"]) == (None, None)
        down = opened.tree(name, share=0, top=1000).rows()
        assert down[0]["total"] == row["total"]
        up = opened.callers(name, share=0, top=1000).rows()
        assert not up if not row["total"] else up[0]["total"] == row["total"]
    merged: dict[tuple[str, ...], int] = {}
    for names, size in known:
        for depth in range(len(names) + 1):
            merged[names[:depth]] = merged.get(names[:depth], 0) + size
    assert paths(opened.tree(share=0, top=1000).rows()[1:]) == {
        names: total for names, total in merged.items() if names
    }
    above: dict[tuple[str, ...], int] = {}
    for names, size in known:
        for depth in range(1, min(len(names), 5) + 1):
            way = names[: -depth - 1 : -1]
            above[way] = above.get(way, 0) + size
    assert paths(opened.callers(share=0, top=1000).rows(), 0) == {
        names: total for names, total in above.items() if total
    }


def paths(rows: list[dict[str, Any]], least: int = 1) -> dict[tuple[str, ...], int]:
    """The rows of a tree by their names from the top."""
    found, at = {}, []
    for row in rows:
        at = [*at[: row["depth"] - least], row["function"]]
        assert tuple(at) not in found
        found[tuple(at)] = row["total"]
    return found


def test_errors_are_those_of_sampling(tmp_path: Path) -> None:
    calls = [call("small", 4_000, [], 2), call("large", 8_000_000, [], 3)]
    samples = [{"size": 1000, "nodeId": 2, "ordinal": k} for k in range(4)]
    samples += [{"size": 8_000_000, "nodeId": 3, "ordinal": 9}]
    samples += [{"size": 1000, "nodeId": 99, "ordinal": 10}]
    path = write(tmp_path / "p.heapprofile", call("(root)", 0, calls, 1), samples=samples)
    table = nodemem.open_profile(path).functions()
    rows = {row["function"]: row for row in table.rows()}
    # Objects far below the interval: each sample is as likely here as not, the error of n
    # samples is sqrt(n) of them. One far above is always sampled.
    assert (rows["small"]["samples"], rows["large"]["samples"]) == (4, 1)
    assert rows["small"]["self_error"] == pytest.approx(2_000, rel=0.05)
    assert rows["large"]["self_error"] == 0
    assert any("1 samples belong to no call" in warning for warning in table.warnings)


# --- bad files --------------------------------------------------------------------------------


def test_a_stack_of_twenty_thousand_calls(tmp_path: Path) -> None:
    depth = 20_000
    one = '{"callFrame":{"functionName":"f","url":"","lineNumber":-1},"selfSize":1,"children":['
    text = '{"head":' + one * depth + "]}" * depth + "}"
    path = tmp_path / "deep.heapprofile"
    path.write_text(text)
    opened = nodemem.open_profile(path)
    assert opened.functions().rows()[0]["total"] == depth - 1
    assert len(opened.tree(depth=1_000_000, share=0, top=1_000_000)) == depth
    assert len(opened.callers("f")) == 1


SOUND = json.dumps(
    {
        "head": call("(root)", 0, [call("f", 5, [call("g\n", 7, [], 3)], 2)], 1),
        "samples": [{"size": 7, "nodeId": 3, "ordinal": 1}],
    }
).encode()


def test_every_truncation_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.heapprofile"
    for size in range(1, len(SOUND), 3):
        path.write_bytes(SOUND[:size])
        with pytest.raises(nodemem.InputError) as caught:
            nodemem.open_profile(path)
        assert "cut short" in caught.value.what or "not JSON" in str(caught.value), size


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"snapshot":{', "is a heap snapshot"),
        ('{"nodes":[],"startTime":0}', "no call tree 'head'"),
        ('{"head":{}}', "no call tree 'head'"),
        ('{"head":{"callFrame":{}}}', "'selfSize' of a call"),
        ('{"head":{"callFrame":1,"selfSize":0}}', "no 'callFrame'"),
        ('{"head":{"callFrame":{},"selfSize":-1}}', "'selfSize' of a call or sample is -1"),
        ('{"head":{"callFrame":{},"selfSize":1e999}}', "is inf"),
        ('{"head":{"callFrame":{},"selfSize":0,"children":[1]}}', "are not calls"),
        ('{"head":{"callFrame":{"url":1},"selfSize":0}}', "is not text"),
        ('{"head":{"callFrame":{},"selfSize":0},"samples":[{}]}', "not a list of samples"),
        ('{"head":1} x', "not JSON from byte 10"),
        ('{"head":"\\x"}', "not JSON from byte 8"),
        ("\xff", "not JSON from byte 0"),
        ("[" * 300_000, "cut short"),
    ],
)
def test_wrong_content_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "wrong.heapprofile"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(nodemem.InputError) as caught:
        nodemem.open_profile(path)
    assert says in str(caught.value)
    assert caught.value.next


def test_a_profile_is_told_from_a_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "a.heapprofile"
    path.write_bytes(SOUND)
    with pytest.raises(nodemem.InputError, match="is a sampling heap profile") as caught:
        nodemem.open_snapshot(path)
    assert caught.value.next == f"nodemem heap profile {path}"
    with pytest.raises(nodemem.UsageError, match="no function zzz"):
        nodemem.open_profile(path).tree("zzz")
