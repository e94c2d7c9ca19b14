"""Equal programs under equal traffic, of which some are visited and one is left alone."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nodemem.target import procfs
from nodemem.testing import NodeProgram

SERVER = """
const [http, hooks] = await Promise.all([import('node:http'), import('node:perf_hooks')]);
const delay = hooks.monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const logged = [];
const log = () => {
  for (let i = 0; i < 20; i++) { const o = { i }; logged.push(new WeakRef(o)); console.log(o); }
};
const state = () => {
  gc(); gc();
  const kept = logged.filter((ref) => ref.deref()).length;
  logged.length = 0;
  gc();
  const { heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const seen = { longest: delay.max / 1e6, p99: delay.percentile(99) / 1e6 };
  delay.reset();
  return { heapUsed, external, ...seen, cpu: (user + system) / 1e3,
    handles: process.getActiveResourcesInfo().length,
    globals: Object.getOwnPropertyNames(globalThis).length,
    logged: kept };
};
const server = http.createServer((request, response) => {
  response.setHeader('connection', 'close');
  if (request.url === '/log') log();
  response.end(request.url === '/state' ? JSON.stringify(state()) : 'fine');
});
server.listen(0, '127.0.0.1', () => console.log('ready ' + server.address().port));
"""
IN_COMMONJS = "(async () => {\n%s\n})();\n"
PAUSE = 0.02  # seconds between two requests
SETTLE = 0.3  # for the last connections to close


class Twin:
    """One of the programs, with its traffic."""

    def __init__(self, node: Path, script: Path) -> None:
        self.program = NodeProgram.start(node, script, flags=["--expose-gc", "--inspect-port=0"])
        self.pid = self.program.pid
        self.port = int(self.program.wait_for("ready").split()[1])
        self.answered = 0
        self.lost: list[str] = []
        self.slowest = 0.0
        self._ended = threading.Event()
        self._traffic: threading.Thread | None = None

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def state(self) -> dict[str, float]:
        """What can be counted (sizes in bytes, times in ms); the delay of the event loop is that
        since the last time, `logged` how many objects live that went to the console before."""
        state: dict[str, float] = json.loads(self.get("/state"))
        status = procfs.status(self.pid)
        assert status is not None
        assert status.rss is not None
        files = self._files()
        ports = len(procfs.listeners(self.pid) or []) - 1
        return {
            **state,
            "rss": status.rss,
            "threads": status.threads,
            "files": files,
            "ports": ports,
        }

    def _files(self) -> int:
        """Open files; connections that are just closing come and go."""
        seen = []
        for _ in range(10):
            seen.append(procfs.open_files(self.pid) or 0)
            time.sleep(SETTLE / 10)
        return min(seen)

    def begin(self) -> None:
        """Requests from now on."""
        self._ended.clear()
        self._traffic = threading.Thread(target=self._ask_on, daemon=True)
        self._traffic.start()

    def pause(self) -> None:
        """No more requests: their connections would count as open files."""
        self._ended.set()
        if self._traffic is not None:
            self._traffic.join()
            self._traffic = None

    def _ask_on(self) -> None:
        while not self._ended.wait(PAUSE):
            begun = time.monotonic()
            try:
                assert self.get("/") == b"fine"
                self.answered += 1
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
            self.slowest = max(self.slowest, time.monotonic() - begun)


Visit = Callable[[Twin], tuple[float, float]]
"""Visits one: seconds to attach and to detach."""


@dataclass
class Outcome:
    """One twin: `before` and `after` as in `Twin.state`, and the seconds that visits took."""

    cycles: int
    before: dict[str, float]
    after: dict[str, float] = field(default_factory=dict)
    attach: list[float] = field(default_factory=list)
    detach: list[float] = field(default_factory=list)
    left_open: int = 0
    answered: int = 0
    lost: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def grown(self, key: str) -> float:
        return self.after[key] - self.before[key]

    def each(self, key: str) -> float:
        """What grew, for one visit."""
        return self.grown(key) / self.cycles


@contextlib.contextmanager
def twins(node: Path, folder: Path, count: int, *, esm: bool) -> Iterator[list[Twin]]:
    script = folder / ("server.mjs" if esm else "server.cjs")
    script.write_text(SERVER if esm else IN_COMMONJS % SERVER)
    started: list[Twin] = []
    try:
        while len(started) < count:
            started.append(Twin(node, script))
        yield started
    finally:
        for twin in started:
            twin.pause()
            twin.program.stop()


def compare(
    node: Path,
    folder: Path,
    visits: list[Visit | None],
    *,
    cycles: int,
    esm: bool = False,
    traffic: bool = True,
    warm_up: int = 10,
) -> list[Outcome]:
    """Let one program run for each entry of `visits` (None: it is left alone), all at the same
    time, and visit them in turn. What the first visits compile and load is no cost of each."""
    with twins(node, folder, len(visits), esm=esm) as programs:
        pairs = list(zip(programs, visits, strict=True))

        def run(outcomes: list[Outcome]) -> list[dict[str, float]]:
            for program in programs:
                program.get("/log")
                if traffic:
                    program.begin()
            for _ in range(outcomes[0].cycles):
                for (program, visit), outcome in zip(pairs, outcomes, strict=True):
                    if visit is not None:
                        attach, detach = visit(program)
                        outcome.attach.append(attach)
                        outcome.detach.append(detach)
                        outcome.left_open += len(procfs.listeners(program.pid) or []) - 1
            for program in programs:
                program.pause()
            time.sleep(SETTLE)
            return [program.state() for program in programs]

        before = run([Outcome(warm_up, {}) for _ in programs])
        for program in programs:
            program.answered, program.slowest = 0, 0.0
        outcomes = [Outcome(cycles, state) for state in before]
        for program, outcome, state in zip(programs, outcomes, run(outcomes), strict=True):
            outcome.after = state
            outcome.answered, outcome.lost = program.answered, program.lost
            outcome.slowest = program.slowest
        return outcomes
