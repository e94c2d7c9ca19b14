"""A process's memory from outside: right bytes, none made present, clear refusals."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nodemem.errors import TargetLost, TargetNotFound
from nodemem.target.address_space import LiveAddressSpace, program_file
from nodemem.target.presence import Presence
from nodemem.testing import NodeProgram

PAGE = os.sysconf("SC_PAGE_SIZE")
Start = Callable[..., NodeProgram]


def test_only_what_is_present() -> None:
    # Our own memory: 8 pages of which the third and the fourth were written to.
    memory = mmap.mmap(-1, 8 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    memory[2 * PAGE : 4 * PAGE] = b"x" * 2 * PAGE
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    with LiveAddressSpace(os.getpid()) as space:
        assert any(m.start <= start < m.end and m.access == "rw-p" for m in space.mappings())
        assert space.read(start + 2 * PAGE, 2 * PAGE) == b"x" * 2 * PAGE
        assert space.read(start + 3 * PAGE + 5, 7) == b"x" * 7
        assert space.read(start + PAGE, 2 * PAGE) is None
        assert space.read(start, 1) is None
        whole = space.read_sparse(start + 1, 8 * PAGE - 1)
        assert whole == bytes(2 * PAGE - 1) + b"x" * 2 * PAGE + bytes(4 * PAGE)
        assert space.read_sparse(start + 4 * PAGE, 4 * PAGE) is None
        # Had reading made them present, they would be now.
        assert space.read(start, PAGE) is None
        for address, length in ((0, 8), (1 << 63, 8), (-8, 8), (1 << 70, 8), (start, 0)):
            assert space.read(address, length) is None
            assert space.read_sparse(address, length) is None


def test_both_ways_to_ask_what_is_present_agree() -> None:
    memory = mmap.mmap(-1, 300 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    there = [0, 1, 2, 7, 9, 100, 299]
    for page in there:
        memory[page * PAGE] = 1
    pagemap = os.open("/proc/self/pagemap", os.O_RDONLY)
    fast, slow = Presence(pagemap), Presence(pagemap)
    slow._scans = False  # as on a kernel before 6.7
    for low, size in ((0, 300 * PAGE), (5, 3 * PAGE), (7 * PAGE + 1, 2 * PAGE), (3 * PAGE, PAGE)):
        expected = {n for n in there if low < (n + 1) * PAGE and n * PAGE < low + size}
        for one in (fast, slow):
            runs = one.runs(start + low, size)
            pages = {
                n
                for at, length in runs
                for n in range((at - start) // PAGE, -(-(at + length - start) // PAGE))
            }
            assert pages == expected
            assert all(
                start + low <= at and at + length <= start + low + size for at, length in runs
            )
    assert memory[50 * PAGE] == 0  # now the page of zeros is there: it counts for nobody
    assert slow.runs(start + 50 * PAGE, PAGE)
    if fast._scans:
        assert not fast.runs(start + 50 * PAGE, PAGE)
    os.close(pagemap)


def test_a_process_that_ends(any_node: Path, start: Start) -> None:
    program = start(any_node, "console.log('ready'); process.stdin.resume()")
    with LiveAddressSpace(program.pid) as space:
        stack = next(one for one in space.mappings() if one.file == "[stack]")
        assert space.read(stack.end - PAGE, PAGE) is not None
        assert Path(program_file(program.pid)).stat().st_ino == any_node.stat().st_ino
        program.stop()
        assert space.read(stack.end - PAGE, PAGE) is None
        with pytest.raises(TargetLost):
            space.mappings()
    with pytest.raises(TargetNotFound):
        LiveAddressSpace(program.pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a process as somebody else")
def test_another_users_memory() -> None:
    code = (
        "import os, sys\n"
        "from nodemem.errors import NotPermitted\n"
        "from nodemem.target.address_space import LiveAddressSpace\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: LiveAddressSpace(int(sys.argv[1]))\n"
        "except NotPermitted as error: print(error, '|', error.next)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(os.getpid())], capture_output=True, text=True, check=True
    )
    assert "belongs to another user" in done.stdout
    assert "sudo" in done.stdout
