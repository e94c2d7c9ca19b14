"""A Node program that does what it is told over its stdin."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Callable, Iterator
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


FreePort = Callable[..., int]


@pytest.fixture
def free_port() -> Iterator[FreePort]:
    """`free_port(n)`: a port that is free, like the n - 1 after it, until the test ends.

    Not one of those that the kernel gives to connections: any of these may be in use at any time,
    and for a minute after, and nothing can listen there then. From other tests it is kept by a
    name, which the kernel gives to one only and takes back from who ends.
    """
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    others = [*range(10240, low), *range(high + 1, 65500)] or range(10240, 65500)
    with contextlib.ExitStack() as names:

        def find(count: int = 1) -> int:
            while True:
                first = random.choice(others)
                with contextlib.suppress(OSError), contextlib.ExitStack() as kept:
                    for port in range(first, first + count):
                        name = kept.enter_context(socket.socket(socket.AF_UNIX))
                        name.bind(f"\0nodemem-test-port-{port}")
                        socket.create_server(("127.0.0.1", port)).close()
                    names.push(kept.pop_all())
                    return first

        yield find
