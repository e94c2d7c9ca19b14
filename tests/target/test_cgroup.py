"""Memory limits of control groups, read from trees as the kernel lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodemem.records import ControlGroup
from nodemem.target import cgroup, cgroup_facts

MB = 1 << 20


def lay(folder: Path, **files: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")
    return folder


def proc(tmp_path: Path, *, groups: str, mounts: str) -> Path:
    lay(tmp_path / "proc" / "7", cgroup=groups)
    lay(tmp_path / "proc" / "self", mountinfo=mounts)
    return tmp_path / "proc"


@pytest.fixture
def v2(tmp_path: Path) -> tuple[Path, Path]:
    top = tmp_path / "sys"
    lay(top / "pod" / "app")
    mounts = f"30 23 0:26 / {top} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
    return proc(tmp_path, groups="0::/pod/app", mounts=mounts), top


def test_the_smallest_limit_of_group_and_parents_binds(v2: tuple[Path, Path]) -> None:
    fake, top = v2
    lay(top / "pod", memory__max=64 * MB, memory__current=60 * MB)
    lay(
        top / "pod/app",
        memory__max=128 * MB,
        memory__high="max",
        memory__current=50 * MB,
        memory__stat=f"anon 1\ninactive_file {10 * MB}",
        memory__events="low 0\noom 3\noom_kill 2",
    )
    found = cgroup.memory(7, proc=fake)
    assert found == cgroup.CgroupMemory(limit=64 * MB, headroom=4 * MB, oom_kills=2)


def test_page_cache_counts_as_free(v2: tuple[Path, Path]) -> None:
    fake, top = v2
    stat = f"inactive_file {30 * MB}"
    lay(top / "pod/app", memory__max=64 * MB, memory__current=60 * MB, memory__stat=stat)
    assert cgroup.memory(7, proc=fake).headroom == 34 * MB


def test_high_counts_like_max(v2: tuple[Path, Path]) -> None:
    fake, top = v2
    lay(top / "pod/app", memory__max=64 * MB, memory__high=32 * MB)
    assert cgroup.memory(7, proc=fake).limit == 32 * MB


def test_no_limit_is_none(v2: tuple[Path, Path]) -> None:
    fake, top = v2
    lay(top / "pod/app", memory__max="max", memory__high="max", memory__current=1)
    assert cgroup.memory(7, proc=fake) == cgroup.CgroupMemory()


def test_version_1_and_its_way_to_say_unlimited(tmp_path: Path) -> None:
    top = tmp_path / "memory"
    lay(
        top / "docker/abc",
        memory__limit_in_bytes=256 * MB,
        memory__usage_in_bytes=100 * MB,
        memory__stat=f"total_inactive_file {20 * MB}",
        memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 1",
    )
    lay(top, memory__limit_in_bytes=9223372036854771712)
    mounts = (
        f"40 32 0:35 / {top} rw - cgroup cgroup rw,memory\n"
        f"41 32 0:36 / {tmp_path}/unified rw - cgroup2 cgroup2 rw"
    )
    fake = proc(tmp_path, groups="4:memory:/docker/abc\n0::/", mounts=mounts)
    found = cgroup.memory(7, proc=fake)
    assert found == cgroup.CgroupMemory(limit=256 * MB, headroom=176 * MB, oom_kills=1)


def test_inside_a_container_the_mount_is_the_group_itself(tmp_path: Path) -> None:
    top = lay(tmp_path / "memory", memory__limit_in_bytes=32 * MB)
    mounts = f"40 32 0:35 /docker/abc {top} rw - cgroup cgroup rw,memory"
    fake = proc(tmp_path, groups="4:memory:/docker/abc", mounts=mounts)
    assert cgroup.memory(7, proc=fake).limit == 32 * MB


def test_a_process_that_is_gone_has_no_limit(tmp_path: Path) -> None:
    assert cgroup.memory(7, proc=tmp_path) == cgroup.CgroupMemory()


def test_the_group_of_another_container_of_the_pod_is_seen_in_its_own_files(
    v2: tuple[Path, Path],
) -> None:
    fake, top = v2
    lay(top, memory__max=300 * MB)
    lay(fake / "7", cgroup="0::/../app")
    assert cgroup.memory(7, proc=fake).limit is None, "the limit of our own container is not its"
    own = "31 23 0:26 /../app /sys/fs/cgroup rw - cgroup2 cgroup rw"
    lay(fake / "7", mountinfo=f"30 23 0:26 /../other /mnt rw - cgroup2 x rw\n{own}")
    lay(fake / "7/root/sys/fs/cgroup", memory__max=64 * MB, memory__current=4 * MB)
    found = cgroup.memory(7, proc=fake)
    assert found == cgroup.CgroupMemory(limit=64 * MB, headroom=60 * MB)


def describe(pid: int, fake: Path) -> list[ControlGroup]:
    return cgroup_facts.describe(cgroup.memory_groups(pid, proc=fake))


def test_version_2_tells_all_there_is(v2: tuple[Path, Path]) -> None:
    """Laid out as the kernel's documentation has it; no machine with version 2 was at hand."""
    fake, top = v2
    stall = "avg10=25.50 avg60=3.00 avg300=0.10 total=2500000"
    lay(
        top / "pod/app",
        memory__max=128 * MB,
        memory__high=96 * MB,
        memory__current=50 * MB,
        memory__peak=90 * MB,
        memory__swap__current=3 * MB,
        memory__swap__max="max",
        memory__oom__group=1,
        memory__stat=f"kernel {5 * MB}\ninactive_file {10 * MB}\nactive_file {4 * MB}\n"
        f"slab_reclaimable {MB}",
        memory__events="low 0\nhigh 7\nmax 3\noom 1\noom_kill 2",
        memory__pressure=f"some {stall}\nfull {stall}",
    )
    lay(top / "pod", memory__max=64 * MB, memory__current=60 * MB)
    own, parent = describe(7, fake)[:2]
    assert (own.limit, own.high, own.hard) == (96 * MB, 96 * MB, 128 * MB)
    assert own.slows
    assert (own.current, own.used, own.peak, own.kernel) == (50 * MB, 40 * MB, 90 * MB, 5 * MB)
    assert (own.room, own.most_room) == (56 * MB, 61 * MB)
    assert (own.swap, own.swap_limit, own.at_limit) == (3 * MB, None, "group")
    assert own.events == {"low": 0, "high": 7, "max": 3, "oom": 1, "oom_kill": 2}
    assert own.pressure is not None
    assert (own.pressure.some.avg10, own.pressure.some.total) == (0.255, 2.5)
    assert (parent.limit, parent.slows, parent.at_limit) == (64 * MB, False, "process")
    assert parent.pressure is None
    # One truth: what triage reads every few seconds is the same.
    light = cgroup.levels(cgroup.memory_groups(7, proc=fake))
    assert [(one.path, one.limit, one.used, one.room) for one in light] == [
        (one.path, one.limit, one.used, one.room) for one in (own, parent)
    ]


def test_a_limit_above_all_that_can_be_seen_counts(tmp_path: Path) -> None:
    top = lay(
        tmp_path / "memory",
        memory__limit_in_bytes=256 * MB,
        memory__usage_in_bytes=100 * MB,
        memory__stat=f"hierarchical_memory_limit {128 * MB}",
        memory__oom_control="oom_kill_disable 1\nunder_oom 0",
        memory__failcnt=4,
    )
    mounts = f"40 32 0:35 /docker/abc {top} rw - cgroup cgroup rw,memory"
    fake = proc(tmp_path, groups="4:memory:/docker/abc", mounts=mounts)
    own, unseen = describe(7, fake)
    assert own.at_limit == "wait"
    assert own.events == {"max": 4}
    assert (unseen.limit, unseen.used, unseen.room) == (128 * MB, None, None)
    assert cgroup.memory(7, proc=fake).limit == 128 * MB


def test_a_parent_that_does_not_count_its_children_does_not_bind(tmp_path: Path) -> None:
    top = tmp_path / "memory"
    lay(top / "app", memory__limit_in_bytes=256 * MB)
    lay(top, memory__limit_in_bytes=32 * MB, memory__use_hierarchy=0)
    mounts = f"40 32 0:35 / {top} rw - cgroup cgroup rw,memory"
    fake = proc(tmp_path, groups="4:memory:/app", mounts=mounts)
    assert cgroup.memory(7, proc=fake).limit == 256 * MB


@pytest.mark.parametrize("text", ["", "some", "some avg10=x avg60=0 avg300=0 total=0", "full a=1"])
def test_a_file_of_pressure_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "pressure").write_text(text)
    assert cgroup_facts.pressure(tmp_path / "pressure") is None
    assert cgroup_facts.pressure(tmp_path / "missing") is None
