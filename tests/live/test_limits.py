"""The limits that are worked out are those that V8 itself tells."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.cli import run
from nodemem.errors import UsageError
from nodemem.gc.policy import Flags, heap_limits, release
from nodemem.gc.policy.flags import known, read
from nodemem.target import cgroup
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


Group = Callable[..., Path]


@pytest.fixture
def groups() -> Iterator[Group]:
    """Makes control groups of version 1 with limits in bytes: `groups("a/b", limit=...)`."""
    own = cgroup.memory_groups(os.getpid())
    if not own or not (own[0] / "memory.limit_in_bytes").exists() or os.geteuid() != 0:
        pytest.skip("no control groups of version 1 that we may write to")
    made: list[Path] = []

    def make(name: str, **limits: int) -> Path:
        folder = own[0] / f"nodemem-limits-{os.getpid()}"
        for part in ["", *name.split("/")]:
            folder = folder / part
            if not folder.exists():
                folder.mkdir()
                made.append(folder)
                (folder / "memory.use_hierarchy").write_text("1")
        for key, value in limits.items():
            (folder / f"memory.{key}_in_bytes").write_text(str(value))
        return folder

    yield make
    for folder in reversed(made):
        folder.rmdir()


IDLE = f"console.log('ready', {TELL}); setInterval(() => {{}}, 1e6)"


def says(program: Any) -> int:
    return int(program.wait_for("ready").split()[1])


IN_GROUP = '#!/bin/sh\necho $$ > {group}/cgroup.procs\nexec {node} "$@"\n'


def starter(folder: Path, node: Path, group: Path) -> Path:
    file = folder / "node-in-group"
    file.write_text(IN_GROUP.format(group=group, node=node))
    file.chmod(0o755)
    return file


@pytest.mark.parametrize(
    ("name", "limits", "parent"),
    [
        ("own", {"limit": GIB}, {}),
        ("own", {"limit": GIB, "soft_limit": 600 * MIB}, {}),
        ("above/own", {}, {"limit": 700 * MIB}),
    ],
)
def test_real_control_groups(
    node: Path,
    groups: Group,  # before `start`: its programs must be gone when the groups are removed
    start: Any,
    tmp_path: Path,
    name: str,
    limits: dict[str, int],
    parent: dict[str, int],
) -> None:
    """Version 1, as on this machine: the own group, its soft limit, and a limit above it."""
    above = groups("above", **parent) if parent else None
    group = groups(name, **limits)
    program = start(starter(tmp_path, node, group), IDLE)
    found = nodemem.limits(program.pid)
    assert found.limits.heap_size_limit == says(program)
    assert found.container == (parent or limits)["limit"]
    ids = [finding.id for finding in found.findings]
    if above is not None:
        assert found.container_source == str(above)
        assert "limits.unseen_group" in ids
        assert found.ending.first == "kernel"
        assert "limits.kernel_first" in ids
    assert found.recommendation is not None
    assert found.recommendation.heap_size_limit is not None
    assert found.recommendation.heap_size_limit + found.recommendation.reserve <= found.container


# As a container runtime does it: the own group is mounted in place of all groups.
CONTAINER = """
echo $$ > {group}/cgroup.procs
exec unshare --cgroup --mount sh -c '
  umount {mount} && mount -t cgroup -o memory none {mount} && exec {node} "$@"' - "$@"
"""


def test_a_container_of_version_1(node: Path, groups: Group, start: Any, tmp_path: Path) -> None:
    group = groups("box", limit=GIB)
    file = tmp_path / "node-in-container"
    mount = Path("/sys/fs/cgroup/memory")
    if not mount.is_mount():
        pytest.skip("version 1 is mounted elsewhere")
    file.write_text("#!/bin/sh" + CONTAINER.format(group=group, mount=mount, node=node))
    file.chmod(0o755)
    program = start(file, IDLE)
    limit = says(program)
    assert limit == heap_limits(version_of(node), 2 * GIB, GIB, cgroup_version=1).heap_size_limit
    assert nodemem.limits(program.pid).limits.heap_size_limit == limit


# A faked tree of version 2, seen by one process alone: libuv reads these two files.
FAKED = """#!/bin/sh
exec unshare --mount sh -c '
  mount --bind {tree} /sys/fs/cgroup && mount --bind {listed} /proc/$$/cgroup && exec {node} "$@"
' - "$@"
"""


@pytest.mark.parametrize("limits", [{"max": GIB}, {"max": 2 * GIB, "high": 600 * MIB}, {}])
def test_a_faked_tree_of_version_2(node: Path, tmp_path: Path, limits: dict[str, int]) -> None:
    tree, listed = tmp_path / "tree", tmp_path / "cgroup"
    inner = tree / "pod/app"
    inner.mkdir(parents=True)
    listed.write_text("0::/pod/app\n")
    (tree / "pod/memory.max").write_text(f"{300 * MIB}\n")  # of the parent: not seen
    for name in ("max", "high"):
        (inner / f"memory.{name}").write_text(f"{limits.get(name, 'max')}\n")
    file = tmp_path / "node"
    file.write_text(FAKED.format(tree=tree, listed=listed, node=node))
    file.chmod(0o755)
    done = subprocess.run([file, "-p", TELL], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no mount namespace: {done.stderr.strip()[:200]}")
    own = min(limits.values(), default=None)
    assert int(done.stdout) == nodemem.heap_limits(version_of(node), cgroup=own).heap_size_limit


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


LEAK = """
globalThis.kept = [];
process.stdin.once('data', () => setInterval(() => {
  for (let i = 0; i < 20000; i++) kept.push({ i, text: 'x' + i });
}, 1));
console.log('ready');
"""


@pytest.mark.parametrize(
    ("given", "first"),
    [
        pytest.param(
            ["--max-old-space-size=64", "--max-semi-space-size=4"],
            "v8",
            marks=pytest.mark.all_nodes,  # it collects for long before it ends
        ),
        (["--max-old-space-size=400"], "kernel"),
        (None, "v8"),  # what is recommended for this container
    ],
    ids=["small", "large", "recommended"],
)
def test_it_ends_as_told(
    any_node: Path,
    groups: Group,
    start: Any,
    tmp_path: Path,
    given: list[str] | None,
    first: str,
) -> None:
    """In a real container of 200 MiB, a heap that keeps growing: by SIGABRT or SIGKILL."""
    from nodemem.api.limits_report import report

    container = 200 * MIB
    group = groups("ends", limit=container)
    version = version_of(any_node)
    if given is None:
        limits = nodemem.heap_limits(version, "16g", container)
        advice = report(limits, 16 * GIB, container).recommendation
        assert advice is not None
        assert advice.flags is not None
        given = advice.flags.words()
    program = start(starter(tmp_path, any_node, group), LEAK, flags=given)
    found = nodemem.limits(program.pid)
    assert found.ending.first == first
    ids = [finding.id for finding in found.findings]
    assert ("limits.kernel_first" in ids) == (first == "kernel")
    program.tell("grow")
    code = program.process.wait(60)
    assert code == (-9 if first == "kernel" else -6)
