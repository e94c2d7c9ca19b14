"""Memory maps of processes that make it hard: other namespaces, no symbols, odd names, lies, an end
half-way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nodemem
from nodemem import cli
from nodemem.api import memory_map as api
from nodemem.errors import TargetLost
from nodemem.memory import metadata, pages
from nodemem.memory.metadata import Metadata
from nodemem.memory.segments import whole
from nodemem.records import AddressSpace, Observed
from nodemem.target import procfs
from nodemem.target.address_space import LiveAddressSpace, program_file
from nodemem.target.observe import observe, open_mapped
from nodemem.testing import MemoryImage, NodeProgram

Start = Callable[..., NodeProgram]
IDLE = "console.log('ready'); process.stdin.resume()"
WORKER = (
    "new (require('node:worker_threads').Worker)('setInterval(() => {}, 1e6)', { eval: true })"
    ".on('online', () => setTimeout(() => console.log('ready'), 200)); process.stdin.resume()"
)


@pytest.fixture
def inside(any_node: Path) -> Iterator[int]:
    """The pid, as we see it, of a Node.js in a pid namespace and a mount namespace of its own."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root can make namespaces")
    outer = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--mount-proc", str(any_node), "-e", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert outer.stdout is not None
    if not outer.stdout.readline().startswith("ready"):
        pytest.skip("namespaces are refused here")
    yield procfs.children(outer.pid)[0]
    for pid in (*procfs.children(outer.pid), outer.pid):
        os.kill(pid, 9)
    outer.wait()


def test_from_the_host_into_a_container(inside: int) -> None:
    assert procfs.inner_pid(inside) == 1
    found = nodemem.memory_map(inside)
    assert found.unattributed <= 0.001 * found.rss
    assert {one.isolate for one in found.spaces} == {"main", "worker 1"}
    stacks = {one.isolate for one in found.categories if one.category == "thread_stacks"}
    assert "worker 1" in stacks


def test_a_stripped_program_has_the_same_map(node: Path, start: Start, tmp_path: Path) -> None:
    if shutil.which("strip") is None:
        pytest.skip("there is no strip")
    subprocess.run(["strip", "-s", "-o", tmp_path / "node", node], check=True)
    program = start(tmp_path / "node", WORKER)
    found = nodemem.memory_map(program.pid)
    assert found.unattributed <= 0.001 * found.rss
    assert {one.isolate for one in found.spaces} == {"main", "worker 1"}
    assert "old_space" in {one.name for one in found.spaces}
    assert found.segments["code"] > 8e6


def test_names_that_want_to_be_terminal_commands(
    any_node: Path, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    program = start(
        any_node,
        "const fs = require('node:fs');"
        "for (const id of fs.readdirSync('/proc/self/task'))"
        "  fs.writeFileSync(`/proc/self/task/${id}/comm`, '\\x1b[31m\\n\"<b>');" + IDLE,
    )
    for option in ("--color=never", "--format=md", "--format=csv", "--json"):
        assert cli.run(["map", str(program.pid), option]) == 0
        told = capsys.readouterr().out
        assert "\x1b" not in told
    categories = json.loads(told)["data"]["categories"]
    assert any("<b>" in (one["isolate"] or "") for one in categories)


@pytest.mark.parametrize("how", ["ends", "is another"])
def test_a_process_that_ends_while_it_is_read(
    any_node: Path, start: Start, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    program = start(any_node, IDLE)

    def seen(pid: int, **options: bool) -> Observed:
        found = observe(pid, **options)
        if how == "ends":
            program.process.kill()
            os.waitid(os.P_PID, pid, os.WEXITED)
        else:  # the id is used again
            monkeypatch.setattr(procfs, "start_ticks", lambda _: 7)
        return found

    monkeypatch.setattr(api, "observe", seen)
    with pytest.raises(TargetLost):
        nodemem.memory_map(program.pid)


@pytest.fixture(scope="module")
def copied() -> Callable[[Path], tuple[MemoryImage, Metadata, Observed, str]]:
    @cache
    def copy(node: Path) -> tuple[MemoryImage, Metadata, Observed, str]:
        program = NodeProgram.start(node, IDLE)
        try:
            time.sleep(0.2)
            with LiveAddressSpace(program.pid) as space:
                seen = observe(program.pid)
                symbols = metadata.load(program_file(program.pid))
                return MemoryImage.copy_of(space), symbols, seen, str(node)
        finally:
            program.stop()

    return copy


@settings(max_examples=15)  # each makes the map of a whole process
@given(data=st.data())
def test_memory_that_lies(
    any_node: Path,
    copied: Callable[[Path], tuple[MemoryImage, Metadata, Observed, str]],
    data: st.DataObject,
) -> None:
    image, symbols, seen, node = copied(any_node)
    bases = [page.base for heap in pages.find(image) for page in heap.pages]
    starts = [one.start for one in seen.mappings or [] if one.rss and one.start in image.parts]
    spoiled = data.draw(st.lists(st.sampled_from([*bases, *starts]), min_size=1, max_size=8))
    before = {start: bytes(content) for start, content in image.parts.items()}
    for address in spoiled:
        part = next(
            start for start, own in image.parts.items() if start <= address < start + len(own)
        )
        at = address - part + 8 * data.draw(st.integers(0, 40))
        word = data.draw(st.one_of(st.sampled_from([*bases, *starts]), st.integers(0, 2**64 - 1)))
        image.parts[part][at : at + 8] = word.to_bytes(8, "little")
    try:
        found = whole.make(
            seen, image, symbols, lambda name: open(node, "rb") if name == node else None
        )
        assert sum(one.rss for one in found.categories) == found.rss
        assert sum(one.pss or 0 for one in found.categories) == found.pss
        assert all(one.rss >= 0 for one in found.categories)
    finally:
        for start, content in before.items():
            image.parts[start][:] = content


class Scavenged:
    """Memory in which V8 exchanges the halves of the new generation once they have been found."""

    def __init__(self, space: AddressSpace) -> None:
        self._halves = {
            page.base for heap in pages.find(space) for page in heap.pages if page.young
        }
        self._space = space
        self.mappings = space.mappings
        self.read_sparse = space.read_sparse
        self.resident = space.resident

    def read(self, address: int, length: int) -> bytes | None:
        data = self._space.read(address, length)
        if data is not None and address in self._halves and length == 16:
            words = struct.unpack("<2Q", data)
            return struct.pack("<2Q", *(w ^ 0x18 if w < 1 << 32 and w & 0x18 else w for w in words))
        return data


def test_buffers_are_an_estimate_if_v8_collects_meanwhile(any_node: Path, start: Start) -> None:
    program = start(any_node, "globalThis.kept = Buffer.alloc(5e5, 1);" + IDLE)
    symbols = metadata.load(program_file(program.pid))

    def exactness(space: AddressSpace) -> set[str]:
        found = whole.make(
            observe(program.pid), space, symbols, lambda name: open_mapped(program.pid, name)
        )
        return {one.exactness for one in found.categories if one.category == "array_buffers"}

    time.sleep(0.2)  # it is done with starting
    os.kill(program.pid, signal.SIGSTOP)
    os.waitpid(program.pid, os.WUNTRACED)
    with LiveAddressSpace(program.pid) as space:
        assert exactness(space) == {"exact"}
        assert exactness(Scavenged(space)) == {"estimate"}
