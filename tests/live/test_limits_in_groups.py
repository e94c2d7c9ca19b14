"""Limits in control groups, real ones where this machine has some, and how a process ends there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.gc.policy import heap_limits
from nodemem.target import cgroup
from nodemem.target.binary import of_file

MIB, GIB = 1 << 20, 1 << 30
TELL = "require('v8').getHeapStatistics().heap_size_limit"
IDLE = f"console.log('ready', {TELL}); setInterval(() => {{}}, 1e6)"


def version_of(node: Path) -> str:
    found = of_file(node)
    assert found is not None
    assert found.version is not None
    return found.version


def says(program: Any) -> int:
    return int(program.wait_for("ready").split()[1])


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
