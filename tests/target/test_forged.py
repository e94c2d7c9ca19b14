"""What listens need not be Node.js, and may answer anything: an error in the end, never a crash."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nodemem
from nodemem.errors import NodememError, TargetError, TargetTimeout
from nodemem.target import session

if TYPE_CHECKING:
    from websockets.sync.server import ServerConnection

CLI = [sys.executable, "-m", "nodemem"]
WORD = 1 << 70
SPACE = {
    "space_name": "new_space",
    "space_size": 1,
    "space_used_size": 1,
    "space_available_size": 1,
    "physical_space_size": 1,
}


def test_it_would_be_taken_for_one(peer: Any) -> None:
    peer.usage = {**peer.usage, "spaces": [SPACE]}
    with nodemem.attach(peer.address) as visited:
        assert visited.memory_usage().heap_used == 3 << 20
        assert visited.version == "v22.0.0"


@pytest.mark.parametrize(
    "identity",
    [
        None,
        {},
        5,
        {"pid": -1, "version": "v1"},
        {"pid": WORD, "version": "v1"},
        {"pid": 1, "version": 5},
        {"pid": 1, "version": "v" * 10_000},
        {"pid": 1, "version": "v1", "argv": [[[[]]]]},
        {"failed": "x" * 100_000},
    ],
    ids=lambda identity: str(identity)[:30],
)
def test_who_it_says_it_is(peer: Any, identity: object) -> None:
    peer.identity = identity
    with pytest.raises(TargetError) as caught:
        nodemem.attach(peer.address)
    assert len(str(caught.value)) < 1000


FORGED = {
    "negative": {"usage": {"rss": -1, "heapTotal": 1, "heapUsed": 1, "external": 1}},
    "huge": {"usage": {"rss": WORD, "heapTotal": 1, "heapUsed": 1, "external": 1}},
    "huge-float": {"usage": {"rss": 1e300, "heapTotal": 1, "heapUsed": 1, "external": 1}},
    "fraction": {"usage": {"rss": 1.5, "heapTotal": 1, "heapUsed": 1, "external": 1}},
    "word": {"usage": {"rss": "many", "heapTotal": 1, "heapUsed": 1, "external": 1}},
    "missing": {"usage": {"rss": 1}},
    "list": {"usage": [1, 2, 3, 4]},
    "negative-space": {"spaces": [{**SPACE, "space_size": -5}]},
    "huge-space": {"spaces": [{**SPACE, "physical_space_size": WORD}]},
    "many-spaces": {"spaces": [SPACE] * 100_000},
    "long-name": {"spaces": [{**SPACE, "space_name": "x" * 1_000_000}]},
    "negative-limit": {"statistics": {"heap_size_limit": -1}},
    "huge-limit": {"statistics": {"heap_size_limit": WORD}},
    "many-statistics": {"statistics": {str(n): n for n in range(100_000)}},
    "thread": {"thread": -7},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_sizes_that_are_none(peer: Any, forged: dict[str, object]) -> None:
    peer.usage = {**peer.usage, **forged}
    with nodemem.attach(peer.address) as visited, pytest.raises(TargetError):
        visited.memory_usage()


@pytest.mark.all_nodes  # for the 10 s that it is waited for
@pytest.mark.parametrize("when", ["identity", "usage"])
def test_it_never_answers(peer: Any, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_LEAVING", 0.1)
    monkeypatch.setattr(peer, when, lambda *_: None)
    peer.results["Runtime.evaluate"] = lambda *_: None
    with pytest.raises(TargetTimeout), nodemem.attach(peer.address) as visited:
        visited.memory_usage()


def chunks(*texts: str, end: bool = True) -> Any:
    def send(socket: ServerConnection, number: int) -> None:
        for text in texts:
            params = {"chunk": text}
            event = {"method": "HeapProfiler.addHeapSnapshotChunk", "params": params}
            socket.send(json.dumps(event))
        if end:
            socket.send(json.dumps({"id": number, "result": {}}))

    return send


def progress(done: object, total: object) -> Any:
    def send(socket: ServerConnection, number: int) -> None:
        params = {"done": done, "total": total}
        event = {"method": "HeapProfiler.reportHeapSnapshotProgress", "params": params}
        socket.send(json.dumps(event))
        chunks('{"snapshot":{}}', "]}")(socket, number)

    return send


SNAPSHOTS = {
    "nothing": chunks(),
    "no-snapshot": chunks("<html>", "]}"),
    "no-end": chunks('{"snapshot":{'),
    "no-text": chunks(5),
    "half-a-letter": chunks('{"snapshot":\ud800', "]}"),
    "negative-progress": progress(-1, 5),
    "huge-progress": progress(1, WORD),
    "worded-progress": progress("all", "of it"),
}


@pytest.mark.parametrize("answer", SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_a_snapshot_that_is_none(peer: Any, tmp_path: Path, answer: Any) -> None:
    peer.results["HeapProfiler.takeHeapSnapshot"] = answer
    file = tmp_path / "a.heapsnapshot"
    with nodemem.attach(peer.address) as visited, pytest.raises(NodememError) as caught:
        visited.take_heap_snapshot(file)
    assert caught.value.exit_code == 3
    assert not file.exists()


def test_a_snapshot_without_end(peer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nodemem.target import heap_profiler

    monkeypatch.setattr(heap_profiler, "_ALWAYS_GRANTED", 5 << 20)  # 1 GiB would take too long
    endless = chunks('{"snapshot":{', *["0" * (1 << 20)] * 100, end=False)
    peer.results["HeapProfiler.takeHeapSnapshot"] = endless
    with (
        nodemem.attach(peer.address) as visited,
        pytest.raises(TargetError, match="does not come to an end"),
    ):
        visited.take_heap_snapshot(tmp_path / "a.heapsnapshot")
    assert (tmp_path / "a.heapsnapshot.partial").stat().st_size <= 6 << 20


@pytest.mark.parametrize("done", [10**15, 0])
def test_progress_beyond_its_total(peer: Any, tmp_path: Path, done: int) -> None:
    peer.results["HeapProfiler.takeHeapSnapshot"] = progress(done, 0)
    run = subprocess.run(
        [*CLI, "snapshot", peer.address, "-o", str(tmp_path / "a.heapsnapshot")],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def workers(count: int) -> Any:
    def attach(socket: ServerConnection, number: int) -> None:
        for n in range(count):
            params = {"sessionId": str(n), "workerInfo": {"title": f"[worker {n}]", "url": ""}}
            socket.send(json.dumps({"method": "NodeWorker.attachedToWorker", "params": params}))
        socket.send(json.dumps({"id": number, "result": {}}))

    return attach


def test_workers_without_number(peer: Any) -> None:
    from nodemem.target import workers as asked

    peer.results["NodeWorker.enable"] = workers(asked.MOST + 500)
    with nodemem.attach(peer.address) as visited:
        assert len(visited.memory_usage().workers) == asked.MOST


@pytest.mark.parametrize("params", ["[]", '{"sessionId": []}', "5", '{"sessionId": "other"}'])
def test_news_of_workers_without_sense(peer: Any, params: str) -> None:
    def enable(socket: ServerConnection, number: int) -> None:
        for event in ("detachedFromWorker", "attachedToWorker", "receivedMessageFromWorker"):
            socket.send(f'{{"method": "NodeWorker.{event}", "params": {params}}}')
        socket.send(json.dumps({"id": number, "result": {}}))

    peer.results["NodeWorker.enable"] = enable
    with nodemem.attach(peer.address) as visited, pytest.raises(TargetError):
        visited.memory_usage()


def test_many_messages_that_nobody_asked_for(peer: Any) -> None:
    noise = json.dumps({"method": "A.b", "params": {"x": "y" * 1_000_000}})
    usage = dict(peer.usage)

    def answer(socket: ServerConnection, number: int) -> None:
        for _ in range(100):
            socket.send(noise)
        socket.send(json.dumps({"id": number, "result": {"result": {"value": usage}}}))

    peer.usage = answer
    with nodemem.attach(peer.address) as visited:
        assert visited.memory_usage().heap_used == 3 << 20
