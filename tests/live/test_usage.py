"""nodemem usage says what process.memoryUsage() says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodemem
from nodemem.records import MemorySample, ProcessFacts, RecordingReader

CLI = [sys.executable, "-m", "nodemem"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, *arguments], capture_output=True, text=True, check=False)


def test_it_equals_the_programs_own_figures(node: Path, talk: Any) -> None:
    talker = talk(node)
    talker.ask("hold")
    with nodemem.attach(talker.pid) as visited:
        visited.collect_garbage()
        own = json.loads(talker.ask("usage"))
        data = visited.memory_usage().to_data()
        statistics = visited.heap_statistics()
    assert set(own) <= set(data)
    assert abs(data["rss"] - own["rss"]) < 4e6
    assert abs(data["heapUsed"] - own["heapUsed"]) < 1e6
    assert data["heapUsed"] > 4e6
    assert abs(data["heapTotal"] - own["heapTotal"]) < 4e6
    assert abs(data["external"] - own["external"]) < 1e5
    assert abs(data["arrayBuffers"] - own["arrayBuffers"]) < 1e5
    assert data["heapLimit"] == statistics["heap_size_limit"] > data["heapTotal"]
    spaces = {space.name: space for space in data["spaces"]}
    assert {"new_space", "old_space", "large_object_space"} <= set(spaces)
    assert abs(sum(space.used for space in spaces.values()) - data["heapUsed"]) < 1e6
    assert data["workers"] == []


def test_workers_stand_apart(node: Path, start: Any) -> None:
    source = """
    const { Worker } = require('worker_threads');
    const body = `globalThis.mine = Array.from({ length: 3e5 }, (_, i) => ({ i }));
      const { parentPort } = require('worker_threads');
      parentPort.postMessage(process.memoryUsage().heapUsed); setInterval(() => {}, 1e6);`;
    const silent = `require('worker_threads').parentPort.postMessage(0);
      require('child_process').execSync('sleep 9');`;
    let left = 2;
    for (const code of [body, silent]) {
      const worker = new Worker(code, { eval: true });
      worker.on('message', (used) => { if (used) console.log('used', used);
        if (--left === 0) console.log('ready'); });
    }
    """
    program = start(node, source, flags=["--inspect-port=0"])
    used = int(next(x for x in program.stdout_lines if x.startswith("used")).split()[1])
    with nodemem.attach(program.pid) as visited:
        sample = visited.memory_usage()
    first, second = sample.workers
    assert [first.id, second.id] == [1, 2]
    assert first.heap_used is not None
    assert first.heap_used > 0.5 * used > sample.heap_used * 0.5
    assert first.heap_limit is not None
    assert second.heap_used is None, "a worker that does not answer is unknown, not empty"
    assert program.process.poll() is None


def test_json_envelope(any_node: Path, talk: Any) -> None:
    talker = talk(any_node)
    done = run("usage", str(talker.pid), "--json")
    assert done.returncode == 0, done.stderr
    envelope = json.loads(done.stdout)
    assert envelope["schema"] == "nodemem/usage@1"
    assert envelope["subject"]["pid"] == talker.pid
    keys = {"rss", "heapTotal", "heapUsed", "external", "arrayBuffers", "heapLimit"}
    assert all(isinstance(envelope["data"][key], int) for key in keys)
    assert envelope["data"]["workers"] == []
    assert envelope["data"]["spaces"][0].keys() == {
        "name",
        "size",
        "used",
        "available",
        "physical",
    }
    assert talker.ports == []


def test_text_shows_the_figures_and_the_spaces(any_node: Path, talk: Any) -> None:
    talker = talk(any_node)
    done = run("usage", str(talker.pid))
    assert done.returncode == 0, done.stderr
    assert "RSS" in done.stdout
    assert "old_space" in done.stdout


def test_watch_and_its_recording(any_node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(any_node)
    for name in ("a.ndjson", "a.ndjson.zst"):
        file = tmp_path / name
        done = run(
            "usage", str(talker.pid), "--watch", "10ms", "--count", "3", "--json", "-o", str(file)
        )
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(lines) == 3
        assert all(line["schema"] == "nodemem/usage@1" for line in lines)
        with RecordingReader(file) as reader:
            facts, *samples = reader
        assert isinstance(facts, ProcessFacts)
        assert facts.pid == talker.pid
        assert all(isinstance(sample, MemorySample) for sample in samples)
        assert [s.rss for s in samples if isinstance(s, MemorySample)] == [
            line["data"]["rss"] for line in lines
        ]
    again = run("usage", str(talker.pid), "-o", str(tmp_path / "a.ndjson"))
    assert again.returncode == 2


def test_watch_as_text_draws_a_line_an_interval(any_node: Path, talk: Any) -> None:
    done = run("usage", str(talk(any_node).pid), "--watch", "10ms", "--count", "2")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_watching_ends_with_the_process(any_node: Path, talk: Any) -> None:
    talker = talk(any_node)
    with subprocess.Popen(
        [*CLI, "usage", str(talker.pid), "--watch", "10ms"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watcher:
        assert watcher.stdout is not None
        watcher.stdout.readline()
        talker.program.tell("exit")
        _, errors = watcher.communicate()
    assert watcher.returncode == 3
    assert "ended" in errors
    assert "Traceback" not in errors
