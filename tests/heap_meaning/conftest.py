"""Snapshots of small real programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nodemem.heap import HeapSnapshot, open_snapshot
from nodemem.testing import NodeProgram

Snap = Callable[..., list[HeapSnapshot]]

# A program defines `step(i)`; it is called `first` times before the first snapshot and `then`
# times before the second. What it holds, it holds from here on.
HARNESS = """
const v8 = require('node:v8');
globalThis.keepStep = step;
const [folder, first, then] = process.argv.slice(2);
let n = 0;
const steps = (count) => { for (let i = 0; i < Number(count); i++) step(n++); };
steps(first);
setTimeout(() => {
  v8.writeHeapSnapshot(`${folder}/1.heapsnapshot`);
  steps(then);
  setTimeout(() => {
    v8.writeHeapSnapshot(`${folder}/2.heapsnapshot`);
    console.log('ready');
  }, 20);
}, 20);
"""


@pytest.fixture
def snap(tmp_path: Path) -> Snap:
    """Runs a program text on a Node binary; its two snapshots, opened."""

    def run(
        node: Path, text: str, *, first: int = 200, then: int = 400, name: str = "program.js"
    ) -> list[HeapSnapshot]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        script = folder / name
        script.write_text(text + HARNESS)
        program = NodeProgram.start(
            node, script, arguments=[str(folder), str(first), str(then)], flags=["--expose-gc"]
        )
        program.stop()
        return [open_snapshot(folder / f"{k}.heapsnapshot") for k in (1, 2)]

    return run
