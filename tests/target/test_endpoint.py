"""Asking who is inspected at an address, where anything may listen."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

import pytest

from nodemem.errors import TargetError, TargetLost, TargetNotFound, TargetTimeout
from nodemem.target import endpoint

Answers = Callable[[], Iterator[bytes]]


@contextlib.contextmanager
def listening(answer: Answers, *, pause: float = 0.0) -> Iterator[int]:
    """The port of a server that sends what `answer` yields, on each connection anew."""
    ended = threading.Event()

    def serve(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.recv(10_000)
            for part in answer():
                client.sendall(part)
                if ended.wait(pause):
                    return

    def accept(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            server.shutdown(socket.SHUT_RDWR)


def ok(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.0 200 OK", *headers, b"", body])


NOT_AN_INSPECTOR = {
    "html": ok(b"<html>"),
    "404": b"HTTP/1.1 404 Not Found\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/json/version\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n",
    "nothing": b"",
    "half a header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "wrong shape": ok(b"[1]"),
    "another inspector": ok(b'{"Browser": "Chrome/1"}'),
    "wrong type": ok(b'{"Browser": 5}'),
    "deep": ok(b'{"a":' + b"[" * 100_000),
    "a length that is none": ok(b"{}", b"Content-Length: -5"),
    "a length beyond reason": ok(b"{}", b"Content-Length: 99999999999999999999999"),
    "binary": bytes(range(256)) * 10,
}


@pytest.mark.parametrize("answer", NOT_AN_INSPECTOR.values(), ids=NOT_AN_INSPECTOR)
def test_something_else_listens(answer: bytes) -> None:
    with listening(lambda: iter([answer])) as port, pytest.raises(TargetNotFound) as caught:
        endpoint.ask("127.0.0.1", port)
    assert f"127.0.0.1:{port} is not the inspector of Node.js" in caught.value.what
    assert caught.value.why
    assert "nodemem ps" in str(caught.value.next)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: repeat(b"x" * 65536),
        lambda: iter([b"HTTP/1.1 200 OK\r\n", *[b"a: b\r\n" * 20_000] * 20]),
        lambda: iter([ok(b""), *[b" " * 65536] * 40]),
    ],
    ids=["no end", "headers without end", "a body without end"],
)
def test_no_more_is_read_than_an_inspector_would_say(answer: Answers) -> None:
    with listening(answer) as port, pytest.raises(TargetNotFound, match="too long"):
        endpoint.ask("127.0.0.1", port)


@pytest.mark.parametrize(
    "answer",
    [lambda: repeat(b"H"), lambda: iter([ok(b""), *[b" "] * 10_000])],
    ids=["head", "body"],
)
def test_a_server_that_drips(answer: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_TIMEOUT", 0.5)  # or it would be the usual 5 s
    with listening(answer, pause=0.05) as port, pytest.raises(TargetTimeout, match="within"):
        endpoint.ask("127.0.0.1", port)


def test_no_proxy_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def refuse() -> Iterator[bytes]:
        asked.append(1)
        yield ok(b"")

    with listening(refuse) as proxy, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy}")
        with pytest.raises(TargetLost):
            endpoint.ask("127.0.0.1", nobody.getsockname()[1])
    assert asked == []


@pytest.mark.parametrize(
    "listed",
    [[], {}, [{}], [{"id": 5}], [{"id": "a b"}], [{"id": "a/../b"}], [{"id": "a\r\nX: y"}]],
    ids=str,
)
def test_a_list_of_targets_without_one(peer: Any, listed: Any) -> None:
    peer.listed = listed
    host, port = endpoint.split(peer.address)
    with pytest.raises(TargetError):
        endpoint.ask(host, port)


def test_the_answer_of_an_inspector(peer: Any) -> None:
    host, port = endpoint.split(peer.address)
    assert endpoint.ask(host, port) == f"ws://{peer.address}/0123-abcd"
    peer.version = json.dumps(peer.version).encode() + b"\n" * 100
    assert endpoint.ask(host, port)
