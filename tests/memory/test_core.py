"""Core files: what they hold is what the process had, and damaged ones are told."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodemem.errors import InputError
from nodemem.memory import classes, core_program, metadata, survey
from nodemem.memory.classes import ClassCount
from nodemem.memory.core import Core
from nodemem.memory.survey import Budget
from nodemem.records import AddressSpace
from nodemem.target import mappings
from nodemem.target.address_space import LiveAddressSpace, program_file
from nodemem.testing import NodeProgram
from nodemem.testing.core_file import write_core

Start = Callable[..., NodeProgram]
ALL_PAGES = Budget(bytes=1 << 40, seconds=1e9)
PROGRAM = (
    "class Leak { constructor(i) { this.id = i; this.text = 'x' + i; } }"
    "globalThis.kept = Array.from({ length: 50000 }, (_, i) => new Leak(i));"
    "new (require('worker_threads').Worker)(`class OfWorker {}; globalThis.kept ="
    " Array.from({ length: 7000 }, () => new OfWorker()); console.log('ready');"
    " setInterval(() => {}, 1e6)`, { eval: true });"
)
PATTERN = Path("/proc/sys/kernel/core_pattern").read_text().strip()


def histograms(space: AddressSpace, program: str) -> list[list[ClassCount]]:
    symbols = metadata.load(program)
    taken = survey.take(space, symbols, ALL_PAGES)
    return [classes.histogram(taken, symbols, heap) for heap in taken.heaps]


def live(pid: int) -> list[list[ClassCount]]:
    with LiveAddressSpace(pid) as space:
        return histograms(space, program_file(pid))


def of_core(path: Path) -> list[list[ClassCount]]:
    with Core(path) as core:
        return histograms(core, core_program.find(core).path)


def objects_in(path: Path) -> float:
    return sum(one.objects.value for heap in of_core(path) for one in heap)


def stopped(program: NodeProgram) -> int:
    os.kill(program.pid, signal.SIGSTOP)
    os.waitpid(program.pid, os.WUNTRACED)
    return program.pid


def test_as_the_process_was(node: Path, start: Start, tmp_path: Path) -> None:
    pid = stopped(start(node, PROGRAM))
    path = tmp_path / "core"
    write_core(pid, path)
    before = live(pid)
    assert of_core(path) == before
    counted = [{one.name: one.objects.value for one in heap} for heap in before]
    assert sorted(int(one.get("Leak", 0)) for one in counted) == [0, 50_000]
    assert sorted(int(one.get("OfWorker", 0)) for one in counted) == [0, 7_000]
    with Core(path) as core:
        assert core.sparse
        assert core.missing == 0
        assert {one.tid for one in core.notes.threads} == {
            int(one.name) for one in Path(f"/proc/{pid}/task").iterdir()
        }
        told = {one.start: one for one in core.observed().mappings or []}
        for one in mappings.read(pid):
            if one.access[0] == "r" and not one.file.startswith(("[vvar", "[vsyscall")):
                same = told[one.start]
                assert (same.end, same.access[:3]) == (one.end, one.access[:3])
                if one.access[3] == "p":
                    # Of a file's pages that are copies of ours, a core does not tell which.
                    assert one.anonymous <= same.anonymous <= one.rss
                    assert one.inode or same.rss == one.rss
                if one.file in ("[heap]", "[stack]") or one.file.startswith("/"):
                    assert (same.file, same.offset) == (one.file, one.offset)


@pytest.mark.skipif(PATTERN[0] in "|/", reason="the kernel's cores go elsewhere")
@pytest.mark.parametrize("holes", [True, False], ids=["with holes", "copied without"])
def test_of_the_kernel(any_node: Path, start: Start, tmp_path: Path, holes: bool) -> None:
    # Without machine code there is no range of 512 MiB for it, which would be a big file.
    program = start(any_node, PROGRAM, flags=[] if holes else ["--jitless"], cwd=tmp_path)
    resource.prlimit(program.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
    before = live(stopped(program))
    os.kill(program.pid, signal.SIGABRT)
    os.kill(program.pid, signal.SIGCONT)
    program.process.wait()
    (path,) = tmp_path.glob("*core*")
    if not holes:
        (tmp_path / "copy").write_bytes(path.read_bytes())
        path = tmp_path / "copy"
    assert of_core(path) == before
    with Core(path) as core:
        assert core.sparse == holes
        assert core.notes.program
        names = {one.file for one in core.observed().mappings or [] if one.rss}
        assert {"[heap]", "[stack]", str(any_node.resolve())} <= names


@pytest.fixture(scope="module")
def a_core(any_node: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("core") / "core"
    program = NodeProgram.start(any_node, "console.log('ready'); process.stdin.resume()")
    write_core(program.pid, path)
    program.stop()
    yield path
    path.unlink()


def test_one_that_is_cut_short(a_core: Path, tmp_path: Path) -> None:
    size = a_core.stat().st_size
    path = tmp_path / "core"
    shutil.copy(a_core, path)
    counted = [objects_in(path)]
    for part in (2, 10, 40, 80, 200):
        os.truncate(path, size // part)
        with Core(path) as core:
            assert core.missing == size - size // part
        counted.append(objects_in(path))
    assert counted == sorted(counted, reverse=True)
    assert 0 <= counted[-1] < counted[0]
    for length in (0, 3, 63, 200):
        os.truncate(path, length)
        with pytest.raises(InputError, match="cannot be read as a core file"):
            Core(path)


def test_what_a_core_that_is_cut_short_cannot_say(a_core: Path, tmp_path: Path) -> None:
    """Debuggers write the notes, which name the program, at the end."""
    path = tmp_path / "core"
    shutil.copy(a_core, path)
    with path.open("r+b") as file:
        head = file.read(64)
        at, (size, count) = int.from_bytes(head[32:40], "little"), struct.unpack("<HH", head[54:58])
        for one in range(at, at + size * count, size):
            file.seek(one)
            if int.from_bytes(file.read(4), "little") == 4:  # PT_NOTE
                file.seek(one + 8)
                file.write((2 * a_core.stat().st_size).to_bytes(8, "little"))
    with Core(path) as core, pytest.raises(InputError, match="cut short") as caught:
        core_program.find(core)
    assert "--exe" in (caught.value.next or "")


def test_what_is_no_core(tmp_path: Path, any_node: Path) -> None:
    with pytest.raises(InputError, match="another kind"):
        Core(any_node)
    with pytest.raises(InputError, match="No such file"):
        Core(tmp_path / "none")
    with pytest.raises(InputError, match="it is no file"):
        Core(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="it is no file"):
        Core(tmp_path / "pipe")
    (tmp_path / "packed").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
    with pytest.raises(InputError, match="is compressed") as caught:
        Core(tmp_path / "packed")
    assert "zstd -d" in str(caught.value.next)


def test_the_right_program(a_core: Path, any_node: Path, tmp_path: Path) -> None:
    with Core(a_core) as core:
        assert core_program.find(core) == (str(any_node.resolve()), True)
        assert core_program.find(core, any_node) == (str(any_node), True)
        with pytest.raises(InputError, match="is not the program") as caught:
            core_program.find(core, "/bin/sh")
        assert "its build id is" in str(caught.value.why)
        assert str(any_node.resolve()) in str(caught.value.why)
        with pytest.raises(InputError, match="cannot be read"):
            core_program.find(core, tmp_path / "none")
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InputError, match="it is no file"):
            core_program.find(core, tmp_path / "pipe")
        gone = [one._replace(path="/gone/node") for one in core.notes.files]
        core.notes = core.notes._replace(files=gone)
        with pytest.raises(InputError, match=r"the program of .* cannot be read: /gone/node"):
            core_program.find(core)
        assert core_program.find(core, any_node).checked
        core.notes = core.notes._replace(files=[])
        with pytest.raises(InputError, match="does not say which program"):
            core_program.find(core)
        assert core_program.find(core, any_node) == (str(any_node), False)


numbers = st.one_of(
    st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 0xFFFF, 1 << 40, 1 << 63, (1 << 64) - 1])
)


@settings(max_examples=60)
@given(data=st.data())
def test_headers_that_lie(a_core: Path, any_node: Path, data: st.DataObject) -> None:
    symbols = metadata.load(any_node)
    with open(a_core, "r+b") as file:
        (notes_at,) = struct.unpack("<72xQ", file.read(80))
        end = data.draw(st.sampled_from([64, 400, notes_at, notes_at + 8000]))
        at = data.draw(st.integers(0, end // 8)) * 8
        file.seek(at)
        before = file.read(32)
        changed = b"".join(n.to_bytes(8, "little") for n in data.draw(st.tuples(*[numbers] * 4)))
        length = data.draw(st.sampled_from([1, 2, 8, 32]))
        file.seek(at)
        file.write(changed[:length])
        file.flush()
        try:
            with Core(a_core) as core:
                seen = core.observed()
                assert all(one.rss <= one.end - one.start for one in seen.mappings or [])
                assert sum(one.rss for one in seen.mappings or []) <= core.size
                taken = survey.take(core, symbols, Budget(bytes=1 << 20, seconds=60))
                for heap in taken.heaps:
                    classes.histogram(taken, symbols, heap)
                core_program.find(core)
        except InputError:
            pass
        finally:
            file.seek(at)
            file.write(before)
