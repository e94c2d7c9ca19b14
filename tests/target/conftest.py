"""A peer that answers like the inspector of Node.js, but for what a test makes it do otherwise."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

IDENTITY: dict[str, Any] = {"pid": 1, "version": "v22.0.0", "loads": True, "started": True}
USAGE: dict[str, Any] = {
    "thread": 0,
    "usage": {"rss": 5 << 20, "heapTotal": 4 << 20, "heapUsed": 3 << 20, "external": 0},
    "statistics": {"heap_size_limit": 1 << 30},
    "spaces": [],
}


class Peer:
    """`identity` and `usage` are what the probes answer, `results` that of other methods. A
    function among these is called with the socket and the id of the message, and answers itself."""

    def __init__(self) -> None:
        self.identity: Any = dict(IDENTITY)
        self.usage: Any = dict(USAGE)
        self.results: dict[str, Any] = {"Runtime.getHeapUsage": {"totalSize": 1000}}
        self.version: Any = {"Browser": "node.js/v22.0.0"}
        self.listed: Any = [{"id": "0123-abcd"}]
        self.address = ""

    def on_message(self, socket: ServerConnection, text: str) -> None:
        message = json.loads(text)
        method, number = message["method"], message["id"]
        expression = str(message["params"].get("expression", ""))
        if "memoryUsage" in expression:
            result: Any = self.usage
        elif "process.argv" in expression:
            result = self.identity
        else:
            result = self.results.get(method, {})
        if callable(result):
            result(socket, number)
        elif result in (self.usage, self.identity):
            socket.send(json.dumps({"id": number, "result": {"result": {"value": result}}}))
        else:
            socket.send(json.dumps({"id": number, "result": result}))

    def on_request(self, _socket: ServerConnection, request: Request) -> Response | None:
        found = {"/json/version": self.version, "/json/list": self.listed}.get(request.path)
        if found is None:
            return None  # a WebSocket
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        headers = Headers({"Content-Length": str(len(body)), "Connection": "close"})
        return Response(HTTPStatus.OK, "OK", headers, body)


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Listens at `peer.address`; nothing has to be told before it is connected to."""
    it = Peer()

    def handle(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in socket:
                it.on_message(socket, str(message))

    with serve(handle, "127.0.0.1", 0, process_request=it.on_request) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        it.address = f"127.0.0.1:{server.socket.getsockname()[1]}"
        yield it
