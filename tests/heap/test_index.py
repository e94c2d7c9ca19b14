"""An index changes how long an answer takes, never what it is: made, reread, shared, spoiled."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nodemem
from nodemem.cli import run
from nodemem.config import Cache
from nodemem.heap import indexes
from nodemem.heap.engine import index as index_module
from nodemem.heap.engine import interfaces
from nodemem.heap.queries import QUERIES
from nodemem.testing import SnapshotBuilder

PADDING = b'{"padding":"' + b"x" * (25 << 20) + b'",\n'
"""A section that is passed over, so that a small heap is in a file large enough for an index."""

PROGRAM = """
import os, signal, sys, tests.heap.test_index as here
if sys.argv[2] == "dies":
    left, write = int(sys.argv[3]), os.pwrite
    def pwrite(*arguments):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return write(*arguments)
    os.pwrite = pwrite
if sys.argv[2] == "full":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
import nodemem
with nodemem.open_snapshot(sys.argv[1]) as snapshot:
    print(here.digest(snapshot), snapshot.warning)
"""


def heap(seed: int, label: str = "Thing") -> bytes:
    r = random.Random(seed)
    made = SnapshotBuilder()
    made.node("synthetic", "")
    for number in range(1, 400):
        kind = r.choice(["object", "object", "hidden", "array", "string", "closure", "native"])
        name = r.choice([label, "Object", f"{label}{number}", "system / Context", "Array"])
        made.node(kind, name, size=r.choice([0, 16, 4096, 2**33]), detachedness=r.choice([0, 0, 2]))
    made.edge(0, "shortcut", "global", 1)
    for source in range(400):
        for _ in range(r.randrange(6)):
            target = r.randrange(1, 400)
            pair = f"1 / part of key (K @3) -> value (V @{target}) pair in WeakMap (table @9)"
            kind = r.choice(["property", "property", "internal", "context", "weak"])
            made.edge(source, kind, r.choice(["a", "b", "elements", pair]), target)
    return PADDING + made.to_bytes()[1:]


def digest(snapshot: nodemem.HeapSnapshot) -> str:
    """Everything that can be asked of a snapshot, in few letters."""
    columns, graph = snapshot.columns, snapshot.graph
    found = hashlib.sha256()
    for part in (
        columns.types, columns.names, columns.ids, columns.sizes, columns.first_edge,
        columns.edges, columns.edge_names, columns.detachedness, columns.locations,
        graph.shallow_sizes, graph.retained_sizes, graph.distances, *graph.tree,
        graph.tree_places, graph.id_order, graph.retainers.first, graph.retainers.edges,
    ):  # fmt: skip
        found.update(part.format.encode() + bytes(part))
    for node in range(0, snapshot.node_count, 7):
        told = [snapshot.name(node), *snapshot.edges(node), *snapshot.retainers(node)]
        found.update(repr(told).encode())
    for compat in (None, "devtools"):
        found.update(repr(snapshot.classes(compat).records).encode())
        found.update(repr(snapshot.statistics(compat)).encode())
    return found.hexdigest()


def answer(path: Path, cache: Cache | None = None) -> str:
    with nodemem.open_snapshot(path, cache=cache) as snapshot:
        return digest(snapshot)


def index_of(path: Path) -> Path:
    return path.with_name(path.name + ".nodemem-index")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("original") / "a.heapsnapshot"
    path.write_bytes(heap(1))
    return path


@pytest.fixture
def snapshot(original: Path, tmp_path: Path) -> Path:
    path = tmp_path / original.name
    path.hardlink_to(original)
    return path


@pytest.fixture(scope="module")
def expected(original: Path) -> str:
    return answer(original, "off")


def alone(path: Path) -> bool:
    """Whether nothing is beside a file but its index."""
    return {found.name for found in path.parent.iterdir()} <= {path.name, index_of(path).name}


def test_with_without_made_and_read_again(snapshot: Path, expected: str) -> None:
    assert alone(snapshot)
    assert not index_of(snapshot).exists()
    assert answer(snapshot) == expected
    made = index_of(snapshot).stat()
    assert made.st_mode & 0o777 == 0o600
    assert answer(snapshot) == expected
    assert index_of(snapshot).stat().st_ino == made.st_ino
    assert alone(snapshot)


def test_what_is_never_closed_leaves_nothing_half_done(snapshot: Path) -> None:
    opened = nodemem.open_snapshot(snapshot)
    assert opened.name(0) == ""
    assert not alone(snapshot)
    del opened
    gc.collect()
    assert alone(snapshot)


def test_in_the_cache_folder(snapshot: Path, expected: str) -> None:
    folder = Path(os.environ["XDG_CACHE_HOME"]) / "nodemem"
    assert answer(snapshot, "folder") == expected
    (made,) = folder.glob("a.heapsnapshot-*.nodemem-index")
    before = made.stat()
    assert answer(snapshot, "folder") == expected
    assert made.stat().st_ino == before.st_ino
    assert not index_of(snapshot).exists()
    made.unlink()


def test_a_name_too_long_for_a_neighbour(snapshot: Path, expected: str) -> None:
    long = snapshot.rename(snapshot.with_name("n" * 250))
    assert answer(long) == expected
    assert [path.name for path in long.parent.iterdir()] == [long.name]
    (made,) = (Path(os.environ["XDG_CACHE_HOME"]) / "nodemem").glob("nnn*")
    made.unlink()


def test_columns_alone_are_kept_and_completed_later(snapshot: Path, expected: str) -> None:
    with nodemem.open_snapshot(snapshot) as opened:
        assert opened.name(0) == ""
    made = index_of(snapshot).stat()
    assert answer(snapshot) == expected
    grown = index_of(snapshot).stat()
    assert grown.st_ino == made.st_ino
    assert grown.st_size > made.st_size
    assert answer(snapshot) == expected


def test_references_backwards_come_with_the_first_question_about_them(snapshot: Path) -> None:
    with nodemem.open_snapshot(snapshot) as opened:
        opened.query("summary")
        edges = opened.edge_count
    without = index_of(snapshot).stat().st_size
    with nodemem.open_snapshot(snapshot) as opened:
        first = list(opened.retainers(1))
    assert index_of(snapshot).stat().st_size >= without + 4 * edges
    with nodemem.open_snapshot(snapshot) as opened:
        assert list(opened.retainers(1)) == first != []


def test_a_small_file_has_none(tmp_path: Path) -> None:
    path = tmp_path / "small.heapsnapshot"
    path.write_bytes(b"{" + heap(1)[len(PADDING) :])
    answer(path)
    assert not index_of(path).exists()


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.heapsnapshot"
    path.write_bytes(heap(1, "Thing"))
    first, times = answer(path), path.stat()
    with path.open("r+b") as file:
        file.write(heap(1, "Thong"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    second = answer(path)
    assert path.stat().st_size == times.st_size
    assert first != second == answer(path, "off")


def test_an_index_of_another_format(
    snapshot: Path, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "FORMAT", 10_000)
    answer(snapshot)
    other = index_of(snapshot).stat().st_ino
    monkeypatch.undo()
    assert answer(snapshot) == expected
    assert index_of(snapshot).stat().st_ino != other


def test_an_index_of_others_is_not_trusted(snapshot: Path, expected: str) -> None:
    answer(snapshot)
    index_of(snapshot).chmod(0o666)
    assert answer(snapshot) == expected
    assert index_of(snapshot).stat().st_mode & 0o777 == 0o600
    # A copy, as it comes out of an archive, is of another inode.
    data = index_of(snapshot).read_bytes()
    times = index_of(snapshot).stat()
    index_of(snapshot).unlink()
    index_of(snapshot).write_bytes(data)
    os.utime(index_of(snapshot), ns=(times.st_atime_ns, times.st_mtime_ns))
    index_of(snapshot).chmod(0o600)
    copied = index_of(snapshot).stat().st_ctime_ns
    assert answer(snapshot) == expected
    assert index_of(snapshot).stat().st_ctime_ns != copied


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 7)), max_size=5), st.floats(0, 1))
def test_a_spoiled_index(
    made: tuple[Path, bytes, str], flips: list[tuple[float, int]], length: float
) -> None:
    path, data, expected = made
    spoiled = bytearray(data if flips else data[: int(length * len(data))])
    for where, bit in flips:
        spoiled[int(where * (len(spoiled) - 1))] ^= 1 << bit
    with index_of(path).open("r+b") as file:
        file.write(spoiled)
        file.truncate()
    assert answer(path) == expected


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 7)), min_size=1, max_size=5))
def test_a_disk_that_forgets_is_at_worst_an_error(
    made: tuple[Path, bytes, str], flips: list[tuple[float, int]]
) -> None:
    path, _, expected = made
    index_of(path).unlink(missing_ok=True)
    assert answer(path) == expected
    times, size = index_of(path).stat(), index_of(path).stat().st_size
    with index_of(path).open("r+b") as file:
        for where, bit in flips:
            at = int(where * (size - 1))
            byte = os.pread(file.fileno(), 1, at)[0]
            os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), at)
    os.utime(index_of(path), ns=(times.st_atime_ns, times.st_mtime_ns))
    try:
        answer(path)
    except (nodemem.NodememError, IndexError, ValueError):
        pass
    finally:
        index_of(path).unlink()


@pytest.fixture(scope="module")
def made(
    original: Path, expected: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, bytes, str]:
    path = tmp_path_factory.mktemp("made") / "a.heapsnapshot"
    path.hardlink_to(original)
    answer(path)
    return path, index_of(path).read_bytes(), expected


def start(path: Path, *arguments: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path), *arguments],
        env={**os.environ, "PYTHONPATH": f"{Path(nodemem.__file__).parents[1]}:{root}"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_several_processes_at_once(snapshot: Path, expected: str) -> None:
    together = [start(snapshot, "reads") for _ in range(4)]
    said = [process.communicate(timeout=120)[0].split() for process in together]
    assert said == [[expected, "None"]] * 4
    assert index_of(snapshot).exists()
    assert alone(snapshot)
    assert answer(snapshot) == expected


@pytest.mark.parametrize("writes", [0, 1, 9, 22, 31])
def test_killed_while_it_is_written(snapshot: Path, expected: str, writes: int) -> None:
    assert start(snapshot, "dies", str(writes)).wait(timeout=120) == -9
    assert answer(snapshot) == expected
    assert alone(snapshot)
    assert answer(snapshot) == expected


@pytest.mark.parametrize("limit", [0, 4096, 20_000, 40_000])
def test_a_full_disk(snapshot: Path, expected: str, limit: int) -> None:
    said = start(snapshot, "full", str(limit)).communicate(timeout=120)[0].split(maxsplit=1)
    assert said == [expected, "File too large\n"]
    assert [path.name for path in snapshot.parent.iterdir()] == [snapshot.name]


def cache(*arguments: str, cwd: Path) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "nodemem", "cache", *arguments, "--json"],
        env={**os.environ, "PYTHONPATH": str(Path(nodemem.__file__).parents[1])},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)["data"]


def test_cache_lists_checks_and_clears(snapshot: Path) -> None:
    here = snapshot.parent
    assert cache("list", cwd=here)[1]["rows"] == []
    answer(snapshot)
    answer(snapshot, "folder")
    other = here / "b.heapsnapshot"
    other.write_bytes(heap(2))
    answer(other)
    states = [(row["file"], row["state"]) for row in cache("list", cwd=here)[1]["rows"]]
    assert states == [(str(snapshot), "current")] * 2 + [(str(other), "current")]
    code, found = cache("check", str(other), cwd=here)
    assert (code, [row["state"] for row in found["rows"]]) == (0, ["identical"])
    size = index_of(other).stat().st_size
    spoil(index_of(other), 5000)
    code, found = cache("check", str(other), cwd=here)
    assert (code, [row["state"] for row in found["rows"]]) == (1, ["differs"])
    other.unlink()
    assert [row["state"] for row in cache("list", cwd=here)[1]["rows"]][2] == "orphan"
    _, gone = cache("clear", "--max-size", str(size), cwd=here)
    assert len(gone["rows"]) == 2
    assert not index_of(snapshot).exists()
    cache("clear", cwd=here)
    assert cache("list", cwd=here)[1]["rows"] == []


def spoil(path: Path, at: int) -> None:
    """Change a byte as a disk does it: nobody has written to the file."""
    times = path.stat()
    with path.open("r+b") as file:
        byte = os.pread(file.fileno(), 1, at)[0]
        os.pwrite(file.fileno(), bytes([byte ^ 1]), at)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_check_finds_a_changed_byte_in_each_section(snapshot: Path) -> None:
    with nodemem.open_snapshot(snapshot) as opened:
        for query in QUERIES:
            with contextlib.suppress(nodemem.UsageError):
                opened.query(query.name)
        for compat in ("devtools", None):
            opened.classes(compat)
            opened.statistics(compat)
    (index,) = indexes.found_indexes([snapshot])
    sections = index_module.IndexFile.open(index.index, None).sections
    names = [name for name, section in sections.items() if section.size]
    assert {"retained", "string_offsets", "retainers", "pair_edges"} <= set(names)
    assert {"result classes devtools", "result statistics None"} <= set(names)
    assert indexes.identical(index)
    for name in names:
        at = sections[name].offset + sections[name].size - 1
        spoil(index.index, at)
        assert not indexes.identical(index), name
        spoil(index.index, at)
    assert indexes.identical(index)


def test_check_says_that_there_is_nothing_to_check(
    snapshot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cache", "check", str(snapshot)]) == 0
    assert "has no index" in capsys.readouterr().out
    assert run(["cache", "check", str(snapshot.with_name("other"))]) == 4
    answer(snapshot)
    snapshot.unlink()
    assert run(["cache", "list", str(snapshot)]) == 0
    assert "orphan" in capsys.readouterr().out


def test_a_full_disk_is_told_beside_the_answer(snapshot: Path) -> None:
    program = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, -1))\n"
    program += "sys.argv = ['nodemem', *sys.argv[1:]]; import nodemem.cli; nodemem.cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "heap", "summary", str(snapshot), "--json"],
        env={**os.environ, "PYTHONPATH": str(Path(nodemem.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert json.loads(done.stdout)["data"]["rows"]
    assert f"No index of {snapshot} could be kept (File too large)" in done.stderr


def test_names_that_need_quotes_when_memory_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their widths are worked out while reading, and not read from the index again."""
    made = SnapshotBuilder()
    made.node("synthetic", "")
    for number in range(1, 5):
        made.node("object", "Object")
        made.edge(0, "element", number, number)
    for number in range(1, 5):
        for name in ("a", "c,d", "b"):
            made.edge(number, "property", name, 1)
    path = tmp_path / "a.heapsnapshot"
    path.write_bytes(PADDING + made.to_bytes()[1:])
    monkeypatch.setattr(interfaces, "_PART", 2)
    with nodemem.open_snapshot(path) as snapshot:
        assert [shape.label for shape in snapshot.definitions] == ['{a, "c,d", b}']
