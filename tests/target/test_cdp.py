"""The inspector client against servers that do not behave."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from nodemem.errors import TargetError, TargetLost, TargetTimeout
from nodemem.target.cdp import Connection
from nodemem.target.probe_answer import read_answer
from nodemem.target.session import Identity

Behaviour = Callable[[ServerConnection, str], None]


@contextlib.contextmanager
def connected(behave: Behaviour) -> Iterator[Connection]:
    """A client of a server that does `behave(socket, message)` on every message."""

    def handle(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in socket:
                assert isinstance(message, str), "Node.js takes text frames only"
                behave(socket, message)

    with serve(handle, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = Connection(f"ws://127.0.0.1:{server.socket.getsockname()[1]}/x")
        try:
            yield connection
        finally:
            connection.close()


def answer(message: str, **content: object) -> str:
    return json.dumps({"id": json.loads(message)["id"], **content})


def test_an_answer() -> None:
    with connected(lambda s, m: s.send(answer(m, result={"value": 7}))) as client:
        assert client.call("A.b") == {"value": 7}


def test_a_refusal_carries_its_reason() -> None:
    def behave(socket: ServerConnection, message: str) -> None:
        socket.send(answer(message, error={"code": -32601, "message": "wasn't found"}))

    with connected(behave) as client, pytest.raises(TargetError, match="wasn't found"):
        client.call("A.b")


def test_no_answer() -> None:
    with connected(lambda s, m: None) as client, pytest.raises(TargetTimeout):
        client.call("A.b", timeout=0.05)


@pytest.mark.parametrize("text", ["garbage", "[1]", '{"id": "x"}', "\x00", '{"id": 1'])
def test_garbage_ends_the_connection(text: str) -> None:
    with connected(lambda s, m: s.send(text)) as client, pytest.raises(TargetLost):
        client.call("A.b", timeout=60)


@pytest.mark.parametrize("result", ["5", "null", '"x"', '{"a":' * 9999 + "1" + "}" * 9999])
def test_an_answer_without_sense_is_an_error_of_the_target(result: str) -> None:
    def behave(socket: ServerConnection, message: str) -> None:
        socket.send(f'{{"id": {json.loads(message)["id"]}, "result": {result}}}')

    with connected(behave) as client, pytest.raises(TargetError):
        client.call("A.b", timeout=60)


def test_an_event_without_sense_is_an_error_of_the_target() -> None:
    def behave(socket: ServerConnection, message: str) -> None:
        socket.send('{"method": "A.event", "params": "x"}')

    def handler(params: bytes) -> None:
        msgspec.json.decode(params, type=dict)

    with connected(behave) as client, client.on("A.event", handler), pytest.raises(TargetError):
        client.call("A.b", timeout=60)


def test_a_reason_without_end_is_cut() -> None:
    def behave(socket: ServerConnection, message: str) -> None:
        socket.send(answer(message, error={"code": 1, "message": "x" * 100_000}))

    with connected(behave) as client, pytest.raises(TargetError) as refused:
        client.call("A.b")
    assert len(str(refused.value)) < 1000


def test_a_message_without_end_is_not_collected() -> None:
    with connected(lambda s, m: s.send("x" * (65 << 20))) as client, pytest.raises(TargetLost):
        client.call("A.b", timeout=60)


@pytest.mark.parametrize("content", [{}, {"result": None}, {"result": 5}, {"result": {"value": 5}}])
def test_what_a_probe_cannot_have_answered(content: dict[str, object]) -> None:
    with pytest.raises(TargetError):
        read_answer(content, Identity, "process 7")


def test_a_server_that_hangs_up() -> None:
    with connected(lambda s, m: s.close()) as client:
        with pytest.raises(TargetLost):
            client.call("A.b", timeout=60)
        assert client.wait_until_ended(60)
        with pytest.raises(TargetLost):
            client.call("A.b", timeout=60)
        client.post("A.c")


def test_events_come_before_the_answer_and_in_order() -> None:
    def behave(socket: ServerConnection, message: str) -> None:
        for n in range(50):
            socket.send(json.dumps({"method": "A.event", "params": {"n": n}}))
        socket.send(answer(message, result={}))

    seen: list[int] = []
    with connected(behave) as client:
        with client.on("A.event", lambda params: seen.append(json.loads(params)["n"])):
            client.call("A.b")
        client.call("A.b")
    assert seen == list(range(50)), "none after the block"


def test_an_exception_of_a_handler_reaches_the_caller_once() -> None:
    def behave(socket: ServerConnection, message: str) -> None:
        for _ in range(3):
            socket.send(json.dumps({"method": "A.event", "params": {}}))
        socket.send(answer(message, result={}))

    calls: list[bytes] = []

    def handler(params: bytes) -> None:
        calls.append(params)
        raise OSError("disk full")

    with connected(behave) as client:
        with client.on("A.event", handler), pytest.raises(OSError, match="disk full"):
            client.call("A.b")
        assert client.call("A.b") == {}
    assert len(calls) == 1


def test_the_check_may_give_up() -> None:
    def check() -> None:
        raise KeyError("enough")

    with connected(lambda s, m: None) as client, pytest.raises(KeyError):
        client.call("A.b", timeout=None, check=check)


def test_many_threads_share_a_connection() -> None:
    results: list[tuple[int, int]] = []
    with connected(lambda s, m: s.send(answer(m, result=json.loads(m)["params"]))) as client:

        def ask(n: int) -> None:
            results.append((n, client.call("A.b", {"n": n})["n"]))

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(results) == [(n, n) for n in range(16)]
