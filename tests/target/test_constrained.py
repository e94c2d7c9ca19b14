"""What libuv tells a process of its memory, from faked trees of /proc and of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodemem.target.constrained import Constrained, constrained

MIB = 1 << 20
UNLIMITED = 9223372036854771712  # how version 1 writes it


def lay(folder: Path, **files: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")
    return folder


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    lay(tmp_path / "proc", meminfo="MemTotal:       2048000 kB\nMemFree: 1 kB")
    return tmp_path / "proc"


def version_2(proc: Path, listed: str = "0::/pod/app") -> Path:
    top = proc.parent / "sys"
    lay(proc / "7", cgroup=listed)
    lay(proc / "self", mountinfo=f"30 23 0:26 / {top} rw - cgroup2 cgroup2 rw")
    return lay(top / "pod/app")


def version_1(proc: Path, root: str = "/") -> Path:
    top = lay(proc.parent / "memory")
    lay(proc / "7", cgroup="4:memory:/docker/abc\n0::/")
    lay(proc / "self", mountinfo=f"40 32 0:35 {root} {top} rw - cgroup cgroup rw,memory")
    return top if root != "/" else lay(top / "docker/abc")


def test_the_smaller_of_max_and_high_of_the_own_group(proc: Path) -> None:
    own = version_2(proc)
    lay(own, memory__max=512 * MIB, memory__high=300 * MIB)
    lay(own.parent, memory__max=64 * MIB)
    assert constrained(7, proc=proc) == Constrained(2048000 << 10, 2, 300 * MIB, None)


def test_no_limit_of_version_2(proc: Path) -> None:
    lay(version_2(proc), memory__max="max", memory__high="max")
    assert constrained(7, proc=proc) == Constrained(2048000 << 10, 2, None, None)


@pytest.mark.parametrize(("soft", "seen"), [(UNLIMITED, 256), (100 * MIB, 100)])
def test_the_smaller_of_hard_and_soft_limit_of_version_1(proc: Path, soft: int, seen: int) -> None:
    lay(version_1(proc), memory__limit_in_bytes=256 * MIB, memory__soft_limit_in_bytes=soft)
    found = constrained(7, proc=proc)
    assert (found.version, found.own) == (1, seen * MIB)


def test_in_a_container_the_root_is_the_own_group(proc: Path) -> None:
    lay(version_1(proc, "/docker/abc"), memory__limit_in_bytes=256 * MIB)
    lay(proc / "7/root/sys/fs/cgroup/memory", memory__limit_in_bytes=256 * MIB)
    found = constrained(7, proc=proc)
    assert (found.own, found.root) == (256 * MIB, 256 * MIB)


def test_its_own_meminfo_counts_as_lxcfs_makes_it(proc: Path) -> None:
    lay(version_2(proc), memory__max="max")
    lay(proc / "7/root/proc", meminfo="MemTotal:       1024 kB")
    assert constrained(7, proc=proc).total == MIB


@pytest.mark.parametrize("text", ["", "MemFree: 1 kB", "MemTotal: many kB", "\0" * 100])
def test_what_cannot_be_read_is_unknown(proc: Path, text: str) -> None:
    lay(proc, meminfo=text)
    lay(proc / "7", cgroup="garbage\n:::\n0::/../../etc")
    assert constrained(7, proc=proc) == Constrained(None)
    assert constrained(8, proc=proc) == Constrained(None)
