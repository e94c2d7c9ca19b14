"""A heap snapshot taken from outside is whole, private, and costs us little."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import nodemem
from nodemem.capture.forecast import Forecast
from nodemem.errors import OutputError, OutputExists, TargetLost, TargetNotFound, UnsafeTarget

CLI = [sys.executable, "-m", "nodemem"]


def load(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    assert content.startswith(b'{"snapshot":{"meta":')
    assert content.endswith(b"]}")
    document: dict[str, Any] = json.loads(content)
    header, width = document["snapshot"], len(document["snapshot"]["meta"]["node_fields"])
    assert len(document["nodes"]) == header["node_count"] * width
    assert len(document["edges"]) == header["edge_count"] * 3
    return document


def ids(document: dict[str, Any]) -> set[int]:
    fields = document["snapshot"]["meta"]["node_fields"]
    return set(document["nodes"][fields.index("id") :: len(fields)])


def test_whole_private_and_comparable(node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(node)
    forecasts: list[Forecast] = []
    with nodemem.attach(talker.pid) as visited:
        talker.program.tell("log")
        talker.ask("alive")
        first = visited.take_heap_snapshot(tmp_path / "a.heapsnapshot", announce=forecasts.append)
        second = visited.take_heap_snapshot(tmp_path / "b.heapsnapshot")
    for taken in (first, second):
        assert stat.S_IMODE(taken.path.stat().st_mode) == 0o600
        assert taken.size == taken.path.stat().st_size
    a, b = load(first.path), load(second.path)
    assert len(ids(a) & ids(b)) > 0.95 * len(ids(a)), "ids must hold within one visit"
    names = [name for name in a["strings"] if "DevTools console" in name]
    assert len(names) <= 1, "of the 50 objects logged none is kept; the one is our own lease"
    [forecast] = forecasts
    assert forecast.file_size.low <= first.size <= forecast.file_size.high
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "a.heapsnapshot",
        "b.heapsnapshot",
        "talker.cjs",
    ]


# 20,000 records with texts, in one long array; and a million numbers, which are next to nothing.
SHAPES = {
    "records": "Array.from({ length: 2e4 }, (_, i) => ({ i, name: 'user-' + i, tags: [i, i] }))",
    "numbers": "Array.from({ length: 100 }, () => Array.from({ length: 1e4 }, Math.random))",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_forecast_holds(node: Path, talk: Any, tmp_path: Path, shape: str) -> None:
    talker = talk(node, prelude=f"globalThis.kept = {SHAPES[shape]};\n")
    with nodemem.attach(talker.pid) as visited:
        taken = visited.take_heap_snapshot(tmp_path / "a.heapsnapshot")
    forecast = taken.forecast
    assert forecast.basis == "census"
    assert forecast.file_size.low <= taken.size <= forecast.file_size.high
    assert forecast.file_size.high <= 4.01 * max(6e6, forecast.file_size.low)
    assert taken.extra_rss is not None
    # How much garbage V8 gives back in time differs from run to run.
    low, high = forecast.extra_rss.low, forecast.extra_rss.high
    assert low - 25e6 <= taken.extra_rss <= high + 25e6
    header = load(taken.path)["snapshot"]
    assert (taken.nodes, taken.edges) == (header["node_count"], header["edge_count"])
    assert taken.cpu is not None
    assert 0 < taken.cpu <= taken.seconds * 1.05 + 0.1


def test_what_happened_is_kept_for_the_next_time(
    any_node: Path, talk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nodemem.capture import contents, history

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    talker = talk(any_node)
    (tmp_path / "a.heapsnapshot.partial").write_bytes(b"half of an earlier one")
    with nodemem.attach(talker.pid) as visited:
        taken = visited.take_heap_snapshot(tmp_path / "a.heapsnapshot")
        assert taken.replaced == len("half of an earlier one")
        [kept] = history.load()
        assert (kept.file_size, kept.nodes, kept.basis) == (taken.size, taken.nodes, "census")
        # Where the memory may not be read, the past stands in.
        monkeypatch.setattr(contents, "count", lambda *_, **__: None)
        found = visited.forecast_snapshot(tmp_path)
        assert found.basis == "earlier snapshot"
        assert found.file_size.low <= taken.size <= found.file_size.high
        (tmp_path / "state" / "nodemem" / history.NAME).write_text("garbage")
        assert visited.forecast_snapshot(tmp_path).basis == "heap statistics"


def test_a_busy_program_is_paused_inside_its_loop(node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(node)
    with nodemem.attach(talker.pid) as visited:
        talker.ask("busy")
        taken = visited.take_heap_snapshot(tmp_path / "a.heapsnapshot")
        major = int(visited.version[1:3])
    load(taken.path)
    assert taken.paused == (major >= 22)
    assert talker.ports == []


def test_the_target_dies_half_way(any_node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(any_node)
    talker.ask("hold")
    path = tmp_path / "a.heapsnapshot"

    class KillAtFirstByte:
        def phase(self, name: str, total: int | None = None, unit: str = "bytes") -> None:
            if name == "writing":
                os.kill(talker.pid, signal.SIGKILL)

        def update(self, done: int) -> None:
            pass

    with nodemem.attach(talker.pid) as visited, pytest.raises(TargetLost) as caught:
        visited.take_heap_snapshot(path, progress=KillAtFirstByte())
    assert "SIGKILL" in str(caught.value.why)
    assert "a.heapsnapshot.partial" in str(caught.value.next)
    partial = tmp_path / "a.heapsnapshot.partial"
    assert partial.read_bytes().startswith(b'{"snapshot"')
    assert not path.exists()


def test_an_exception_of_a_listener_ends_it(any_node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(any_node)

    class Cancelled(Exception):
        pass

    class Cancel:
        def phase(self, name: str, total: int | None = None, unit: str = "bytes") -> None:
            raise Cancelled

        def update(self, done: int) -> None:
            pass

    with nodemem.attach(talker.pid) as visited:
        with pytest.raises(Cancelled):
            visited.take_heap_snapshot(tmp_path / "a.heapsnapshot", progress=Cancel())
        load(visited.take_heap_snapshot(tmp_path / "b.heapsnapshot").path)
    assert talker.ports == []


def test_a_full_disk_is_said(any_node: Path, talk: Any) -> None:
    talker = talk(any_node)
    limited = ["sh", "-c", 'ulimit -f 64; exec "$@"', "sh", *CLI]
    done = subprocess.run(
        [*limited, "snapshot", str(talker.pid), "-o", "/tmp/nodemem-limited.heapsnapshot"],
        capture_output=True,
        text=True,
        check=False,
    )
    Path("/tmp/nodemem-limited.heapsnapshot.partial").unlink(missing_ok=True)
    assert done.returncode == OutputError.exit_code, done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert talker.ports == []


def test_what_cannot_fit_on_the_disk_ends_at_once(
    any_node: Path, talk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talker = talk(any_node)
    free = iter([10**12, 10**5])  # others have filled it since the forecast
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=next(free)))
    path = tmp_path / "a.heapsnapshot"
    with nodemem.attach(talker.pid) as visited, pytest.raises(OutputError) as caught:
        visited.take_heap_snapshot(path)
    assert "will not fit" in caught.value.what
    assert f"{path}.zst" in str(caught.value.next)
    assert not path.exists()
    monkeypatch.undo()
    with nodemem.attach(talker.pid) as visited:
        taken = visited.take_heap_snapshot(path)
    assert taken.replaced is None, "nothing was written, so nothing was lost"
    load(path)


def test_an_existing_file_is_kept(any_node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(any_node)
    path = tmp_path / "a.heapsnapshot"
    path.write_text("precious")
    with nodemem.attach(talker.pid) as visited:
        with pytest.raises(OutputExists):
            visited.take_heap_snapshot(path)
        assert path.read_text() == "precious"
        visited.take_heap_snapshot(path, force=True)
    load(path)


def test_what_does_not_fit_the_machine_is_refused(
    any_node: Path, talk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nodemem.target import procfs

    monkeypatch.setattr(procfs, "machine_memory", lambda: (1 << 30, 20_000_000))
    talker = talk(any_node)
    path = tmp_path / "a.heapsnapshot"
    with nodemem.attach(talker.pid) as visited:
        with pytest.raises(UnsafeTarget, match=r"this machine has 20\.0 MB left") as caught:
            visited.take_heap_snapshot(path)
        assert "container" not in str(caught.value.next)
        assert not path.exists()
        visited.take_heap_snapshot(path, force=True)
    assert path.exists()


def test_what_does_not_fit_the_container_is_refused(
    any_node: Path, talk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nodemem.target import cgroup

    small = cgroup.CgroupMemory(limit=100 << 20, headroom=20 << 20)
    monkeypatch.setattr(cgroup, "memory", lambda pid: small)
    talker = talk(any_node)
    with nodemem.attach(talker.pid) as visited:
        with pytest.raises(UnsafeTarget, match=r"limited to 100 MiB, has 20\.0 MiB left") as caught:
            visited.take_heap_snapshot(tmp_path / "a.heapsnapshot")
        advice = str(caught.value.next)
        assert re.search(r"raise the container's limit to \d+ MiB", advice)
        assert f"nodemem record {talker.pid} -o" in advice
        assert "--numeric" not in advice
        with pytest.raises(UnsafeTarget, match="killed") as caught:
            visited.take_heap_snapshot(tmp_path / "a.heapsnapshot", numeric=True)
        assert "leave out --numeric" in str(caught.value.next)
        assert not list(tmp_path.glob("*.heapsnapshot*"))
        visited.take_heap_snapshot(tmp_path / "a.heapsnapshot", force=True)


def test_the_command(node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(node)
    path = tmp_path / "a.heapsnapshot"
    done = subprocess.run(
        [*CLI, "snapshot", str(talker.pid), "-o", str(path), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    envelope = json.loads(done.stdout)
    assert envelope["schema"] == "nodemem/snapshot@1"
    assert envelope["data"]["size"] == path.stat().st_size
    assert done.stderr.startswith("Forecast"), "what it will cost comes first"
    assert "What it cost" in done.stderr
    data = envelope["data"]
    assert data["forecast"]["basis"] == "census"
    assert data["measured"]["file_size"] == data["size"]
    assert data["measured"]["pause"] == data["pause"]
    assert data["measured"]["extra_rss"] >= 0
    assert talker.ports == []
    load(path)


TWO_HEAPS = """
const { Worker } = require('worker_threads');
class OnlyInTheMainThread {}
globalThis.kept = new OnlyInTheMainThread();
const code = (n) => `
  class OnlyInWorker${n} { constructor() { this.answer = 1234567; this.half = 0.53125; } }
  globalThis.kept = new OnlyInWorker${n}();
  const { parentPort } = require('worker_threads');
  const logged = [];
  parentPort.on('message', (word) => {
    if (word === 'alive') {
      setTimeout(() => { gc(); gc();
        parentPort.postMessage(logged.filter((ref) => ref.deref()).length); }, 30);
      return;
    }
    for (let i = 0; i < 50; i++) { const o = { i }; logged.push(new WeakRef(o)); console.log(o); }
  });`;
const workers = [1, 2].map((n) => new Worker(code(n), { eval: true }));
workers[1].on('message', (count) => process.stdout.write('answer ' + count + '\\n'));
let online = 0;
for (const worker of workers) {
  worker.on('online', () => { if (++online === 2) process.stdout.write('ready\\n'); });
}
process.stdin.on('data', (text) => {
  for (const word of String(text).trim().split('\\n')) {
    if (word !== 'kill') workers[1].postMessage(word);
    else workers[1].terminate().then(() => console.log('killed'));
  }
});
"""


def test_the_heap_of_a_worker(node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(node, source=TWO_HEAPS)
    with nodemem.attach(talker.pid) as visited:
        threads = [one.id for one in visited.memory_usage().workers]
        assert threads == [1, 2]
        talker.program.tell("log")
        taken = visited.take_heap_snapshot(tmp_path / "a.heapsnapshot", worker=2, numeric=True)
        assert taken.forecast.basis == "census"
        assert taken.forecast.file_size.low <= taken.size <= taken.forecast.file_size.high
        assert taken.cpu is None, "which thread it is cannot be told from outside"
        with pytest.raises(TargetNotFound, match="its worker threads are 1, 2"):
            visited.take_heap_snapshot(tmp_path / "b.heapsnapshot", worker=7)
    strings = load(taken.path)["strings"]
    assert "OnlyInWorker2" in strings
    assert "OnlyInTheMainThread" not in strings
    assert "OnlyInWorker1" not in strings
    talker.program.tell("log")
    assert talker.ask("alive") == "0", "the worker keeps nothing that it logs afterwards"
    assert talker.ports == []


def test_a_worker_that_ends(any_node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(any_node, source=TWO_HEAPS)
    path = tmp_path / "a.heapsnapshot"
    with nodemem.attach(talker.pid) as visited:

        def end_it(_: Forecast) -> None:
            talker.program.tell("kill")
            talker.program.wait_for("killed")

        with pytest.raises(TargetLost, match=r"worker 2\].* ended while"):
            visited.take_heap_snapshot(path, worker=2, announce=end_it)
        assert not path.exists()
        assert [one.id for one in visited.memory_usage().workers] == [1], "the process goes on"


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compressed_by_its_name(any_node: Path, talk: Any, tmp_path: Path, suffix: str) -> None:
    talker = talk(any_node)
    plain, packed = tmp_path / "a.heapsnapshot", tmp_path / f"a.heapsnapshot{suffix}"
    with nodemem.attach(talker.pid) as visited:
        visited.take_heap_snapshot(plain)
        taken = visited.take_heap_snapshot(packed)
    assert stat.S_IMODE(packed.stat().st_mode) == 0o600
    assert taken.size == packed.stat().st_size < taken.uncompressed / 3
    nodes = [nodemem.open_snapshot(path).node_count for path in (plain, packed)]
    assert nodes[1] == pytest.approx(nodes[0], rel=0.02)


def test_values_of_numbers_and_names_of_internals(node: Path, talk: Any, tmp_path: Path) -> None:
    source = "class P { constructor() { this.x = 1234567; } }\nglobalThis.kept = new P();\n"
    talker = talk(node, source=source + "setInterval(() => {}, 1e6); console.log('ready');")
    with nodemem.attach(talker.pid) as visited:
        sizes = {
            name: load(
                visited.take_heap_snapshot(tmp_path / f"{name}.heapsnapshot", **options).path
            )
            for name, options in (
                ("plain", {}),
                ("numeric", {"numeric": True}),
                ("internals", {"internals": True}),
            )
        }
    assert "1234567" not in sizes["plain"]["strings"]
    assert "1234567" in sizes["numeric"]["strings"]
    assert len(sizes["internals"]["nodes"]) != len(sizes["plain"]["nodes"])


def test_several_into_a_directory(any_node: Path, talk: Any, tmp_path: Path) -> None:
    talkers = [talk(any_node), talk(any_node)]
    pids = [str(talker.pid) for talker in talkers]
    refused = subprocess.run(
        [*CLI, "snapshot", *pids, "-o", str(tmp_path / "no" / "file")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "need a directory" in refused.stderr
    done = subprocess.run(
        [*CLI, "snapshot", *pids, "-o", str(tmp_path), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    envelopes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [str(envelope["subject"]["pid"]) for envelope in envelopes] == pids
    for pid, envelope in zip(pids, envelopes, strict=True):
        assert envelope["data"]["file"] == str(tmp_path / f"{pid}.heapsnapshot")
        load(tmp_path / f"{pid}.heapsnapshot")
    assert [talker.ports for talker in talkers] == [[], []]
