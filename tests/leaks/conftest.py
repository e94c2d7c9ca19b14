"""Servers of `examples/`, or changed copies of them, observed under real HTTP load."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nodemem.heap import open_snapshot
from nodemem.leaks import Diagnosis, Observation, diagnose
from nodemem.testing import NodeProgram

Observe = Callable[..., Diagnosis]

# Loaded before the server: a line on stdin names the snapshot to write.
SNAPSHOTS = """
const v8 = require('node:v8');
require('node:readline').createInterface({ input: process.stdin }).on('line', (file) => {
  v8.writeHeapSnapshot(file);
  console.log(`wrote ${file}`);
});
"""
CONNECTIONS = 6


def _drive(port: int, requests: int) -> None:
    def ask(count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for number in range(count):
            connection.request("GET", f"/item/{number}", headers={"User-Agent": "test"})
            connection.getresponse().read()
        connection.close()

    share = requests // CONNECTIONS
    threads = [threading.Thread(target=ask, args=(share,)) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def observe(tmp_path: Path) -> Iterator[Observe]:
    """Runs a server under load and diagnoses it: `first` requests, a snapshot, `then` requests,
    a snapshot."""
    programs: list[NodeProgram] = []

    def run(node: Path, script: Path, *, first: int, then: int) -> Diagnosis:
        hook = tmp_path / "snapshots.js"
        hook.write_text(SNAPSHOTS)
        program = NodeProgram.start(
            node, script, flags=["-r", str(hook)], ready="listening on", cwd=tmp_path
        )
        programs.append(program)
        port = int(program.wait_for("listening on").split()[-1])
        taken = []
        for number, requests in enumerate((first, then)):
            _drive(port, requests)
            file = tmp_path / f"{len(programs)}-{number}.heapsnapshot"
            program.tell(str(file))
            program.wait_for(f"wrote {file}")
            taken.append(open_snapshot(file))
        program.stop()
        return diagnose(Observation(before=taken[0], after=taken[1], requests=then))

    yield run
    for program in programs:
        program.stop()
