"""Real processes, watched: what is told agrees with V8's own log of the same run."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nodemem.api.gc import watch_gc
from nodemem.api.node import attach
from nodemem.cli import run
from nodemem.gc.log import GcLog
from nodemem.records import GcEvent, GcWatch
from nodemem.testing import NodeProgram

# Allocates by the clock; some of it lives for a while. Told over stdin what to do.
WORK = """
let kept = [];
const timer = setInterval(() => {
  for (let i = 0; i < 15000; i++) kept.push({ i, pair: [i, i + 1] });
  if (kept.length > 300000) kept = [];
}, 5);
process.stdin.on('data', () => process.exit());
console.log('ready');
"""
# Small semi-spaces: many collections, also where the machine is busy with other things.
FLAGS = ["--inspect-port=0", "--max-semi-space-size=2"]
WATCHED = 1.5
# What a program makes in old space at once hides what was promoted, see nodemem.gc.moved.
STEADY = ["--no-allocation-site-pretenuring"]

Start = Callable[..., NodeProgram]


def watched(pid: int, **options: Any) -> tuple[list[GcEvent], list[GcWatch]]:
    found: list[GcEvent | GcWatch] = []
    with attach(pid) as node:
        watch_gc(node, WATCHED, keep=found.append, **options)
    return (
        [one for one in found if isinstance(one, GcEvent)],
        [one for one in found if isinstance(one, GcWatch)],
    )


def test_live_events_agree_with_v8s_log(node: Path, tmp_path: Path) -> None:
    log = tmp_path / "gc.log"
    with log.open("wb") as file:  # a pipe would make V8 wait for us while it prints
        program = subprocess.Popen(
            [str(node), *FLAGS, *STEADY, "--trace-gc-nvp", "-e", WORK],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.DEVNULL,
        )
        try:
            while b"ready" not in log.read_bytes():
                assert program.poll() is None
                time.sleep(0.02)
            events, (watch,) = watched(program.pid)
            program.communicate(b"exit")
        finally:
            program.kill()
    with GcLog(log) as told_by_v8:
        told = [event for event in told_by_v8 if isinstance(event, GcEvent)]
        assert told_by_v8.unreadable == 0
    seen = [event for event in events if event.kind in ("minor", "major")]
    assert len(seen) >= 5
    assert all(event.time is not None for event in seen)
    assert watch.lost == 0
    assert watch.cost is not None
    assert watch.events == len(events)

    # None is missing: the same kinds in the same order, at the same times by another clock.
    def shifts(at: int) -> list[float]:
        pairs = zip(seen, told[at : at + len(seen)], strict=True)
        return [(a.time or 0) - (b.time or 0) for a, b in pairs]

    places = range(len(told) - len(seen) + 1)
    at = min(places, key=lambda i: max(shifts(i)) - min(shifts(i)))
    same = told[at : at + len(seen)]
    assert [event.kind for event in seen] == [event.kind for event in same]
    moments = sorted(shifts(at))
    middle = statistics.median(moments)
    # Medians: on a busy machine the thread is now and then stopped between two looks at a clock.
    # How close the rest is, is for bench/gc to say.
    assert statistics.median(abs(moment - middle) for moment in moments) < 0.05
    pairs = list(zip(seen, same, strict=True))
    apart = [abs((a.pause or 0) - (b.pause or 0)) * 1000 for a, b in pairs]
    usual = statistics.median((b.pause or 0) * 1000 for b in same)
    assert statistics.median(apart) < 0.3 + 0.1 * usual


WORKERS = """
const { Worker, isMainThread, threadId } = require('worker_threads');
let kept = [];
setInterval(() => {
  for (let i = 0; i < 15000; i++) kept.push({ i, pair: [i, i + 1] });
  if (kept.length > 200000) kept = [];
}, 10);
if (isMainThread) {
  new Worker(__filename).on('online', () => console.log('ready'));
  setInterval(() => {
    const brief = 'setTimeout(() => {}, 300); let a = []; while (a.length < 3e5) a.push({})';
    new Worker(brief, { eval: true }).on('exit', (code) => console.log('exit', code));
  }, 600);
}
"""


def test_workers_have_events_of_their_own(any_node: Path, start: Start, tmp_path: Path) -> None:
    """Those that end are not held back, those that begin are watched, too."""
    script = tmp_path / "workers.js"
    script.write_text(WORKERS)
    program = start(any_node, script, flags=FLAGS)
    events, watches = watched(program.pid)
    threads = {event.thread for event in events}
    assert {0, 1} <= threads
    assert {watch.thread for watch in watches} >= {0, 1}
    assert any(line == "exit 0" for line in program.stdout_lines)
    collections = [event for event in events if event.kind in ("minor", "major")]
    used = [event.used_after for event in collections if event.thread == 1]
    assert all(size is not None and size > 0 for size in used)


LEFT = """
const { PerformanceObserver } = require('perf_hooks');
const before = Object.getOwnPropertyNames(globalThis).length;
setInterval(() => {
  const junk = Array.from({ length: 30000 }, (_, i) => ({ i }));
}, 5);
process.stdin.on('data', () => {
  gc(); gc();
  const names = Object.getOwnPropertyNames(globalThis).length - before;
  console.log(`left ${JSON.stringify([names, process.getActiveResourcesInfo().sort()])}`);
});
console.log('ready');
"""


def test_causes_are_told_and_nothing_stays_behind(node: Path, start: Start) -> None:
    program = start(node, LEFT, flags=[*FLAGS, "--expose-gc"])
    program.tell("x")
    before = program.wait_for("left")
    tasks = Path(f"/proc/{program.pid}/task")
    threads = len(list(tasks.iterdir()))
    events, _ = watched(program.pid)
    collections = [event for event in events if event.kind in ("minor", "major")]
    assert len(collections) >= 3
    assert all(one.cause and one.cpu is not None for one in collections)
    assert all(one.used_after and one.pause for one in collections)
    program.stdout_lines.clear()
    program.tell("x")
    assert program.wait_for("left") == before
    # The inspector's own thread stays, as after every visit.
    assert len(list(tasks.iterdir())) <= threads + 2
    assert not [line for line in program.stderr_lines if "Warning" in line]


def test_trace_events_of_the_program_itself_are_left_alone(
    any_node: Path, start: Start, tmp_path: Path
) -> None:
    """perf_hooks tells times then; its own file gets no event of ours."""
    file = tmp_path / "own.json"
    own = ["--trace-event-categories=node.perf", f"--trace-event-file-pattern={file}"]
    program = start(any_node, WORK, flags=[*FLAGS, *own])
    with attach(program.pid) as attached:
        report = watch_gc(attached, WATCHED, keep=(events := []).append)
    assert report.notes == {"gc.note.entries": report.figures.count}
    seen = [one for one in events if isinstance(one, GcEvent)]
    assert len(seen) >= 3
    assert {one.cause for one in seen} == {None}
    assert any(one.time is not None for one in seen)
    program.tell("end")
    program.process.wait()
    assert file.exists()
    assert "MinorGC" not in file.read_text()


OWN = """
const v8 = require('v8');
const { PerformanceObserver } = require('perf_hooks');
let entries = 0;
const observer = new PerformanceObserver((list) => { entries += list.getEntries().length; });
observer.observe({ entryTypes: ['gc'] });
const profiler = new v8.GCProfiler();
profiler.start();
let kept = [];
setInterval(() => {
  for (let i = 0; i < 15000; i++) kept.push({ i, pair: [i, i + 1] });
  if (kept.length > 200000) kept = [];
}, 5);
process.stdin.on('data', () => {
  // Entries of what has just been collected are still to come.
  const { statistics } = profiler.stop();
  setTimeout(() => { console.log(`counted ${statistics.length} ${entries}`); process.exit(); }, 50);
});
console.log('ready');
"""


def test_a_profiler_of_the_program_itself_is_not_disturbed(any_node: Path, start: Start) -> None:
    program = start(any_node, OWN, flags=FLAGS)
    events, _ = watched(program.pid)
    program.tell("x")
    told, entries = map(int, program.wait_for("counted").split()[1:])
    assert told >= len([one for one in events if one.kind in ("minor", "major")]) >= 3
    assert entries == pytest.approx(told, abs=8)


def test_a_busy_event_loop_is_watched_too(any_node: Path, start: Start) -> None:
    busy = "console.log('ready'); let a = []; for (;;) { a.push({}); if (a.length > 2e5) a = []; }"
    program = start(any_node, busy, flags=FLAGS)
    events, (watch,) = watched(program.pid)
    assert len(events) >= 3
    assert all(event.time is not None and event.cause for event in events)
    # The beginning of incremental marking is an event, too, that tells no sizes.
    collections = [event for event in events if event.kind in ("minor", "major")]
    assert len(collections) >= 3
    assert all(event.used_before for event in collections)
    assert watch.events == len(events)


def test_watching_leaves_no_memory_behind(any_node: Path, start: Start) -> None:
    """Nothing of ours goes on to grow with each collection."""
    collecting = """
      const collect = () => { for (let i = 0; i < 100; i++) gc({ type: 'minor' }); };
      setInterval(collect, 2);
      console.log('ready');
    """
    program = start(any_node, collecting, flags=[*FLAGS, "--expose-gc"])
    _, (watch,) = watched(program.pid)
    assert watch.events > 300
    before = own_memory(program.pid)
    time.sleep(1.5)
    assert own_memory(program.pid) - before < 3 << 20


def own_memory(pid: int) -> int:
    """Bytes of RSS that no file gave."""
    fields = Path(f"/proc/{pid}/status").read_text().split("RssAnon:")[1]
    return int(fields.split()[0]) << 10


@pytest.mark.parametrize("which", ["major", "minor"])
def test_collect(node: Path, start: Start, which: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = """
      let kept = Array.from({ length: 3e5 }, (_, i) => ({ i }));
      setTimeout(() => { kept = null; console.log('ready'); }, 200);
      setInterval(() => {}, 1000);
    """
    program = start(node, source, flags=FLAGS)
    assert run(["gc", str(program.pid), "--collect", which, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    if which == "major":
        assert data["freed_bytes"] > 4_000_000
    assert {event["kind"] for event in data["events"]} == {which}
    figures = {row["figure"]: row for row in data["rows"]}
    seen = figures["heap_used"]["before"] - figures["heap_used"]["after"]
    assert seen == pytest.approx(data["freed_bytes"], abs=2_000_000)
    assert program.process.poll() is None


THREADS = """
const { Worker, isMainThread } = require('worker_threads');
let kept = Array.from({ length: 3e5 }, (_, i) => ({ i }));
setTimeout(() => {
  kept = null;
  if (isMainThread) new Worker(__filename).on('message', () => console.log('ready'));
  else require('worker_threads').parentPort.postMessage('ready');
}, 200);
setInterval(() => {}, 1000);
"""


@pytest.mark.parametrize("which", ["major", "minor"])
def test_collect_in_workers_too(
    any_node: Path, start: Start, which: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "threads.js"
    script.write_text(THREADS)
    program = start(any_node, script, flags=FLAGS)
    ask = ["gc", str(program.pid), "--collect", which]
    assert run([*ask, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert [one["thread"] for one in data["isolates"]] == [0, 1]
    assert {event["thread"] for event in data["events"]} == {0, 1}
    assert data["failed"] == []
    if which == "major":
        assert all(one["freed_bytes"] > 4_000_000 for one in data["isolates"])
    assert [row["figure"] for row in data["rows"]].count("rss") == 1
    assert run([*ask, "--worker", "1", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert [one["thread"] for one in data["isolates"]] == [1]
    assert run([*ask, "--worker", "7"]) != 0
    assert "worker threads are 1" in capsys.readouterr().err


def test_a_recording_tells_the_same(
    any_node: Path, start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = start(any_node, WORK, flags=FLAGS)
    path = tmp_path / "gc.ndjson.zst"
    assert run(["gc", str(program.pid), "--for", "1s", "--record", str(path), "--json"]) == 0
    live = json.loads(capsys.readouterr().out)["data"]
    assert run(["gc", str(path), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["data"]
    assert live.pop("formats") == ["live"]
    assert again.pop("formats") == ["recording"]
    assert live == again
    assert live["minor"]["count"] + live["major"]["count"] > 0
    assert live["cost_ms"] > 0


def test_of_a_process_that_ends_the_figures_until_then_are_told(node: Path, start: Start) -> None:
    program = start(node, WORK, flags=FLAGS)

    def end(event: GcEvent | GcWatch) -> None:
        os.kill(program.pid, signal.SIGKILL)

    with attach(program.pid) as attached:
        report = watch_gc(attached, 60, keep=end)
    assert report.notes == {"gc.note.ended": 1}
    assert report.figures.count >= 1
