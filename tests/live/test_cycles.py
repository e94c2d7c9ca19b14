"""Many visits leave no more behind than one, and cost no request."""

from __future__ import annotations

import http.client
import json
import threading
import time
from pathlib import Path
from typing import Any

import nodemem
from nodemem.target import procfs

CYCLES = 20
SERVER = """
import('node:http').then((http) => {
  const server = http.createServer((request, response) => {
    response.setHeader('connection', 'close');
    response.end(request.url !== '/state' ? 'fine' : JSON.stringify({
      handles: process.getActiveResourcesInfo().length,
      globals: Object.getOwnPropertyNames(globalThis).sort(),
    }));
  });
  server.listen(0, '127.0.0.1', () => console.log('ready ' + server.address().port));
});
"""


class Client:
    """Asks again and again, in a thread, until `end`; `lost` says which requests failed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered = 0
        self.lost: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask_on)
        self._thread.start()

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _ask_on(self) -> None:
        while not self._ended.wait(0.01):
            try:
                assert self.get("/") == b"fine"
                self.answered += 1
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))


def test_many_visits_under_traffic(node: Path, start: Any, tmp_path: Path) -> None:
    script = tmp_path / "server.mjs"
    script.write_text(SERVER)
    program = start(node, script, flags=["--inspect-port=0"])
    pid, port = program.pid, int(program.wait_for("ready").split()[1])

    def state(client: Client) -> tuple[object, ...]:
        time.sleep(0.3)  # for the last connections to close
        files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return files, len(procfs.thread_names(pid)), json.loads(client.get("/state"))

    quiet = Client(port)
    with nodemem.attach(pid) as visited:  # what the first visit loads stays
        visited.memory_usage()
    quiet.end()
    before = state(quiet)
    client = Client(port)
    try:
        for _ in range(CYCLES):
            with nodemem.attach(pid) as visited:
                visited.memory_usage()
            assert visited.warnings == []
            assert [one.port for one in procfs.listeners(pid) or []] == [port]
    finally:
        client.end()
    assert client.lost == []
    assert client.answered > CYCLES
    assert state(client) == before
