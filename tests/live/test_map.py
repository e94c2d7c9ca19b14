"""The memory map of real processes: it adds up, and agrees with what V8 and the kernel say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import nodemem
from nodemem.memory.segments.types import MemoryMap
from nodemem.testing import NodeProgram

Start = Callable[..., NodeProgram]

WORKERS = """
const { Worker, isMainThread, parentPort, threadId } = require('node:worker_threads');
const v8 = require('node:v8');
globalThis.kept = Array.from({ length: 50000 }, (_, i) => ({ i, text: 't' + i }));
const tell = () => v8.getHeapSpaceStatistics() && v8.getHeapSpaceStatistics()
  .map((one) => [one.space_name, one.space_size]);
if (isMainThread) {
  const told = {};
  const count = 3;
  for (let i = 1; i <= count; i++) {
    const worker = new Worker(__filename);
    worker.on('message', (spaces) => {
      told['worker ' + worker.threadId] = spaces;
      if (Object.keys(told).length === count) {
        setTimeout(() => {
          told.main = tell();
          console.log('ready ' + JSON.stringify(told));
        }, 100);
      }
    });
  }
} else {
  setTimeout(() => parentPort.postMessage(tell()), 300);
}
setInterval(() => {}, 1e6);
"""


def by_category(found: MemoryMap) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one in found.categories:
        sums[one.category] = sums.get(one.category, 0) + one.rss
    return sums


def assert_adds_up(found: MemoryMap) -> None:
    assert sum(one.rss for one in found.categories) == found.rss
    assert sum(found.segments.values()) == found.rss
    assert found.pss is not None
    assert found.uss is not None
    assert found.uss <= found.pss <= found.rss


def test_every_worker_apart_as_v8_tells(node: Path, start: Start, tmp_path: Path) -> None:
    script = tmp_path / "workers.cjs"
    script.write_text(WORKERS)
    program = start(node, script)
    told = json.loads(program.wait_for("ready").removeprefix("ready "))
    found = nodemem.memory_map(program.pid)
    assert_adds_up(found)
    ours = {(one.isolate, one.name): one.size for one in found.spaces}
    assert {isolate for isolate, _ in ours} == {"main", "worker 1", "worker 2", "worker 3"}
    for isolate, spaces in told.items():
        for name, size in spaces:
            if name != "read_only_space":
                assert abs(ours.get((isolate, name), 0) - size) <= 1 << 18, (isolate, name)
    assert all(one.size == one.committed for one in found.spaces)
    stacks = {one.isolate for one in found.categories if one.category == "thread_stacks"}
    assert {"worker 1", "worker 2", "worker 3"} <= stacks


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
    run = [sys.executable, "-c", code, str(program.pid)]
    text = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert "belongs to another user" in " ".join(text.split("\n")[:2])
    assert "sudo" in text
    data = json.loads(
        subprocess.run([*run, "--json"], capture_output=True, text=True, check=True).stdout
    )["data"]
    assert data["rss"] == sum(one["rss"] for one in data["categories"]) > 20e6
    assert data["pss"] is None
    assert data["refusals"][0]["next"]
