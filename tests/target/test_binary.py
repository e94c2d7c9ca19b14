"""Which files are Node.js: hostile names."""

from __future__ import annotations

import os
from pathlib import Path

from nodemem.target.binary import of_file


def test_a_pipe_does_not_make_us_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "node")
    assert of_file(str(tmp_path / "node")) is None
    assert of_file(str(tmp_path)) is None
