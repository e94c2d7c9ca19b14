"""Rules that hold the house together and that no linter knows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "nodemem").rglob("*.py"))


def test_imports_go_one_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    if not lint.exists():
        pytest.skip("import-linter is installed by `make lint`, which runs the same check")
    done = subprocess.run(
        [str(lint)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_only_the_faces_print() -> None:
    for path in SOURCES:
        room = path.relative_to(ROOT / "src" / "nodemem").parts[0]
        if room != "cli":
            assert not re.search(r"^\s*print\(", path.read_text(), re.MULTILINE), path


def test_pinned_versions_name_no_address() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert not re.search(r"https?:|index-url|find-links|@ file", text)


def test_every_kernel_has_a_stub_and_leaves_safety_to_the_build() -> None:
    for path in sorted((ROOT / "src" / "nodemem" / "kernels").glob("*.py")):
        if path.name == "__init__.py" or path.with_suffix(".pxd").exists():
            continue  # what a .pxd declares is inlined into the kernels
        assert path.with_suffix(".pyi").exists(), f"{path.name} has no stub"
        text = path.read_text()
        assert "COMPILED = cython.compiled" in text
        assert not re.search(r"boundscheck|wraparound|overflowcheck|exceptval\(check=False", text)
