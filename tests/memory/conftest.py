"""A Node program that holds a known number of objects of each kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nodemem.testing import NodeProgram

SOURCE = """
const times = Number(process.argv[2]);
class Record { constructor(i) { this.id = i; this.name = 'n' + i % 1000; this.share = i + 0.5; } }
const fractions = () => Array.from({ length: 1000 }, (_, k) => k + 0.5);
function withLocals() {
  const seen = [], other = {};
  return class Enclosed { constructor(i) { seen.push(i); this.other = () => other; } };
}
const Enclosed = withLocals();
function wait() { if (process.argv[3] === 'spin') while (true); process.stdin.resume(); }
globalThis.kept = {
  records: Array.from({ length: 60000 * times }, (_, i) => new Record(i)),
  maps: Array.from({ length: 20000 * times }, (_, i) => new Map([[i, i]])),
  doubles: Array.from({ length: 200 * times }, fractions),
  words: Array.from({ length: 60000 * times }, (_, i) => 'w' + i % 1000),
  wide: Array.from({ length: 1000 * times }, (_, i) => '\\u4e2d\\u6587' + i),
  enclosed: Array.from({ length: 500 }, (_, i) => new Enclosed(i)),
  long: Array.from({ length: 100001 }, (_, i) => globalThis),
};
gc(); gc();
console.log('ready');
wait();
"""

Holding = Callable[..., NodeProgram]


@pytest.fixture
def holding(start: Any, tmp_path: Path) -> Holding:
    """Starts the program above, after two full collections; `times` as many objects, and `spin`
    keeps its main thread busy for ever."""

    def run(node: Path, *, times: int = 1, spin: bool = False) -> NodeProgram:
        script = tmp_path / "holding.cjs"
        script.write_text(SOURCE)
        arguments = [str(times), *(["spin"] if spin else [])]
        program: NodeProgram = start(
            node, script, flags=["--expose-gc", "--inspect-port=0"], arguments=arguments
        )
        return program

    return run
