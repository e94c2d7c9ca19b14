"""The limits that are worked out are those that V8 itself tells."""

from __future__ import annotations

import json
import os
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.cli import run
from nodemem.errors import UsageError
from nodemem.gc.policy import Flags, heap_limits, release
from nodemem.gc.policy.flags import known, read
from nodemem.target.binary import of_file

MIB, GIB = 1 << 20, 1 << 30
TELL = "require('v8').getHeapStatistics().heap_size_limit"
GRID = [
    "",
    "--max-old-space-size=100",
    "--max-old-space-size=1500",
    "--max-old-space-size=8192",
    "--max-old-space-size=0",
    "--max-semi-space-size=1",
    "--max-semi-space-size=3",
    "--max-semi-space-size=24",
    "--max-semi-space-size=100",
    "--min-semi-space-size=5",
    "--max-heap-size=64",
    "--max-heap-size=257",
    "--max-heap-size=777",
    "--max-heap-size=3000",
    "--max-heap-size=1000 --max-old-space-size=900",
    "--max-heap-size=1000 --max-old-space-size=2000",
    "--max-heap-size=1000 --max-semi-space-size=20",
    "--max-heap-size=1000 --max-old-space-size=900 --max-semi-space-size=5",
    "--max-old-space-size=300 --max-semi-space-size=8 --min-semi-space-size=8",
    "--optimize-for-size",
    "--optimize-for-size --max-semi-space-size=32",
    "--optimize-for-size --max-heap-size=500",
    "--lite-mode --max-old-space-size=77",
    "--lite-mode --max-old-space-size=77 --max-heap-size=500",
    "--minor-ms",
    "--minor-ms --max-semi-space-size=3",
    "--minor-mc --max-semi-space-size=20",
    "--no-huge-max-old-generation-size",
    "--max-old-space-size-percentage=33.3",
    "--max-old-space-size-percentage=0.001",
    "--max-old-space-size-percentage=50 --max-heap-size=1000",
]


def version_of(node: Path) -> str:
    found = of_file(node)
    assert found is not None
    assert found.version is not None
    return found.version


def flags(words: list[str]) -> Flags:
    pairs = (word[2:].partition("=") for word in words)
    return read((name, value if equals else None) for name, equals, value in pairs)[0]


def told(node: Path, words: list[str]) -> int | None:
    """What V8 says; None if Node.js does not start."""
    clean = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
    done = subprocess.run(
        [node, *words, "-p", TELL], capture_output=True, text=True, env=clean, check=False
    )
    return int(done.stdout) if done.returncode == 0 else None


def worked_out(node: Path, words: list[str]) -> int | None:
    try:
        given = flags(words).given()
        return nodemem.heap_limits(version_of(node), **given).heap_size_limit
    except UsageError:
        return None


def compare(node: Path, grid: list[list[str]]) -> None:
    with ThreadPoolExecutor(2) as pool:
        measured = list(pool.map(lambda words: told(node, words), grid))
    ours = [worked_out(node, words) for words in grid]
    wrong = [
        (words, real, found)
        for words, real, found in zip(grid, measured, ours, strict=True)
        if real != found
    ]
    assert wrong == []
    assert len({found for found in ours if found}) > 5


def test_a_grid_of_flags(node: Path) -> None:
    compare(node, [words.split() for words in GRID])


@pytest.mark.all_nodes
def test_any_flags_together(node: Path) -> None:
    chance = random.Random(7)
    one = release(version_of(node))
    sizes: dict[str, list[int]] = {
        "max_old_space_size": [64, 200, 512, 999, 2048, 4097],
        "max_semi_space_size": [1, 2, 5, 16, 31, 64, 129],
        "min_semi_space_size": [1, 3, 8, 40],
        "max_heap_size": [40, 128, 300, 561, 1024, 1999, 5000],
    }
    grid = []
    for _ in range(150):
        words = [
            f"--{name.replace('_', '-')}={chance.choice(values)}"
            for name, values in sizes.items()
            if chance.random() < 0.4
        ]
        for switch in ("optimize_for_size", "minor_ms", "lite_mode"):
            if chance.random() < 0.15 and known(switch, one):
                words.append("--" + switch.replace("_", "-"))
        if chance.random() < 0.2 and known("max_old_space_size_percentage", one):
            words.append(f"--max-old-space-size-percentage={chance.randint(1, 100)}")
        big = ["--max-heap-size=40", "--max-semi-space-size=129"]
        if not set(big) <= set(words):
            grid.append(words)
    measured = [(words, told(node, words)) for words in grid]
    started = [(words, real) for words, real in measured if real is not None]
    assert len(started) > 80, "a heap without room for old objects does not start"
    assert [(words, real) for words, real in started if worked_out(node, words) != real] == []


MEMORIES = [200 * MIB, 513 * MIB, 3 * GIB + 4096, 15 * GIB, 40 * GIB]
WITH = ["", "--max-old-space-size=100"]
# /proc/meminfo is another file in a mount namespace of its own.
OTHER_MEMORY = """
set -e
for size in {sizes}; do
  sed "s/^MemTotal:.*/MemTotal: $((size / 1024)) kB/" /proc/meminfo > {file}
  mount --bind {file} /proc/meminfo
  for flag in '' {flags}; do {node} $flag -p "{tell}"; done
  umount /proc/meminfo
done
"""


def test_other_memories_by_another_meminfo(node: Path, tmp_path: Path) -> None:
    script = OTHER_MEMORY.format(
        sizes=" ".join(map(str, MEMORIES)),
        file=tmp_path / "meminfo",
        flags=" ".join(WITH[1:]),
        node=node,
        tell=TELL,
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"no mount namespace: {done.stderr.strip()[:200]}")
    ours = [
        heap_limits(version_of(node), memory, flags=flags(words.split())).heap_size_limit
        for memory in MEMORIES
        for words in WITH
    ]
    assert [int(line) for line in done.stdout.split()] == ours


IDLE = f"console.log('ready', {TELL}); setInterval(() => {{}}, 1e6)"


def says(program: Any) -> int:
    return int(program.wait_for("ready").split()[1])


WORKERS = """
const { Worker } = require('worker_threads');
const made = [{}, { maxOldGenerationSizeMb: 100.7 }, { maxYoungGenerationSizeMb: 20 },
  { maxOldGenerationSizeMb: 200, maxYoungGenerationSizeMb: 7 }];
let ready = 0;
globalThis.kept = made.map((resourceLimits) => {
  const code = "require('worker_threads').parentPort.postMessage(0); setInterval(() => {}, 1e6)";
  const worker = new Worker(code, { eval: true, resourceLimits });
  worker.once('message', () => { if (++ready === made.length) console.log('ready'); });
  return worker;
});
"""


@pytest.mark.parametrize("given", ["", "--max-old-space-size=300"])
def test_workers_have_the_limits_that_are_worked_out(node: Path, start: Any, given: str) -> None:
    program = start(node, WORKERS, flags=["--inspect-port=0", *given.split()])
    found = nodemem.limits(program.pid, attached=True)
    assert found.real == found.limits.heap_size_limit
    assert len(found.workers) == 4
    for worker in found.workers:
        assert worker.limits is not None
        assert worker.usage.heap_limit == worker.limits.heap_size_limit
    overruled = [one for one in found.findings if one.id == "limits.worker_overruled"]
    assert bool(overruled) == bool(given)


def test_what_is_recommended_fits_beside_heaps_of_workers(node: Path, start: Any) -> None:
    """They are seen from outside; flags hold for each of them."""
    found = nodemem.limits(start(node, WORKERS).pid, cgroup=1 << 30)
    advice = found.recommendation
    assert len(found.outside.heaps) == 5
    assert advice is not None
    assert advice.heap_size_limit is not None
    assert 5 * advice.heap_size_limit + advice.reserve <= 1 << 30
    assert min(found.outside.heaps) > 3 * MIB
    others = sum(found.outside.heaps[1:])
    assert found.ending.needs[0] >= found.limits.heap_size_limit + others


def test_of_a_process_that_is_not_touched(
    any_node: Path, start: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {**os.environ, "NODE_OPTIONS": "--max-semi-space-size=8"}
    program = start(any_node, IDLE, flags=["--max_old_space_size=300"], env=environ)
    assert run(["limits", str(program.pid), "--cgroup", "256m", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    data = answer["data"]
    assert answer["schema"] == "nodemem/limits@1"
    assert data["heap_size_limit"] == says(program) == 324 * MIB
    assert data["options"] == [
        "--max-semi-space-size=8 (NODE_OPTIONS)",
        "--max-old-space-size=300 (argv)",
    ]
    assert data["at_the_limit"]["first"] == "kernel"
    assert data["outside"]["measured"]
    assert data["recommendation"]["heap_size_limit"] < 256 * MIB
    assert program.stderr_lines == [], "an inspector that opens says so"


def test_a_limit_that_was_changed_at_run_time_is_seen_when_v8_is_asked(
    any_node: Path, start: Any
) -> None:
    source = "require('v8').setFlagsFromString('--max-old-space-size=77'); console.log('ready');"
    program = start(any_node, f"{source} setInterval(() => {{}}, 1e6)", flags=["--inspect-port=0"])
    found = nodemem.limits(program.pid, attached=True)
    differs = [one for one in found.findings if one.id == "limits.differs"]
    assert bool(differs) == (found.real != found.limits.heap_size_limit)


def test_what_is_recommended_starts_and_is_the_limit(node: Path, tmp_path: Path) -> None:
    """The three forms of one recommendation, on a real Node.js."""
    version = version_of(node)
    from nodemem.api.limits_report import report

    limits = nodemem.heap_limits(version, "16g", "512m")
    advice = report(limits, 16 * GIB, 512 * MIB).recommendation
    assert advice is not None
    assert advice.flags is not None
    assert told(node, advice.flags.words()) == advice.heap_size_limit
    environ = {**os.environ, "NODE_OPTIONS": " ".join(advice.node_options)}
    done = subprocess.run(
        [node, *advice.command_line, "-p", TELL],
        capture_output=True,
        text=True,
        env=environ,
        check=True,
    )
    assert int(done.stdout) == advice.heap_size_limit


def test_what_node_options_takes(node: Path) -> None:
    from nodemem.gc.policy.flags import in_node_options

    one = release(version_of(node))
    values = {"max_old_space_size": 500, "max_semi_space_size": 8, "min_semi_space_size": 8,
              "max_heap_size": 500, "max_old_space_size_percentage": 50.0,
              "optimize_for_size": True, "lite_mode": True, "minor_ms": True}  # fmt: skip
    for name, value in values.items():
        word = Flags(**{name: value}).words()[0]  # type: ignore[arg-type]
        environ = {**os.environ, "NODE_OPTIONS": word}
        done = subprocess.run(
            [node, "-p", "0"], capture_output=True, text=True, env=environ, check=False
        )
        assert (done.returncode == 0) == in_node_options(name, one), (word, done.stderr)
