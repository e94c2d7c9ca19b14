"""Processes on systems without /proc, tried on real ones here: with psutil and the inspector alone.

NODEMEM_PROCESSES=psutil hides /proc; `as_if.py` hides also what Python has not got elsewhere.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nodemem.target import elsewhere, hold, ports, procfs
from nodemem.testing import NodeProgram

AS_IF = Path(__file__).with_name("as_if.py")
PROGRAM = """
const { Worker } = require('worker_threads');
globalThis.kept = Array.from({ length: 1e5 }, (_, i) => ({ i }));
globalThis.buffers = Array.from({ length: 8 }, () => Buffer.alloc(1 << 20, 1));
const code = "globalThis.kept = Array.from({ length: 5e4 }, (_, i) => ({ i }));" +
  "require('worker_threads').parentPort.postMessage(1); setInterval(() => {}, 1e6);";
new Worker(code, { eval: true }).on('message', () => console.log('ready'));
setInterval(() => {}, 1e6);
let asked = 0;
process.stdin.on('data', () => {
  const spaces = require('v8').getHeapSpaceStatistics();
  const physical = spaces.reduce((sum, one) => sum + one.physical_space_size, 0);
  const buffers = process.memoryUsage().arrayBuffers;
  console.log(`usage ${asked++} ${JSON.stringify({ physical, buffers })}`);
});
"""
IDLE = "setInterval(() => {}, 1e6); console.log('ready')"
FREE_PORT = "--inspect-port=0"


def nodemem(*arguments: object, system: str = "psutil") -> subprocess.CompletedProcess[str]:
    words = [*map(str, arguments)]
    environ = dict(os.environ)
    command = [sys.executable, "-m", "nodemem", *words]
    if system == "psutil":
        environ["NODEMEM_PROCESSES"] = "psutil"
    else:
        command = [sys.executable, str(AS_IF), system, *words]
    return subprocess.run(command, capture_output=True, text=True, env=environ)


def answer(*arguments: object, system: str = "psutil") -> dict[str, Any]:
    done = nodemem(*arguments, "--json", system=system)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def size(found: dict[str, Any], isolate: str | None, *names: str) -> int:
    return sum(
        one["rss"]
        for one in found["categories"]
        if one["category"].startswith(names) and one["isolate"] == isolate
    )


@pytest.mark.parametrize(
    "node",
    [
        "24",
        *(pytest.param(major, marks=pytest.mark.all_nodes) for major in ("18", "20", "22", "26")),
    ],
    indirect=True,
)
def test_the_map_adds_up_and_its_heaps_are_those_of_v8(node: Path, start: Any) -> None:
    program: NodeProgram = start(node, PROGRAM, flags=[FREE_PORT])
    before = told(program), kernels_map(program.pid)
    found = answer("map", program.pid)["data"]
    after = told(program), kernels_map(program.pid)  # a collection may lie between
    assert procfs.listeners(program.pid) == []

    assert near(found["rss"], before[1]["rss"], after[1]["rss"])
    assert sum(one["rss"] for one in found["categories"]) == found["rss"]
    assert sum(found["segments"].values()) == found["rss"]
    assert found["pss"] is None
    assert 0 < found["uss"] < found["rss"]
    assert {one["exactness"] for one in found["categories"]} == {"estimate"}
    assert [one["name"] for one in found["isolates"]] == ["main", "worker 1"]
    assert found["unseen"] == ["rest", "shared"]
    assert "Linux" in found["refusals"][0]["why"]
    main = size(found, "main", "v8_") + size(found, None, "v8_")
    assert near(main, before[0]["physical"], after[0]["physical"])
    assert near(size(found, "main", "array_buffers"), before[0]["buffers"], after[0]["buffers"])
    for isolate in ("main", "worker 1"):
        heaps = [
            size(one, isolate, "v8_") - size(one, isolate, "v8_pooled")
            for one in (before[1], after[1])
        ]
        assert near(size(found, isolate, "v8_"), *heaps)


def near(value: int, before: int, after: int) -> bool:
    """Whether a figure is between two others, give and take a tenth and 3 MiB."""
    lowest, highest = min(before, after), max(before, after)
    return 0.9 * lowest - (3 << 20) <= value <= 1.1 * highest + (3 << 20)


def told(program: NodeProgram) -> dict[str, int]:
    """What V8 says in the program itself."""
    seen = len([line for line in program.stdout_lines if line.startswith("usage")])
    program.tell("usage")
    line = program.wait_for(f"usage {seen} ").removeprefix(f"usage {seen} ")
    answered: dict[str, int] = json.loads(line)
    return answered


def kernels_map(pid: int) -> dict[str, Any]:
    """Where each byte is, as is known on Linux."""
    command = [sys.executable, "-m", "nodemem", "map", str(pid), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)["data"]
    return found


def test_what_psutil_sees_is_what_proc_says(any_node: Path, start: Any) -> None:
    program: NodeProgram = start(any_node, PROGRAM, flags=[FREE_PORT, "--title=named"])
    pid = program.pid
    seen, known = elsewhere.status(pid), procfs.status(pid)
    assert seen is not None
    assert known is not None
    assert (seen.parent, seen.uid, seen.threads) == (known.parent, known.uid, known.threads)
    assert seen.rss == pytest.approx(known.rss, rel=0.1)
    assert (seen.caught, seen.anonymous) == (None, None)
    same = ("argv", "environ", "children", "listeners", "inner_pid", "readable", "open_files")
    for name in same:
        assert getattr(elsewhere, name)(pid) == getattr(procfs, name)(pid), name
    for name in ("exe", "cwd"):
        assert elsewhere.link(pid, name) == procfs.link(pid, name)
    assert elsewhere.age(pid) == pytest.approx(procfs.age(pid), abs=2)
    assert (elsewhere.machine_memory()[0], pid in elsewhere.pids()) == (
        procfs.machine_memory()[0],
        True,
    )
    program.stop()
    gone = (elsewhere.status(pid), elsewhere.argv(pid), elsewhere.listeners(pid))
    assert gone == (None, None, None)


def test_each_portable_function_has_a_namesake_with_the_same_parameters() -> None:
    marked = [
        getattr(module, name)
        for module in (procfs, ports, hold)
        for name in re.findall(r"@portable\ndef (\w+)", inspect.getsource(module))
    ]
    assert len(marked) > 15
    for function in marked:
        namesake = getattr(elsewhere, function.__name__)
        assert list(inspect.signature(function).parameters) == list(
            inspect.signature(namesake).parameters
        ), function


def test_verbs_on_processes_work_with_psutil(any_node: Path, start: Any) -> None:
    program: NodeProgram = start(any_node, PROGRAM, flags=[FREE_PORT])
    version = subprocess.run([any_node, "--version"], capture_output=True, text=True, check=True)
    (row,) = [one for one in answer("ps")["data"]["rows"] if one["pid"] == program.pid]
    assert row["version"] == version.stdout.strip()
    assert (row["inspector"], row["sigusr1"]) == ("closed", "unknown")
    usage = answer("usage", program.pid)["data"]
    assert usage["arrayBuffers"] >= 8 << 20
    assert len(usage["workers"]) == 1
    glance = answer(program.pid, "--seconds", "0.1")["data"]
    assert glance["resident"]["rss"] > 1 << 20
    assert glance["resident"]["anonymous"] is None
    assert procfs.listeners(program.pid) == []


def test_a_process_that_has_only_just_started_is_not_killed(any_node: Path, start: Any) -> None:
    program: NodeProgram = start(any_node, IDLE, flags=[FREE_PORT], ready=None)
    assert answer("usage", program.pid)["data"]["heapUsed"] > 0
    assert program.process.poll() is None


def test_where_the_inspector_stays_closed_there_are_totals(any_node: Path, start: Any) -> None:
    program: NodeProgram = start(any_node, IDLE, flags=["--disable-sigusr1"])
    found = answer("map", program.pid)["data"]
    assert found["segments"] == {"code": 0, "data": 0, "heap": 0, "stack": 0, "other": found["rss"]}
    assert found["unseen"][0] == "segments"
    assert "--disable-sigusr1" in found["refusals"][1]["why"]
    assert program.process.poll() is None


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_an_inspector_that_is_open_is_asked_and_stays_open(
    system: str, any_node: Path, start: Any
) -> None:
    program: NodeProgram = start(any_node, PROGRAM, flags=["--inspect=127.0.0.1:0"])
    found = answer("map", program.pid, system=system)["data"]
    assert size(found, "main", "v8_") > 1 << 20
    assert sum(one["rss"] for one in found["categories"]) == found["rss"]
    assert len(procfs.listeners(program.pid) or []) == 1


def test_a_closed_inspector_is_opened_and_closed_on_macos(any_node: Path, start: Any) -> None:
    program: NodeProgram = start(any_node, IDLE, flags=[FREE_PORT])
    assert size(answer("map", program.pid, system="darwin")["data"], "main", "v8_") > 1 << 20
    assert procfs.listeners(program.pid) == []


def test_a_closed_inspector_stays_closed_on_windows(any_node: Path, start: Any) -> None:
    program: NodeProgram = start(any_node, IDLE, flags=[FREE_PORT])
    done = nodemem("usage", program.pid, system="win32")
    assert done.returncode == 3
    assert "Windows has no signal" in done.stderr
    assert "--inspect" in done.stderr
    found = answer("map", program.pid, system="win32")["data"]
    assert found["unattributed"] == found["rss"]
    assert "--inspect" in found["refusals"][1]["next"]


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        (["map", "--classes", "PID"], "nodemem snapshot"),
        (["map", "--freeze", "PID"], "--freeze"),
        (["map", "--explain", "PID"], "nodemem map"),
        (["run", "--", "true"], "nodemem record"),
        (["explain", "heap-segment", "PID"], "nodemem snapshot"),
    ],
)
def test_what_takes_linux_says_so_and_what_works(
    arguments: list[str], instead: str, any_node: Path, start: Any
) -> None:
    program: NodeProgram = start(any_node, IDLE)
    words = [str(program.pid) if word == "PID" else word for word in arguments]
    done = nodemem(*words)
    assert done.returncode == 3, done.stderr
    assert "Linux" in done.stderr
    assert instead in done.stderr


def test_a_saved_map_of_another_system_is_read_and_compared(
    any_node: Path, start: Any, tmp_path: Path
) -> None:
    program: NodeProgram = start(any_node, PROGRAM, flags=[FREE_PORT])
    saved = tmp_path / "before.json"
    assert nodemem("map", program.pid, "--json", "-o", saved).returncode == 0
    data = json.loads(saved.read_text())["data"]
    assert answer("map", saved)["data"] == data
    alike = answer("map", saved, program.pid)["data"]
    assert {row["category"] for row in alike["rows"]} >= {"array_buffers", "unattributed"}
    # Linux tells more: nothing but the whole can be compared with that.
    whole = answer("map", saved, program.pid, system="linux")["data"]
    assert "less_seen" in whole["doubts"]
    assert [row["segment"] for row in whole["rows"]] == [None]
