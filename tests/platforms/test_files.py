"""macOS and Windows as far as they can be tried on Linux: what they have not got is taken away.

What is about files alone must then say the same as here, to the byte.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nodemem.testing import SnapshotBuilder

AS_IF = Path(__file__).with_name("as_if.py")
LOGS = Path(__file__).parents[1] / "gc" / "logs"
PADDING = b'{"padding":"' + b"x" * (25 << 20) + b'",\n'
"""A section that is passed over, so that a small heap is in a file large enough for an index."""


def as_if(system: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, AS_IF, system, *map(str, arguments)], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    made = SnapshotBuilder()
    made.node("synthetic", "")
    made.edge(0, "shortcut", "global", made.node("object", "Window"))
    for number in range(300):
        one = made.node("object", f"Thing{number % 7}", size=8 * number)
        made.edge(max(1, one - 7), "property", f"p{number}", one)
    small = made.to_bytes()
    (folder / "small.heapsnapshot").write_bytes(small)
    (folder / "large.heapsnapshot").write_bytes(PADDING + small.lstrip()[1:])
    return folder


def commands(folder: Path) -> list[list[str]]:
    small, large = folder / "small.heapsnapshot", folder / "large.heapsnapshot"
    log = min(LOGS.glob("node22/*.log*"), key=lambda path: path.stat().st_size)
    lines = [
        f"heap summary {small}",
        f"heap classes {small}",
        f"heap search --regex ^Thing[35]$ {small}",
        f"heap diff {small} {large}",
        f"heap dominators {large}",
        f"heap suspects {large}",
        f"gc {log}",
        "limits --node 24 --memory 2g",
        "explain rss",
    ]
    return [line.split() for line in lines]


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_every_module_can_be_imported(system: str) -> None:
    done = as_if(system)
    assert done.returncode == 0, done.stderr


def told_as(system: str, folder: Path) -> str:
    """What is said of the files."""
    asked = commands(folder)
    words: list[str] = [word for command in asked for word in ("/", *command)][1:]
    done = as_if(system, *words)
    index = folder / "large.heapsnapshot.nodemem-index"
    # Where a file does not say whose it is, an index could be anybody's.
    assert index.exists() == (system != "win32")
    index.unlink(missing_ok=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def on_linux(files: Path) -> str:
    return told_as("linux", files)


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_files_are_told_of_as_on_linux(system: str, files: Path, on_linux: str) -> None:
    assert told_as(system, files) == on_linux
