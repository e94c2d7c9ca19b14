"""The memory map of real processes: it adds up, and agrees with what V8, the program and the kernel
say."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import nodemem
from nodemem import cli
from nodemem.errors import TargetNotFound
from nodemem.memory.segments.types import MemoryMap
from nodemem.render.terminal import cells
from nodemem.target import procfs
from nodemem.testing import NodeProgram

Start = Callable[..., NodeProgram]
Run = Callable[..., "Done"]
PROGRAMS = Path(__file__).parents[1] / "memory" / "programs"
PAGE_OF_V8 = 256 << 10
KIB = 1024


@pytest.fixture
def run(node: Path, start: Start) -> Callable[[str], NodeProgram]:
    """Starts one of tests/memory/programs."""
    return lambda name: start(node, PROGRAMS / f"{name}.cjs", flags=["--expose-gc"])


def of(found: MemoryMap, category: str) -> int:
    return sum(one.rss for one in found.categories if one.category == category)


def v8_of(found: MemoryMap) -> int:
    own = (one for one in found.categories if one.category.startswith("v8_"))
    return sum(one.rss for one in own if one.segment != "data")


def quiet_map(program: NodeProgram) -> MemoryMap:
    """A map that no helper thread of V8 interfered with, and that adds up in every column."""
    for _ in range(100):
        found = nodemem.memory_map(program.pid)
        if all(one.exactness == "exact" for one in found.categories):
            break
        time.sleep(0.2)
    assert_adds_up(found)
    assert {one.category for one in found.categories if one.exactness != "exact"} == set()
    assert {one.name for one in found.checks if not one.holds} <= {"vm_rss"}
    assert found.unattributed <= 0.001 * found.rss
    return found


def assert_adds_up(found: MemoryMap) -> None:
    assert sum(one.rss for one in found.categories) == found.rss
    assert sum(found.segments.values()) == found.rss
    assert list(found.segments) == ["code", "data", "heap", "stack", "other"]
    assert found.pss is not None
    assert found.uss is not None
    assert found.uss <= found.pss <= found.rss
    kinds = [one.kind for one in found.categories]
    assert len(set(kinds)) == len(kinds)
    other = {one.category for one in found.categories if one.segment == "other"}
    assert "unattributed" in other
    assert {one.category for one in found.categories if "free" in one.category} <= {"malloc_free"}


def test_every_worker_apart_as_v8_tells(run: Callable[[str], NodeProgram]) -> None:
    program = run("workers")
    told = json.loads(program.wait_for("ready").removeprefix("ready "))
    found = quiet_map(program)
    ours = {(one.isolate, one.name): one.size for one in found.spaces}
    assert {isolate for isolate, _ in ours} == {"main", *(f"worker {n}" for n in range(1, 5))}
    for isolate, spaces in told.items():
        for name, size in spaces:
            if name != "read_only_space":
                assert abs(ours.get((isolate, name), 0) - size) <= PAGE_OF_V8, (isolate, name)
    assert all(one.size == one.committed for one in found.spaces)
    stacks = {one.isolate for one in found.categories if one.category == "thread_stacks"}
    assert {f"worker {n}" for n in range(1, 5)} <= stacks
    assert [one.name for one in found.isolates] == ["main", *(f"worker {n}" for n in range(1, 5))]
    threads = [one.tid for one in found.isolates]
    assert threads[0] == program.pid
    assert len({*threads} & {*procfs.thread_ids(program.pid)}) == 5
    assert of(found, "main_stack") > 0


def test_names_of_workers(node: Path, start: Start, nodemem_map: Callable[..., Done]) -> None:
    program = start(
        node,
        """
        const { Worker } = require('node:worker_threads');
        process.title = 'titled';
        const make = (name) => new Worker('setInterval(() => {}, 1e6)', { eval: true, name });
        make('alpha').on('online', () => make(undefined).on('online', () => {
          console.log('ready ' + process.version);
        }));
        setInterval(() => {}, 1e6);
        """,
    )
    version = program.wait_for("ready").removeprefix("ready v")
    names_threads = int(version.split(".")[0]) >= 24
    own = {one.name: one.thread for one in nodemem.memory_map(program.pid).isolates}
    assert own == {"main": None, "worker 1": "alpha" if names_threads else None, "worker 2": None}
    assert ("worker 1 (alpha) " in nodemem_map(program.pid).stdout) == names_threads


def test_objects(run: Callable[[str], NodeProgram]) -> None:
    found = quiet_map(run("objects"))
    assert 80e6 < v8_of(found) < 250e6
    assert of(found, "malloc_in_use") < 12e6
    assert all(one.isolate == "main" for one in found.spaces)


def test_buffers_and_what_is_free_after_them(run: Callable[[str], NodeProgram]) -> None:
    found = quiet_map(run("buffers"))
    assert abs(of(found, "array_buffers") / 60e6 - 1) < 0.01
    assert of(found, "malloc_in_use") < 12e6

    found = quiet_map(run("fragments"))
    assert abs(of(found, "array_buffers") / 2.4e6 - 1) < 0.1
    assert abs(of(found, "malloc_free") / 117.6e6 - 1) < 0.1


def test_webassembly_and_shared_memory(run: Callable[[str], NodeProgram]) -> None:
    found = quiet_map(run("wasm"))
    assert of(found, "wasm_memory") == 320 << 16
    assert abs(of(found, "shared_array_buffers") / 12e6 - 1) < 0.01
    assert abs(of(found, "array_buffers") / 3e6 - 1) < 0.06
    assert of(found, "v8_other") == 0


def test_compiled_code(run: Callable[[str], NodeProgram]) -> None:
    found = quiet_map(run("jit"))
    assert of(found, "v8_code_space") > 200 * KIB
    text = next(one for one in found.categories if one.category == "node_text")
    assert text.segment == "code"
    assert 8e6 < text.rss < 60e6
    assert of(found, "embedded_builtins") > 300 * KIB
    assert of(found, "icu_data") > 0
    assert of(found, "v8_snapshot") > 0


def test_a_program_that_hangs_or_is_stopped(run: Callable[[str], NodeProgram]) -> None:
    program = run("spin")
    spinning = quiet_map(program)
    os.kill(program.pid, signal.SIGSTOP)
    os.waitpid(program.pid, os.WUNTRACED)
    before = rss(program.pid)
    stopped = quiet_map(program)
    assert rss(program.pid) == before, "it must not grow by being looked at"
    assert stopped.rss == before
    gentle = nodemem.memory_map(program.pid, gentle=True)
    assert gentle.rss == stopped.rss
    assert gentle.pss is None
    assert v8_of(gentle) <= v8_of(stopped) <= v8_of(gentle) + 1e6
    assert gentle.unattributed < 0.005 * gentle.rss
    assert abs(v8_of(spinning) - v8_of(stopped)) < 1e6
    frozen = nodemem.memory_map(program.pid, freeze=True)
    assert frozen.rss == stopped.rss
    until = time.monotonic() + 60
    while state_of(program.pid) != "T" and time.monotonic() < until:
        time.sleep(0.01)
    assert state_of(program.pid) == "T", "it was stopped before, and still is"


def test_a_program_that_allocates_meanwhile(any_node: Path, start: Start) -> None:
    program = start(any_node, PROGRAMS / "churn.cjs")
    for _ in range(3):
        assert_adds_up(nodemem.memory_map(program.pid))
    estimates = []
    for _ in range(5):
        found = nodemem.memory_map(program.pid, freeze=True)
        assert_adds_up(found)
        assert {one.name for one in found.checks if not one.holds} == set()
        assert found.unattributed <= 0.001 * found.rss
        assert not procfs.is_traced(program.pid)
        estimates.append({one.category for one in found.categories if one.exactness != "exact"})
    # In the middle of a collection nobody knows which ArrayBuffers are alive.
    assert min(estimates, key=len) == set(), estimates
    assert set().union(*estimates) <= {"array_buffers"}


def test_text_fits_and_json_is_what_was_promised(
    any_node: Path, start: Start, nodemem_map: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    program = start(any_node, "console.log('ready'); process.stdin.resume()")
    for lang in ("en", "ko"):
        done = nodemem_map(program.pid, "--lang", lang)
        assert done.returncode == 0
        assert max(map(cells, done.stdout.splitlines())) <= 100
        assert "CODE" in done.stdout
        assert "VmRSS" in done.stdout
    data = json.loads(nodemem_map(program.pid, "--json").stdout)["data"]
    assert data["rss"] == sum(one["rss"] for one in data["categories"])
    assert list(data["segments"]) == ["code", "data", "heap", "stack", "other"]
    for segment, size in data["segments"].items():
        assert size == sum(one["rss"] for one in data["categories"] if one["segment"] == segment)
    assert set(data["categories"][0]) == {
        "segment", "category", "isolate", "rss", "pss", "uss", "exactness",
    }  # fmt: skip
    assert data["unattributed"] == sum(
        one["rss"] for one in data["categories"] if one["category"] == "unattributed"
    )
    assert data["outside"]["page_tables"] > 0
    assert data["outside"]["reserved"] > 100e6
    costs = json.loads(nodemem_map(program.pid, "--explain", "--json").stdout)["data"]["rows"]
    assert [one["mode"] for one in costs] == ["default", "gentle", "freeze"]
    assert all(one["holds_up_least"] <= one["holds_up_most"] <= 5 for one in costs)


def test_a_tree_counts_shared_pages_once(
    any_node: Path,
    start: Start,
    tmp_path: Path,
    nodemem_map: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = tmp_path / "cluster.cjs"
    script.write_text(
        "const cluster = require('node:cluster');"
        "if (cluster.isPrimary) { let n = 0; cluster.on('online', () => ++n == 2 && "
        "console.log('ready')); cluster.fork(); cluster.fork(); } else setInterval(() => {}, 1e6);"
    )
    program = start(any_node, script)
    found = nodemem.memory_map_tree(program.pid)
    assert len(found.maps) == 3
    assert found.pss is not None
    assert found.segments is not None
    assert sum(found.segments.values()) == found.pss
    assert found.pss < sum(one.rss for one in found.maps.values()) - 30e6
    assert found.pss > sum(one.uss or 0 for one in found.maps.values())
    data = json.loads(nodemem_map(program.pid, "--tree", "--json").stdout)["data"]
    assert [one["depth"] for one in data["processes"]] == [0, 1, 1]
    told = json.loads(nodemem_map(program.pid, "--tree", "--gentle", "--json").stdout)
    assert any("PSS" in warning for warning in told["warnings"])
    assert told["data"]["pss"] is None
    monkeypatch.setenv("COLUMNS", "80")
    assert all(len(line) <= 80 for line in nodemem_map(program.pid, "--tree").stdout.split("\n"))
    text = nodemem_map(program.pid, "--tree", "--gentle", "--lang", "en").stdout
    assert "all together" not in text
    own = next(line for line in text.splitlines() if line.startswith(str(program.pid)))
    assert own.count(" MB") >= 4, "its segments, as RSS"


def test_what_is_no_process_of_node(any_node: Path, start: Start, nodemem_map: Run) -> None:
    program = start(any_node, "console.log('ready'); process.stdin.resume()")
    program.process.kill()
    os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    with pytest.raises(TargetNotFound):
        nodemem.memory_map(program.pid)
    program.stop()
    done = nodemem_map(program.pid)
    assert done.returncode == 3
    assert "nodemem ps" in done.stderr
    done = nodemem_map(os.getpid())
    assert done.returncode == 3
    assert "not Node.js" in done.stderr
    assert nodemem_map(os.getpid(), "--freeze", "--gentle").returncode == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a process as somebody else")
def test_another_users_process(any_node: Path, start: Start) -> None:
    program = start(any_node, "console.log('ready'); process.stdin.resume()")
    code = (
        "import os, sys\n"
        "from nodemem.cli import run\n"
        "out, sys.stdout = sys.stdout, open(os.devnull, 'w')\n"
        "run(['map', *sys.argv[1:]])  # what is imported from somebody's home\n"
        "sys.stdout = out\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "sys.exit(run(['map', *sys.argv[1:]]))\n"
    )
    arguments = [sys.executable, "-c", code, str(program.pid)]
    text = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert "belongs to another user" in " ".join(text.split("\n")[:2])
    assert "sudo" in text
    data = json.loads(
        subprocess.run([*arguments, "--json"], capture_output=True, text=True, check=True).stdout
    )["data"]
    assert data["rss"] == sum(one["rss"] for one in data["categories"]) > 20e6
    assert data["pss"] is None
    assert data["refusals"][0]["next"]
    for more in (["--tree", "--lang", "en"], ["--for", "1ms", "--lang", "en"]):
        done = subprocess.run([*arguments, *more], capture_output=True, text=True, check=True)
        said = " ".join((done.stdout + done.stderr).split())
        assert "belongs to another user" in said
        assert "sudo" in said
        if "--tree" in more:
            assert "segments are RSS" not in said, "they are unknown, not nothing"
            assert " 0 B" not in said


def test_without_its_memory_the_mappings_still_tell(
    any_node: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under Yama's default, which no machine of ours has: /proc/PID/mem is refused."""
    program = start(any_node, "console.log('ready'); process.stdin.resume()")
    whole = quiet_map(program)
    opened = os.open

    def refused(path: object, *rest: int) -> int:
        if str(path).endswith("/mem"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        found = nodemem.memory_map(program.pid)
    assert_adds_up(found)
    assert found.refusals
    assert "spaces" in found.unseen
    assert of(found, "v8_reserved") > 0.8 * v8_of(found)
    assert abs(v8_of(found) - v8_of(whole)) < 0.05 * v8_of(whole)
    assert of(found, "malloc") > 0.9 * (of(whole, "malloc_in_use") + of(whole, "malloc_free"))
    assert of(found, "node_text") == of(whole, "node_text")
    assert found.unattributed < 0.2 * found.rss

    def refused_more(path: object, *rest: int) -> int:
        if str(path).endswith("/pagemap"):
            raise PermissionError(13, "Permission denied")
        return refused(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused_more)
        found = nodemem.memory_map(program.pid)
    assert_adds_up(found)
    assert {one.exactness for one in found.categories} == {"exact", "estimate"}
    assert abs(v8_of(found) - v8_of(whole)) < 0.05 * v8_of(whole)


def state_of(pid: int) -> str:
    status = procfs.status(pid)
    assert status is not None
    return status.state


def rss(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.findall(r"Rss:\s+(\d+)", text)[0]) * KIB


@dataclass
class Done:
    """What a command has printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def nodemem_map(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs `nodemem map` on a process, in ours."""

    def run(pid: int, *options: str) -> Done:
        code = cli.run(["map", str(pid), *options])
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err)

    return run
