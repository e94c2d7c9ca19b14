"""glibc's heap from outside: against what programs hold and free, and what malloc_trim does."""

from __future__ import annotations

import io
import os
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nodemem
from nodemem.memory import malloc
from nodemem.memory.malloc import Malloc
from nodemem.records import Mapping
from nodemem.target.address_space import LiveAddressSpace
from nodemem.testing import NodeProgram

HERE = Path(__file__).parent
COMPILER = shutil.which("cc") or shutil.which("gcc")

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler is installed")

Run = Callable[[str], NodeProgram]


def compiled(folder: Path, source: str, *flags: str) -> Path:
    assert COMPILER is not None
    made = folder / Path(source).stem
    command = [COMPILER, "-O1", "-pthread", *flags, "-o", made, HERE / source]
    subprocess.run(command, check=True)
    return made


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("malloc"), "malloc_program.c")


@pytest.fixture(scope="module")
def trimmer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("malloc")
    return compiled(folder, "malloc_trimmer.c", "-shared", "-fPIC")


@pytest.fixture
def trimming(trimmer: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a program that can be told to trim: see `given_back`."""
    os.mkfifo(tmp_path / "trim")
    return {**os.environ, "LD_PRELOAD": str(trimmer), "TRIM": str(tmp_path / "trim")}


@pytest.fixture
def run(program: Path, trimming: dict[str, str]) -> Iterator[Run]:
    """Starts malloc_program.c in a mode, and ends it after the test."""
    started: list[NodeProgram] = []

    def start(mode: str) -> NodeProgram:
        process = subprocess.Popen(
            [program, mode],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=trimming,
        )
        started.append(NodeProgram(process))
        started[-1].wait_for("ready")
        return started[-1]

    yield start
    for one in started:
        one.stop()


def find(pid: int) -> Malloc:
    with LiveAddressSpace(pid) as space:
        return malloc.find(space, space.mappings())


def resident(pid: int, ranges: Iterable[tuple[int, int]]) -> int:
    with LiveAddressSpace(pid) as space:
        return sum(
            length for start, end in ranges for _, length in space.resident(start, end - start)
        )


def rss(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(text.split("Anonymous:")[1].split()[0]) * 1024


def given_back(program: NodeProgram, environment: dict[str, str]) -> int:
    """The bytes by which malloc_trim(0) makes a program smaller."""
    before = rss(program.pid)
    os.close(os.open(environment["TRIM"], os.O_WRONLY))
    program.wait_for("trimmed")
    return before - rss(program.pid)


def adds_up(found: Malloc) -> bool:
    return all(one.in_use + one.free + one.top == one.system_mem for one in found.arenas)


@needs_compiler
@pytest.mark.parametrize("mode", ["holes", "thread", "blocked", "no_break", "end"])
def test_what_a_program_frees(mode: str, run: Run, trimming: dict[str, str]) -> None:
    program = run(mode)
    *told, last = program.stdout_lines
    held, freed = map(int, last.split()[1:])
    found = find(program.pid)
    assert found.known
    assert found.consistent
    assert adds_up(found)
    assert [one.main for one in found.arenas] == [True] + [False] * (len(found.arenas) - 1)
    assert sum(len(one.ranges) for one in found.arenas) >= {
        "holes": 1, "thread": 1 + 2, "blocked": 50, "no_break": 50, "end": 1,
    }[mode]  # fmt: skip
    free = sum(one.free + one.top for one in found.arenas)
    # Each chunk has a header; and there is the end of the arena.
    assert 0.99 * freed < free < 1.04 * freed + 400_000
    in_use = sum(one.in_use for one in found.arenas) + sum(b - a for a, b in found.mapped)
    assert held <= in_use < 1.02 * held + 1_000_000
    for line in told:
        _, address, room = line.split()
        assert found.room(int(address, 16)) == int(room)
        assert found.room(int(address, 16)) is not None
        assert found.room(int(address, 16) + 16) is None
    assert len(told) > 40 or not held
    predicted = resident(program.pid, found.trimmable_pages())
    assert predicted == pytest.approx(given_back(program, trimming), rel=0.02)


@needs_compiler
def test_a_program_that_changes_it_all_the_time(run: Run) -> None:
    program = run("churn")
    held = int(program.stdout_lines[-1].split()[1])
    most = held + 2 * 300 * 20_016

    def is_right(found: Malloc) -> bool:
        in_use = sum(one.in_use for one in found.arenas)
        return adds_up(found) and held <= in_use < 1.05 * most + 1_000_000

    for _ in range(5):
        found = find(program.pid)
        assert found.known
        assert all(one.system_mem for one in found.arenas)
        assert not found.consistent or is_right(found)
    # Where it is stopped while it is not just changing something, all is exact.
    for _ in range(50):
        os.kill(program.pid, signal.SIGSTOP)
        os.waitpid(program.pid, os.WUNTRACED)
        found = find(program.pid)
        os.kill(program.pid, signal.SIGCONT)
        if found.consistent:
            break
    assert found.consistent
    assert is_right(found)


FRAGMENTS = """
const all = Array.from({ length: 30000 }, () => Buffer.allocUnsafeSlow(3000).fill(1));
globalThis.kept = all.filter((_, i) => i % 10 === 0);
all.length = 0;
gc(); gc();
setTimeout(() => { gc(); console.log('ready'); }, 200);
process.stdin.resume();
"""


@needs_compiler
def test_node_and_malloc_trim(
    node: Path, start: Callable[..., NodeProgram], trimming: dict[str, str]
) -> None:
    program = start(node, FRAGMENTS, flags=["--expose-gc"], env=trimming)
    found = settled(program.pid)
    free = sum(one.free + one.top for one in found.arenas)
    assert free > 27_000 * 3000
    predicted = resident(program.pid, found.trimmable_pages())
    assert predicted == pytest.approx(given_back(program, trimming), rel=0.1)


def settled(pid: int) -> Malloc:
    """Its memory once it is at rest: helper threads may still have something to do."""
    for _ in range(20):
        found = find(pid)
        if found.consistent:
            return found
        time.sleep(0.1)
    raise AssertionError(found)


def test_nothing_is_brought_into_memory(any_node: Path, start: Callable[..., NodeProgram]) -> None:
    program = start(any_node, "console.log('ready'); process.stdin.resume()")
    settled(program.pid)
    before = rss(program.pid)
    for _ in range(3):
        assert settled(program.pid).known
    assert abs(rss(program.pid) - before) < 64 << 10


PRELOADED = {
    "jemalloc": "libjemalloc.so.2",
    "mimalloc": "libmimalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
}


@pytest.mark.parametrize("name", PRELOADED)
def test_another_allocator(name: str, any_node: Path, start: Callable[..., NodeProgram]) -> None:
    places = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")
    library = next(
        (path for place in places if (path := Path(place) / PRELOADED[name]).exists()), None
    )
    if library is None:
        pytest.skip(f"{PRELOADED[name]} is not installed")
    program = start(
        any_node,
        "globalThis.kept = Buffer.alloc(5e6, 1); console.log('ready'); process.stdin.resume()",
        env={**os.environ, "LD_PRELOAD": str(library)},
    )
    with LiveAddressSpace(program.pid) as space:
        assert malloc.allocators(space.mappings()) == [name]
        found = malloc.find(space, space.mappings())
    # glibc's own is hardly used, if at all.
    assert sum(one.system_mem for one in found.arenas) < 2 << 20


def test_an_allocator_that_is_linked_into_an_addon(
    any_node: Path, start: Callable[..., NodeProgram], tmp_path: Path
) -> None:
    """As in the addons of rolldown and next, with a library that has an addon's name."""
    library = Path("/usr/lib/x86_64-linux-gnu/libmimalloc.so.2")
    if not library.exists():
        pytest.skip("libmimalloc2.0 is not installed")
    addon = tmp_path / "bundler.node"
    addon.write_bytes(library.read_bytes())
    program = start(
        any_node,
        "globalThis.kept = Array.from({ length: 40 }, () => Buffer.alloc(1e6, 1));"
        "console.log('ready'); process.stdin.resume()",
        env={**os.environ, "LD_PRELOAD": str(addon)},
    )
    found = nodemem.memory_map(program.pid)
    (one,) = [one for one in found.categories if one.category.startswith("native_allocator")]
    assert (one.category, one.exactness) == ("native_allocator_mimalloc", "estimate")
    assert one.rss > 40e6
    assert found.unattributed < 0.02 * found.rss


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 3 << 20), st.binary(max_size=9))
def test_where_in_an_addon_it_says_so_does_not_matter(at: int, rest: bytes) -> None:
    mappings = [Mapping(0, 4096, "r-xp", "/srv/x.node"), Mapping(4096, 8192, "r-xp", "/lib/c.so")]
    text = bytes(at) + b"mimalloc: warning: " + rest
    image = bytearray(64 + 2 * 64)
    image[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<HHIQQQIHHHHHH", image, 16, 3, 62, 1, 0, 64, 64, 0, 64, 56, 0, 64, 2, 0)
    struct.pack_into("<IIQQQQIIQQ", image, 128, 0, 1, 2, 4096, len(image), len(text), 0, 0, 1, 0)
    whole = bytes(image) + text
    assert malloc.embedded(mappings, lambda _: io.BytesIO(whole)) == ["mimalloc"]
    assert malloc.embedded(mappings, lambda _: io.BytesIO(whole[: -len(rest) - 2])) == []
    assert malloc.embedded(mappings[1:], lambda _: io.BytesIO(whole)) == []
    assert malloc.embedded(mappings, lambda _: None) == []


def test_the_names_of_libraries() -> None:
    mappings = [
        Mapping(n << 20, (n + 1) << 20, "r-xp", file)
        for n, file in enumerate(
            ("/lib/ld-musl-x86_64.so.1", "/opt/libjemalloc.so", "", "[heap]", "/usr/lib/libc.so.6",
             "/srv/libjemalloc/app", "/usr/lib/libtcmalloc_minimal.so.4.5.10")
        )
    ]  # fmt: skip
    assert malloc.allocators(mappings) == ["jemalloc", "musl", "tcmalloc"]
    assert malloc.allocators(mappings[2:5]) == []
