"""What visits cost a program: many attach and detach cycles, against a twin left alone.

    python bench/attach/run.py NODE [--cycles 200] [--esm] [--idle]

Both programs are the same HTTP server under the same light traffic (`--idle`: none). Prints what a
visit costs in time, and what the visited program has more afterwards than its twin.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import nodemem
from nodemem.target import procfs
from nodemem.testing import NodeProgram

SERVER = """
const [http, hooks] = await Promise.all([import('node:http'), import('node:perf_hooks')]);
const delay = hooks.monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const state = () => {
  gc(); gc();
  const { heapUsed, external } = process.memoryUsage();
  const seen = { max: delay.max / 1e6, p99: delay.percentile(99) / 1e6 };
  delay.reset();
  return { heapUsed, external, delay: seen, handles: process.getActiveResourcesInfo().length,
    globals: Object.getOwnPropertyNames(globalThis).length, cpu: process.cpuUsage() };
};
const server = http.createServer((request, response) => {
  response.setHeader('connection', 'close');
  response.end(request.url === '/state' ? JSON.stringify(state()) : 'fine');
});
server.listen(0, '127.0.0.1', () => console.log('ready ' + server.address().port));
"""
IN_COMMONJS = "(async () => {\n%s\n})();\n"
PAUSE = 0.02  # seconds between two requests


class Server:
    """One of the twins, with its traffic."""

    def __init__(self, node: Path, script: Path, *, traffic: bool) -> None:
        self.program = NodeProgram.start(
            node, script, flags=["--expose-gc", "--inspect-port=0"], ready="ready"
        )
        self.pid = self.program.pid
        self.port = int(self.program.wait_for("ready").split()[1])
        self.answered = self.lost = 0
        self.slowest = 0.0
        self._ended = threading.Event()
        self._traffic = threading.Thread(target=self._ask_on)
        if traffic:
            self._traffic.start()

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def state(self) -> dict[str, Any]:
        """Counts and bytes; `delay` is that of the event loop since the last time, ms."""
        state: dict[str, Any] = json.loads(self.get("/state"))
        status = procfs.status(self.pid)
        assert status is not None
        state["rss"] = status.rss
        state["threads"] = status.threads
        state["files"] = len(list(Path(f"/proc/{self.pid}/fd").iterdir()))
        state["ports"] = len(procfs.listeners(self.pid) or []) - 1
        return state

    def stop(self) -> None:
        self._ended.set()
        if self._traffic.is_alive():
            self._traffic.join()
        self.program.stop()

    def pause(self) -> None:
        """No traffic from now on: connections would count as files."""
        self._ended.set()
        if self._traffic.is_alive():
            self._traffic.join()

    def _ask_on(self) -> None:
        while not self._ended.wait(PAUSE):
            begun = time.monotonic()
            try:
                assert self.get("/") == b"fine"
                self.answered += 1
            except (OSError, http.client.HTTPException):
                self.lost += 1
            self.slowest = max(self.slowest, time.monotonic() - begun)


def cycle(pid: int) -> tuple[float, float]:
    """One visit: seconds to attach and to detach."""
    begun = time.monotonic()
    visited = nodemem.attach(pid)
    attached = time.monotonic()
    visited.memory_usage()
    asked = time.monotonic()
    visited.close()
    for warning in visited.warnings:
        print(f"  warning: {warning}")
    return attached - begun, time.monotonic() - asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("node", type=Path)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--esm", action="store_true", help="the server is an ES module")
    parser.add_argument("--idle", action="store_true", help="no traffic")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / ("server.mjs" if options.esm else "server.cjs")
        script.write_text(SERVER if options.esm else IN_COMMONJS % SERVER)
        servers = [Server(options.node, script, traffic=not options.idle) for _ in range(2)]
        try:
            measure(*servers, cycles=options.cycles)
        finally:
            for server in servers:
                server.stop()


def measure(visited: Server, twin: Server, *, cycles: int) -> None:
    for _ in range(5):  # what the first visits compile and load is not a cost of each
        cycle(visited.pid)
    time.sleep(1.0)
    before = [server.state() for server in (visited, twin)]
    times, left_open = [], 0
    for _ in range(cycles):
        times.append(cycle(visited.pid))
        left_open += len(procfs.listeners(visited.pid) or []) - 1
    time.sleep(1.0)
    for server in (visited, twin):
        server.pause()
    time.sleep(0.5)
    after = [server.state() for server in (visited, twin)]
    attach, detach = zip(*times, strict=True)
    print(f"{cycles} visits")
    for name, values in (("attach", attach), ("detach", detach)):
        print(
            f"  {name}: median {statistics.median(values) * 1e3:.0f} ms, "
            f"longest {max(values) * 1e3:.0f} ms"
        )
    print(f"  ports open after a visit: {left_open}")
    print("change from before to after     visited        twin")
    for key in ("files", "threads", "handles", "globals"):
        print(f"  {key:24}" + "".join(f"{b[key] - a[key]:12}" for a, b in both(before, after)))
    for key in ("rss", "heapUsed", "external"):
        grown = [(b[key] - a[key]) / cycles / 1e3 for a, b in both(before, after)]
        print(f"  {key + ' kB a visit':24}" + "".join(f"{value:12.1f}" for value in grown))
    spent = [
        (sum(b["cpu"].values()) - sum(a["cpu"].values())) / 1e3 / cycles
        for a, b in both(before, after)
    ]
    print(f"  {'CPU ms a visit':24}" + "".join(f"{value:12.1f}" for value in spent))
    for key in ("max", "p99"):
        label = f"event-loop delay {key} ms"
        print(f"  {label:24}" + "".join(f"{one['delay'][key]:12.1f}" for one in after))
    print(f"  {'requests answered':24}{visited.answered:12}{twin.answered:12}")
    print(f"  {'requests lost':24}{visited.lost:12}{twin.lost:12}")
    print(f"  {'slowest request ms':24}{visited.slowest * 1e3:12.0f}{twin.slowest * 1e3:12.0f}")


def both(before: list[Any], after: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(before, after, strict=True))


if __name__ == "__main__":
    main()
