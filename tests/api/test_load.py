from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator

import pytest

from nodemem.api.load import HttpLoad


class Server(http.server.ThreadingHTTPServer):
    """`paths` are what was asked for, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        self.paths: list[str] = []
        super().__init__(("127.0.0.1", 0), Counting)


class Counting(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_every_request_has_its_own_number(server: Server) -> None:
    with HttpLoad(server.server_address[1], "/item/{n}") as load:
        while load.requests < 50:
            time.sleep(0.01)
    with HttpLoad(server.server_address[1], "/item/{n}", first=load.unused) as more:
        while more.requests < 50:
            time.sleep(0.01)
    paths = server.paths
    assert load.requests + more.requests == len(paths) == len(set(paths))
    assert load.failures == more.failures == 0
    assert load.seconds > 0


def test_a_server_that_is_gone_is_counted_not_raised(
    server: Server,
) -> None:
    port = server.server_address[1]
    server.shutdown()
    server.server_close()
    with HttpLoad(port, "/") as load:
        while not load.failures:
            time.sleep(0.01)
    assert load.requests == 0
