"""A process in a real control group with a memory limit (version 1, where root may make one)."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.errors import TargetLost, UnsafeTarget
from nodemem.records import ProcessSample, RecordingReader
from nodemem.target import cgroup

LIMIT = 256 << 20


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group whose parent holds the limit."""
    own = cgroup.memory_groups(os.getpid())
    if not own or not (own[0] / "memory.limit_in_bytes").exists() or os.geteuid() != 0:
        pytest.skip("no control groups of version 1 that we may write to")
    parent = own[0] / f"nodemem-test-{os.getpid()}"
    child = parent / "inner"
    try:
        child.mkdir(parents=True)
        (parent / "memory.use_hierarchy").write_text("1")
    except OSError as error:
        for folder in (child, parent):
            with contextlib.suppress(OSError):
                folder.rmdir()
        pytest.skip(f"no control group can be made: {error}")
    (parent / "memory.limit_in_bytes").write_text(str(LIMIT))
    yield child
    for folder in (child, parent):
        with contextlib.suppress(OSError):
            folder.rmdir()


def test_limit_forecast_and_the_kernels_kill(
    any_node: Path, talk: Any, group: Path, tmp_path: Path
) -> None:
    talker = talk(any_node)
    (group / "cgroup.procs").write_text(str(talker.pid))
    talker.ask("hold")
    [row] = [row for row in nodemem.ps().rows() if row["pid"] == talker.pid]
    assert row["cgroup_limit"] == LIMIT
    path = tmp_path / "a.heapsnapshot"
    with nodemem.attach(talker.pid) as visited:
        with pytest.raises(UnsafeTarget, match="limited to 256 MiB"):
            visited.take_heap_snapshot(path)
        with pytest.raises(TargetLost, match=r"container \(cgroup\) ran out of memory"):
            visited.take_heap_snapshot(path, force=True)
    assert talker.program.process.wait(60) == -9


def test_it_is_seen_from_outside_and_recorded_to_the_end(
    any_node: Path, start: Any, group: Path, tmp_path: Path
) -> None:
    source = """
    globalThis.kept = []; console.log('ready');
    process.stdin.once('data', () => {
      setInterval(() => kept.push(Buffer.alloc(8e6, 1)), 20);
    });
    """
    program = start(any_node, source, flags=["--max-old-space-size=300"])
    (group / "cgroup.procs").write_text(str(program.pid))
    found = nodemem.triage(program.pid, seconds=0.1)
    container = next(bound for bound in found.bounds if bound.kind == "container")
    assert (container.limit, container.source) == (LIMIT, str(group.parent))
    assert found.first == container
    assert [finding.id for finding in found.findings] == ["triage.heap_above_container"]
    program.tell("grow")
    path = tmp_path / "a.ndjson"
    recorded = nodemem.record(program.pid, path, every=0.02)
    assert recorded.end is not None
    assert recorded.end.exit_code == -9
    assert "container (cgroup) ran out of memory" in recorded.end.how
    with RecordingReader(path) as reader:
        samples = [one for one in reader if isinstance(one, ProcessSample)]
    used = [sample.groups[0].used or 0 for sample in samples]
    assert samples[0].groups[0].limit == LIMIT
    assert max(used) > 100e6 > used[0]


# A control group namespace makes the own group the root of all that is seen. In both, the memory
# controller is mounted anew, as a container runtime does it.
TARGET = """
echo $$ > {group}/cgroup.procs
exec unshare --cgroup --mount sh -c '
  mount -t cgroup -o memory none {mount} && exec {node} "$@"' - "$@"
"""
US = """
echo $$ > {group}/cgroup.procs
exec unshare --cgroup --mount sh -c '
  umount {mount} && mount -t cgroup -o memory none {mount} && exec {python} -m nodemem ps --json'
"""


def test_a_neighbour_container_whose_control_group_we_cannot_see(
    any_node: Path, start: Any, group: Path, tmp_path: Path
) -> None:
    """As from a debugging container in a pod: the groups are read in the process's own files."""
    beside = group.parent / "beside"
    beside.mkdir()
    starter = tmp_path / "node-in-group"
    mount = tmp_path / "memory"
    mount.mkdir()
    starter.write_text("#!/bin/sh" + TARGET.format(group=group, mount=mount, node=any_node))
    starter.chmod(0o755)
    (group / "memory.limit_in_bytes").write_text(str(LIMIT // 2))
    try:
        program = start(starter, "console.log('ready'); setInterval(() => {}, 1e6)")
        own = cgroup.memory_groups(os.getpid())[-1]
        script = US.format(group=beside, mount=own, python=sys.executable)
        done = subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, check=True)
        program.stop()
    finally:
        beside.rmdir()
    [row] = [row for row in json.loads(done.stdout)["data"]["rows"] if row["pid"] == program.pid]
    assert row["cgroup_limit"] == LIMIT // 2
