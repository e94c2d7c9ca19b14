"""Attaching leaves a process as it was found."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.errors import TargetLost
from nodemem.target import cdp, endpoint, procfs, workers

CLI = [sys.executable, "-m", "nodemem"]


def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("esm", [False, True], ids=["cjs", "esm"])
def test_nothing_is_left(node: Path, talk: Any, esm: bool) -> None:
    talker = talk(node, esm=esm)
    before = talker.ask("globals")
    with nodemem.attach(talker.pid) as visited:
        assert visited.opened_inspector
        assert len(talker.ports) == 1
        visited.memory_usage()
        talker.program.tell("log")
        assert talker.ask("alive") == "50", "an open inspector keeps what is logged"
    assert talker.ports == []
    assert visited.warnings == []
    assert talker.ask("alive") == "0"
    talker.program.tell("log")
    assert talker.ask("alive") == "0", "nothing is kept after we have left"
    assert talker.ask("globals") == before


WORKER = """
const { Worker } = require('worker_threads');
const worker = new Worker(`
  const { parentPort } = require('worker_threads');
  const kept = [];
  parentPort.on('message', (word) => {
    if (word === 'alive') {
      setTimeout(() => { gc(); gc();
        parentPort.postMessage(kept.filter((ref) => ref.deref()).length); }, 30);
      return;
    }
    for (let i = 0; i < 50; i++) { const o = { i }; kept.push(new WeakRef(o)); console.log(o); }
  });`, { eval: true });
worker.on('message', (count) => process.stdout.write('answer ' + count + '\\n'));
worker.on('online', () => process.stdout.write('ready\\n'));
process.stdin.on('data', (text) => {
  for (const word of String(text).trim().split('\\n')) worker.postMessage(word);
});
"""


def test_nothing_is_left_in_workers(node: Path, talk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    talker = talk(node, source=WORKER)

    def results(*arguments: Any) -> Any:
        talker.program.tell("log")
        assert talker.ask("alive") == "50", "it is kept while we look"
        return answered(*arguments)

    answered = workers._Visit.results
    monkeypatch.setattr(workers._Visit, "results", results)
    with nodemem.attach(talker.pid) as visited:
        [worker] = visited.memory_usage().workers
        assert worker.heap_used
        assert talker.ask("alive") == "0"
        talker.program.tell("log")
    talker.program.tell("log")
    assert talker.ask("alive") == "0"


def test_workers_that_spin_or_come_and_go(any_node: Path, start: Any) -> None:
    source = """
    const { Worker } = require('worker_threads');
    new Worker('while (true);', { eval: true }).once('online', () => console.log('ready'));
    const next = () => new Worker('', { eval: true }).once('exit', next);
    next();
    """
    program = start(any_node, source, flags=["--inspect-port=0"])
    with nodemem.attach(program.pid) as visited:
        samples = list(visited.watch(0.01, count=6))
    spins = [worker for sample in samples for worker in sample.workers if worker.id == 1]
    assert len(spins) == 6
    assert all(worker.heap_used for worker in spins)
    assert visited.warnings == []
    assert procfs.listeners(program.pid) == []


def test_nothing_is_left_after_an_exception(any_node: Path, talk: Any) -> None:
    talker = talk(any_node)
    with pytest.raises(ZeroDivisionError), nodemem.attach(talker.pid):
        talker.program.tell("log")
        assert talker.ask("alive") == "50"
        raise ZeroDivisionError
    assert talker.ports == []
    assert talker.ask("alive") == "0"


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 0), (signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGHUP, 129)],
)
def test_nothing_is_left_after_a_signal_to_us(
    any_node: Path, talk: Any, number: signal.Signals, code: int
) -> None:
    talker = talk(any_node)
    arguments = ["usage", str(talker.pid), "--watch", "20ms", "--json"]
    with subprocess.Popen([*CLI, *arguments], stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        assert watcher.stdout.readline().startswith("{")
        assert len(talker.ports) == 1
        watcher.send_signal(number)
        watcher.stdout.read()
    assert watcher.returncode == code
    assert talker.ports == []
    talker.program.tell("log")
    assert talker.ask("alive") == "0"


INTERRUPTED = """
import os, signal, sys, time
import nodemem
from nodemem.target import {module}

original = {module}.{step}

def step(*arguments, **options):
    done = original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.1)
    return done

{module}.{step} = step
nodemem.attach(int(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("module", "step"), [("inspector", "reach"), ("cdp", "connect"), ("session", "read_answer")]
)
def test_nothing_is_left_when_attaching_is_interrupted(
    any_node: Path, talk: Any, module: str, step: str
) -> None:
    talker = talk(any_node)
    program = INTERRUPTED.format(module=module, step=step)
    done = subprocess.run(
        [sys.executable, "-c", program, str(talker.pid)],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert "KeyboardInterrupt" in done.stderr
    assert until(lambda: talker.ports == [])


def test_interrupted_while_a_snapshot_is_taken(node: Path, talk: Any, tmp_path: Path) -> None:
    talker = talk(node)
    talker.ask("hold")
    file = tmp_path / "a.heapsnapshot"
    with subprocess.Popen(
        [*CLI, "snapshot", str(talker.pid), "-o", str(file)], stderr=subprocess.PIPE, text=True
    ) as taking:
        assert taking.stderr is not None
        while "walking" not in taking.stderr.readline():
            assert taking.poll() is None
        taking.send_signal(signal.SIGINT)
        taking.stderr.read()
    assert taking.returncode == 130
    assert not file.exists()
    assert until(lambda: talker.ports == []), "the inspector closes once the snapshot is done"
    assert talker.ask("alive") == "0"


def test_an_inspector_that_was_open_stays_open(node: Path, talk: Any) -> None:
    talker = talk(node, flags=["--inspect=127.0.0.1:0"])
    [port] = talker.ports
    for target in (talker.pid, str(talker.pid), f"127.0.0.1:{port}", f"localhost:{port}"):
        with nodemem.attach(target) as visited:
            assert not visited.opened_inspector
            assert visited.pid == talker.pid
            talker.program.tell("log")
            talker.ask("usage")
        assert talker.ports == [port]
        assert talker.ask("alive") == "0"
    url = next(line for line in talker.program.stderr_lines if "ws://" in line).split()[-1]
    with nodemem.attach(url) as visited:
        assert visited.version.startswith("v")
    assert talker.ports == [port]


FORWARD = """
const net = require('net');
const server = net.createServer((from) => {
  const to = net.connect(+process.argv[1], '127.0.0.1');
  for (const socket of [from, to]) socket.on('error', () => {});
  from.pipe(to); to.pipe(from);
});
server.listen(0, '127.0.0.1', () => console.log('ready', server.address().port));
"""


def test_a_port_that_a_program_forwards_is_not_its_own(
    any_node: Path, talk: Any, start: Any
) -> None:
    talker = talk(any_node, flags=["--inspect=127.0.0.1:0"])
    forwarder = start(any_node, FORWARD, arguments=map(str, talker.ports))
    port = forwarder.stdout_lines[0].split()[1]
    with nodemem.attach(f"127.0.0.1:{port}") as visited:
        assert visited.facts().pid == talker.pid
        assert visited.pid is None, "it may run anywhere"
        assert visited.memory_usage().rss > 0


def test_another_tool_that_has_attached_meanwhile_is_not_cut_off(any_node: Path, talk: Any) -> None:
    talker = talk(any_node)
    with nodemem.attach(talker.pid) as first:
        second = nodemem.attach(talker.pid)
    assert first.warnings == ["target.left_open_for_others"]
    assert second.memory_usage().rss > 0
    second.close()
    assert len(talker.ports) == 1, "the second found it open, so it is not its to close"


def test_leaving_a_busy_program(any_node: Path, talk: Any) -> None:
    talker = talk(any_node)
    with nodemem.attach(talker.pid) as visited:
        talker.ask("busy")
        assert visited.memory_usage().heap_used > 0
    assert talker.ports == []


def test_a_program_that_never_rests(node: Path, start: Any) -> None:
    """It is reached, asked and left inside its loop."""
    source = "console.log('ready'); setTimeout(() => { while (true); }, 100);"
    program = start(node, source, flags=["--inspect-port=0"])
    ran = procfs.main_thread_ran(program.pid) or 0.0
    assert until(lambda: (procfs.main_thread_ran(program.pid) or 0.0) > ran + 0.3)
    with nodemem.attach(program.pid) as visited:
        assert visited.memory_usage().heap_used > 0
    assert visited.warnings == []
    assert procfs.listeners(program.pid) == []


COUNTS = """
globalThis.n = 0;
setInterval(() => { n += 1; if (globalThis.stop) debugger; }, 5);
console.log('ready');
"""


def test_a_debugger_that_is_attached_is_not_disturbed(
    any_node: Path, start: Any, tmp_path: Path
) -> None:
    program = start(any_node, COUNTS, flags=["--inspect=127.0.0.1:0"])
    [listener] = procfs.listeners(program.pid) or []
    debugger = cdp.Connection(endpoint.ask("127.0.0.1", listener.port))
    events: list[str] = []
    for name in ("Debugger.paused", "Debugger.resumed"):
        debugger.listen(name, lambda _, name=name: events.append(name))

    def value(expression: str) -> Any:
        return debugger.call("Runtime.evaluate", {"expression": expression})["result"].get("value")

    def visit(name: str) -> None:
        with nodemem.attach(program.pid) as visited:
            assert visited.memory_usage().heap_used > 0
            visited.take_heap_snapshot(tmp_path / name, force=True)

    debugger.call("Debugger.enable")
    debugger.call("HeapProfiler.startSampling")
    visit("running.heapsnapshot")
    count = value("n")
    assert until(lambda: value("n") > count), "the program goes on"
    assert "profile" in debugger.call("HeapProfiler.stopSampling"), "its profiler was left running"
    value("globalThis.stop = true")
    assert until(lambda: events == ["Debugger.paused"])
    count = value("n")
    visit("paused.heapsnapshot")
    assert value("n") == count, "it stands at the same place"
    value("globalThis.stop = false")
    debugger.call("Debugger.resume")
    assert until(lambda: events == ["Debugger.paused", "Debugger.resumed"])
    assert [one.port for one in procfs.listeners(program.pid) or []] == [listener.port]
    debugger.close()


def test_a_program_may_end_while_we_are_attached(node: Path, talk: Any) -> None:
    talker = talk(node)
    with nodemem.attach(talker.pid) as visited:
        talker.program.tell("end")
        assert talker.program.process.wait(60) == 0, "we must not keep it from ending"
        with pytest.raises(TargetLost, match=r"exited with code 0|came to its end"):
            visited.memory_usage()


@pytest.mark.parametrize(
    ("word", "reason"), [("exit", "exited with code 3|came to its end"), ("abort", "SIGABRT")]
)
def test_why_a_process_ended(node: Path, talk: Any, word: str, reason: str) -> None:
    talker = talk(node)
    with nodemem.attach(talker.pid) as visited:
        talker.program.tell(word)
        with pytest.raises(TargetLost, match=reason):
            for _ in visited.watch(0.02):
                pass


def test_launch_ends_what_it_started(any_node: Path) -> None:
    with nodemem.launch(
        [str(any_node), "-e", "setInterval(() => {}, 1e6)"], stderr=subprocess.DEVNULL
    ) as node:
        assert node.pid is not None
        assert node.memory_usage().rss > 0
        assert node.process is not None
    assert node.process.returncode is not None
    assert procfs.gone(node.pid)


def test_settings_without_which_node_drops_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ping, compression or a fragment ends it; a snapshot takes longer than the library's first
    ping after 20 s, and its chunks are larger than the library takes."""
    from nodemem.target import cdp

    asked: dict[str, object] = {}

    def connect(url: str, **settings: object) -> None:
        asked.update(settings)
        raise ConnectionRefusedError

    monkeypatch.setattr(cdp, "connect", connect)
    with pytest.raises(TargetLost):
        cdp.Connection("ws://127.0.0.1:9229/x")
    for setting in ("ping_interval", "compression", "proxy"):
        assert asked[setting] is None
    assert isinstance(asked["max_size"], int)
    assert asked["max_size"] >= 16 << 20


def test_two_visits_give_the_signals_back(any_node: Path, talk: Any) -> None:
    before = signal.getsignal(signal.SIGTERM)
    talker = talk(any_node)
    with nodemem.attach(talker.pid):
        second = nodemem.attach(talker.pid)
    assert signal.getsignal(signal.SIGTERM) != before
    second.close()
    assert signal.getsignal(signal.SIGTERM) == before
