"""A Node program that does what it is told over its stdin."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nodemem.target import procfs
from nodemem.testing import NodeProgram

TALKER = """
const kept = [];
const commands = {
  log() {
    for (let i = 0; i < 50; i++) { const o = { i }; kept.push(new WeakRef(o)); console.log(o); }
  },
  alive() { setTimeout(() => { gc(); gc(); say(kept.filter((ref) => ref.deref()).length); }, 20); },
  globals() { say(Object.getOwnPropertyNames(globalThis).sort().join(' ')); },
  usage() { say(JSON.stringify(process.memoryUsage())); },
  handles() { setTimeout(() => say(JSON.stringify(process.getActiveResourcesInfo().sort())), 20); },
  exit() { process.exit(3); },
  end() { clearInterval(timer); process.stdin.destroy(); },
  abort() { process.abort(); },
  hold() { globalThis.cache = Array.from({ length: 2e5 }, (_, i) => ({ i })); say('held'); },
  spin() { say('spins'); const until = Date.now() + 4000; while (Date.now() < until); },
  busy() { say('busy'); const until = Date.now() + 15000; while (Date.now() < until); },
};
const say = (text) => process.stdout.write(`answer ${text}\\n`);
const timer = setInterval(() => {}, 1e6);
process.stdin.on('data', (text) => {
  for (const word of String(text).split(/\\s+/)) commands[word]?.();
});
console.log('ready');
"""


class Talker:
    """`ask` sends a word and returns the answer to it."""

    def __init__(self, program: NodeProgram) -> None:
        self.program = program
        self.pid = program.pid
        self._asked = 0

    def ask(self, word: str) -> str:
        self.program.tell(word)
        self._asked += 1
        while True:
            self.program.wait_for("answer")
            answers = [x for x in self.program.stdout_lines if x.startswith("answer")]
            if len(answers) >= self._asked:
                return answers[self._asked - 1].removeprefix("answer ")
            assert self.program.process.poll() is None, "the program ended instead of answering"
            time.sleep(0.01)

    @property
    def ports(self) -> list[int]:
        return [one.port for one in procfs.listeners(self.pid) or []]


Talk = Callable[..., Talker]


@pytest.fixture
def talk(start: Any, tmp_path: Path) -> Talk:
    """Starts the program above; `esm` as a module. Its inspector would take a free port.
    `source` is another program that answers in the same way, `prelude` runs before it."""

    def run(
        node: Path,
        *,
        flags: list[str] | None = None,
        esm: bool = False,
        source: str = TALKER,
        prelude: str = "",
    ) -> Talker:
        script = tmp_path / f"talker.{'mjs' if esm else 'cjs'}"
        script.write_text(prelude + source)
        return Talker(
            start(node, script, flags=["--expose-gc", "--inspect-port=0", *(flags or [])])
        )

    return run
