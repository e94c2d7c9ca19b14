"""Physical memory by kind of mapping: the sum is the kernel's, the parts are where they belong."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nodemem.target import mappings, procfs

ENTRY = """{start:x}-{end:x} {access} 00000000 00:00 {inode}    {name}
Rss:    {rss} kB
Anonymous:   {anonymous} kB
VmFlags: {flags}
"""


def entry(start: int, end: int, rss: int, **other: object) -> str:
    values = {"access": "rw-p", "inode": 0, "name": "", "anonymous": rss, "flags": "rd wr"} | other
    return ENTRY.format(start=start, end=end, rss=rss, **values)


def resident_of(text: str) -> mappings.Resident:
    return mappings.add_up(mappings.parse(text.encode()))


def test_each_kind_is_told_by_its_evidence() -> None:
    text = (
        entry(0x1000, 0x9000, 20, inode=7, name="/usr/bin/node", anonymous=4)
        + entry(0x8000, 0x9000, 30, inode=7, name="/usr/bin/node", access="r-xp", anonymous=0)
        + entry(0x9000, 0xA000, 3, name="[heap]")
        + entry(0x40000, 0x80000, 100, flags="rd wr dc nr")
        + entry(0x100000, 0x101000, 0, access="---p")  # a guard
        + entry(0x101000, 0x901000, 8)
        + entry(0x901000, 0xA01000, 50)  # anonymous, and nothing tells what for
        + entry(0xB00000, 0xB01000, 0, access="---p", flags="dc")  # V8's own guard
        + entry(0xB01000, 0xB41000, 16)
        + entry(0xC00000, 0xC10000, 9, name="/dev/shm/x", anonymous=0, inode=3)
        + entry(0xD00000, 0xD10000, 5, name="[stack]")
    )
    found = resident_of(text)
    kib = {key: value // 1024 for key, value in vars_of(found).items()}
    assert kib == {
        "rss": 20 + 30 + 3 + 100 + 8 + 50 + 16 + 9 + 5,
        "anonymous": 4 + 3 + 100 + 8 + 50 + 16 + 5,
        "file": 16 + 30,
        "shared": 9,
        "v8": 100,
        "c_heap": 3,
        "stacks": 8 + 5,
        "code": 30,
        "data": 20,
    }


def vars_of(resident: mappings.Resident) -> dict[str, int]:
    keys = ("rss", "anonymous", "file", "shared", "v8", "c_heap", "stacks", "code", "data")
    return {key: getattr(resident, key) for key in keys}


@given(st.text(alphabet="09af- :\nRskBV", max_size=300))
def test_nonsense_is_passed_over(text: str) -> None:
    found = resident_of(text)
    assert found.rss == (found.anonymous or 0) + (found.file or 0) + (found.shared or 0)


def test_it_equals_the_kernels_own_sum(node: Path, talk: Any) -> None:
    talker = talk(node)
    talker.ask("hold")
    os.kill(talker.pid, signal.SIGSTOP)  # so that nothing moves between the two readings
    while (status := procfs.status(talker.pid)) is not None and status.state != "T":
        time.sleep(0.01)
    found = mappings.resident(talker.pid)
    rollup = Path(f"/proc/{talker.pid}/smaps_rollup").read_text()
    os.kill(talker.pid, signal.SIGCONT)
    own = {key: int(size) * 1024 for key, size in re.findall(r"^(\w+):\s+(\d+) kB", rollup, re.M)}
    assert found is not None
    assert found.rss == own["Rss"]
    assert found.anonymous == own["Anonymous"]
    assert found.rss == (found.anonymous or 0) + (found.file or 0) + (found.shared or 0)
    assert (found.v8 or 0) > 6e6, "200,000 objects are in V8's memory"
    assert 16_000 < (found.stacks or 0) < 4e6
    assert (found.v8 or 0) + (found.c_heap or 0) + (found.stacks or 0) <= (found.anonymous or 0)


def test_the_totals_alone_leave_the_parts_unknown(any_node: Path, talk: Any) -> None:
    talker = talk(any_node)
    found = mappings.resident(talker.pid, detailed=False)
    assert found is not None
    assert (found.v8, found.c_heap, found.stacks) == (None, None, None)
    assert found.rss == (found.anonymous or 0) + (found.file or 0) + (found.shared or 0)
    talker.program.stop()
    assert mappings.resident(talker.pid) is None
