"""nodemem map --classes and --core: what a heap holds, of programs that cannot be asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.api.core_map import core_map
from nodemem.testing import NodeProgram
from nodemem.testing.core_file import write_core

Start = Callable[..., NodeProgram]
PROGRAM = """
const { Worker } = require('node:worker_threads');
const source = (name, n) => `class ${name} { constructor(i) { this.i = i; } }
  globalThis.kept = Array.from({ length: ${n} }, (_, i) => new ${name}(i));`;
// V8 collects what a worker's start has left once its event loop runs: that shall be over.
const later = `setTimeout(() => require('node:worker_threads').parentPort.postMessage(1), 50);
  setInterval(() => {}, 1e6);`;
const first = new Worker(source('First', 3000) +
  later, { eval: true });
first.on('message', () => {
  const second = new Worker(source('Second', 4000) +
    later, { eval: true });
  second.on('message', () => { console.log('ready'); while (true); });
});
(0, eval)(source('Own', 400000));
"""


def run(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "nodemem", "map", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    return done


def counts(rows: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    return {(row["isolate"], row["class"]): row["count"] for row in rows}


def test_a_program_in_an_endless_loop(node: Path, start: Start) -> None:
    table = nodemem.class_histogram(start(node, PROGRAM).pid)
    found = counts(table.rows())
    assert abs(found["main", "Own"] - 400_000) <= 400
    assert abs(found["worker 1", "First"] - 3_000) <= 3
    assert abs(found["worker 2", "Second"] - 4_000) <= 4
    assert {name for _, name in found} >= {"(array)", "(string)", "Function", "Object", "Map"}
    assert table.summary["isolates"] == 3
    assert not any(table.values("count_error"))


def test_as_text_and_json(any_node: Path, start: Start) -> None:
    program = start(any_node, "console.log('ready'); process.stdin.resume()")
    told = json.loads(run("--classes", program.pid, "--json", "--top", 3).stdout)
    assert told["schema"] == "nodemem/map-classes@1"
    assert told["subject"] == {"pid": program.pid}
    assert told["data"]["rows"][0].keys() == {
        "isolate", "class", "count", "count_error", "shallow", "shallow_error", "share"
    }  # fmt: skip
    assert [row["isolate"] for row in told["data"]["rows"]] == ["main"] * 3
    text = run("--classes", program.pid, "--top", 5).stdout
    assert "in 1 isolate\n" in text
    assert "garbage" in text
    assert "5 of" in text
    assert "±" not in text


def test_a_stopped_one_and_its_core(node: Path, start: Start, tmp_path: Path) -> None:
    program = start(node, PROGRAM.replace("while (true);", "setInterval(() => {}, 1e6);"))
    os.kill(program.pid, signal.SIGSTOP)
    os.waitpid(program.pid, os.WUNTRACED)
    live = nodemem.class_histogram(program.pid)
    path = tmp_path / "core"
    write_core(program.pid, path)
    with open(f"/proc/{program.pid}/smaps_rollup") as lines:
        anonymous = next(int(line.split()[1]) for line in lines if line.startswith("Anonymous"))
    program.stop()
    assert nodemem.core_classes(path).rows() == live.rows()
    assert nodemem.core_classes(path, program=node).warnings == ()
    # The same core as a map: what was in memory and is not in files.
    found, pid, _, warnings = core_map(path)
    assert (pid, warnings) == (program.pid, ())
    assert found.rss == sum(one.rss for one in found.categories)
    assert anonymous * 1024 <= found.rss <= anonymous * 1024 + (2 << 20)
    assert found.unattributed <= 0.001 * found.rss
    spaces = {(one.isolate, one.category) for one in found.categories}
    assert {(who, "v8_old_space") for who in ("main", "worker 1", "worker 2")} <= spaces
    assert all(one.size == one.committed for one in found.spaces)


def test_a_core_as_text_and_json(any_node: Path, start: Start, tmp_path: Path) -> None:
    program = start(any_node, "console.log('ready'); process.stdin.resume()")
    path = tmp_path / "core"
    write_core(program.pid, path)
    told = json.loads(run("--core", path, "--classes", "--json", "--top", 2).stdout)
    assert told["schema"] == "nodemem/map-classes@1"
    assert len(told["data"]["rows"]) == 2
    assert f"map --core {path}" in run(path, code=2).stderr
    page = tmp_path / "core.html"
    run("--core", path, "-o", page)
    assert page.read_text().startswith("<!doctype html>")
    told = json.loads(run("--core", path, "--json").stdout)
    assert told["subject"]["core"] == str(path)
    assert "files" in told["data"]["unseen"]
    text = " ".join(run("--core", path, "--exe", any_node).stdout.split())
    assert text.startswith(f"Core of pid {program.pid}, Node.js {told['subject']['version']}")
    assert "is not the program" in run("--core", path, "--exe", "/bin/sh", code=4).stderr


def test_a_sample_is_told(any_node: Path, start: Start) -> None:
    program = start(
        any_node,
        "class Spread { constructor(i) { this.i = i; this.list = [i, i + 1]; } }"
        "globalThis.kept = Array.from({ length: 1e6 }, (_, i) => new Spread(i));"
        "gc(); console.log('ready'); process.stdin.resume();",
        flags=["--expose-gc"],
    )
    table = nodemem.class_histogram(program.pid, seconds=0.001)
    (spread,) = [row for row in table.rows() if row["class"] == "Spread"]
    assert 0 < spread["count_error"] < 200_000
    assert abs(spread["count"] - 1e6) < 3 * spread["count_error"]
    assert "pages were walked" in table.warnings[0]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--classes"], 2, "one process id"),
        (["--classes", 1, "--core", "x"], 2, "one process id"),
        (["1", "--exe", "node"], 2, "--core FILE is missing"),
        (["1", "--top", "3"], 2, "belong to --classes"),
        (["--classes", os.getpid()], 3, "not"),
        (["--classes", 1 << 22], 3, "no process"),
        (["--core", "/bin/sh"], 4, "another kind"),
        (["--core", "/none", "--classes"], 4, "No such file"),
        (["127.0.0.1:9229"], 4, "nodemem ps"),
    ],
)
def test_what_cannot_be_told(arguments: list[object], code: int, said: str) -> None:
    assert said in run(*arguments, code=code).stderr
