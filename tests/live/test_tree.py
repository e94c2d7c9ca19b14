"""A process and those that it has started: clusters, children behind shells, supervisors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.api.family import visit_each
from nodemem.target import discover, family, procfs, session

CLI = [sys.executable, "-m", "nodemem"]

# Two workers of a cluster, and a third process behind a shell, which has one of its own.
FAMILY = """
const cluster = require('cluster');
const { spawn } = require('child_process');
const idle = () => setInterval(() => {}, 1e6);
if (process.env.BELOW) {
  idle();
  if (process.env.BELOW === '2') spawnNext('1', () => process.stdout.write('up'));
  else process.stdout.write('up');
} else if (cluster.isPrimary) {
  let left = 3;
  const up = () => { if (--left === 0) console.log('ready'); };
  for (let i = 0; i < 2; i++) cluster.fork().once('online', up);
  spawnNext('2', up);
  idle();
} else idle();
function spawnNext(below, up) {
  const command = `"${process.execPath}" ${process.execArgv.join(' ')} "${__filename}"; true`;
  const child = spawn('sh', ['-c', command], {
    env: { ...process.env, BELOW: below }, stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.once('data', up);
}
"""


class Tree:
    """The pids of the family above, in the order of a walk."""

    def __init__(self, program: Any) -> None:
        self.top = program.pid
        self.rows = nodemem.process_tree(self.top).rows()
        self.pids = [row["pid"] for row in self.rows]
        status = procfs.status(self.pids[-1])
        assert status is not None
        self.shell = status.parent


@pytest.fixture
def tree(start: Any, tmp_path: Path) -> Any:
    script = tmp_path / "family.cjs"
    script.write_text(FAMILY)
    trees: list[Tree] = []

    def run(node: Path, *flags: str) -> Tree:
        trees.append(Tree(start(node, script, flags=list(flags))))
        return trees[-1]

    yield run
    for one in trees:
        for pid in one.pids:
            if not procfs.gone(pid):
                os.kill(pid, signal.SIGKILL)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, *arguments], capture_output=True, text=True, check=False)


def ports(pid: int) -> list[int]:
    return [one.port for one in procfs.listeners(pid) or []]


def test_who_started_whom(any_node: Path, tree: Any) -> None:
    those = tree(any_node)
    assert [row["depth"] for row in those.rows] == [0, 1, 1, 1, 2]
    assert all(row["script"].endswith("family.cjs") for row in those.rows)
    below = nodemem.process_tree(those.shell)
    assert below.values("pid") == those.pids[-1:], "the first need not be Node.js"
    assert below.values("depth") == [0]
    everybody = nodemem.ps(tree=True)
    at = everybody.values("pid").index(those.top)
    assert everybody.values("pid")[at : at + 5] == those.pids
    drawn = run("ps", "--tree", "--lang", "en").stdout
    assert drawn.count("└─ ") >= 2
    with (
        pytest.raises(nodemem.TargetNotFound, match="has started none"),
        subprocess.Popen(["sleep", "60"]) as other,
    ):
        try:
            nodemem.process_tree(other.pid)
        finally:
            other.kill()


def test_all_are_asked_one_after_another(any_node: Path, tree: Any, free_port: Any) -> None:
    """The workers of the cluster take the next ports; the others would all take the same one."""
    those = tree(any_node, f"--inspect-port={free_port(3)}")
    done = run("usage", str(those.top), "--tree", "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["subject"]["pid"] for line in lines] == those.pids
    assert [line["subject"]["depth"] for line in lines] == [0, 1, 1, 1, 2]
    assert [line["warnings"] for line in lines] == [[]] * 5
    assert all(line["data"]["heapUsed"] > 1e6 for line in lines)
    assert [ports(pid) for pid in those.pids] == [[]] * 5
    assert [procfs.gone(pid) for pid in those.pids] == [False] * 5


def test_the_inspectors_of_the_workers_do_not_stay_open(
    node: Path, tree: Any, free_port: Any
) -> None:
    """Node.js passes the signal on to the workers of a cluster; only the primary is visited."""
    those = tree(node, f"--inspect-port={free_port(3)}")
    with nodemem.attach(those.top):
        assert len(ports(those.top)) == 1
        assert [ports(pid) for pid in those.pids[1:]] == [[]] * 4
    assert [ports(pid) for pid in those.pids] == [[]] * 5


def test_an_inspector_of_a_worker_that_was_open_stays_open(
    any_node: Path, tree: Any, free_port: Any
) -> None:
    those = tree(any_node, f"--inspect-port={free_port(3)}")
    with nodemem.attach(those.pids[1]) as other:
        with nodemem.attach(those.top):
            assert other.memory_usage().rss > 0
        assert len(ports(those.pids[1])) == 1
        assert other.memory_usage().rss > 0


def test_one_that_refuses_does_not_lose_the_others(
    any_node: Path, tree: Any, free_port: Any
) -> None:
    those = tree(any_node, f"--inspect-port={free_port(3)}")
    os.kill(those.pids[2], signal.SIGSTOP)
    done = run("usage", str(those.top), "--tree", "--lang", "en")
    assert done.returncode == 0, done.stderr
    assert all(str(pid) in done.stdout for pid in those.pids)
    said = " ".join(done.stdout.partition("warning: ")[2].split())
    assert f"process {those.pids[2]} is stopped" in said
    assert f"kill -CONT {those.pids[2]}" in said


@pytest.mark.all_nodes
def test_snapshots_of_all_that_can_be_taken(
    any_node: Path, tree: Any, free_port: Any, tmp_path: Path
) -> None:
    those = tree(any_node, f"--inspect-port={free_port(3)}")
    assert run("snapshot", str(those.shell), "--tree", "-o", "a.heapsnapshot").returncode == 2
    os.kill(those.pids[1], signal.SIGSTOP)
    done = run("snapshot", str(those.top), "--tree", "-o", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    taken = [line["subject"]["pid"] for line in lines if line["data"]]
    assert taken == [pid for pid in those.pids if pid != those.pids[1]]
    files = {int(file.stem) for file in tmp_path.glob("*.heapsnapshot")}
    assert files == set(taken)
    [refused] = [line for line in lines if line["data"] is None]
    assert refused["subject"]["pid"] == those.pids[1]
    assert "is stopped" in refused["warnings"][0]


def test_all_refuse(any_node: Path, start: Any) -> None:
    program = start(any_node, "console.log('ready'); setInterval(() => {}, 1e6)")
    os.kill(program.pid, signal.SIGSTOP)
    done = run("usage", str(program.pid), "--tree", "--json")
    assert done.returncode == 3
    answer = json.loads(done.stdout)
    assert answer["data"] is None
    assert "is stopped" in answer["warnings"][0]


@pytest.mark.parametrize("words", [["4242", "--watch", "1s"], ["4242", "-o", "a.ndjson"], ["h:1"]])
def test_what_a_tree_cannot_be_asked(words: list[str]) -> None:
    assert run("usage", "--tree", *words).returncode == 2


def test_a_port_that_one_just_left_still_holds(
    any_node: Path, start: Any, free_port: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is in a system call when we leave it, and closes its inspector only later."""
    monkeypatch.setattr(session, "_LEAVING", 0.2)
    source = """
    const { execSync } = require('child_process');
    process.stdin.once('data', () => { console.log('blocked'); execSync('sleep 2'); });
    console.log('ready');
    """
    flag = f"--inspect-port={free_port()}"
    first, second = (start(any_node, source, flags=[flag]) for _ in range(2))
    members = family.family(first.pid) + family.family(second.pid)

    def ask(member: family.Member) -> int:
        with nodemem.attach(member.pid) as visited:
            rss = visited.memory_usage().rss
            if member.pid == first.pid:
                first.tell("block")
                first.wait_for("blocked")
        return rss

    visits = list(visit_each(members, ask))
    assert [visit.refusal for visit in visits] == [None, None]
    assert ports(first.pid) == ports(second.pid) == []


WORKING = """
const cluster = require('cluster');
const { Worker, isMainThread } = require('worker_threads');
const work = () => {
  let kept = [];
  setInterval(() => {
    for (let i = 0; i < 15000; i++) kept.push({ i, pair: [i, i + 1] });
    if (kept.length > 150000) kept = [];
  }, 10);
};
if (!isMainThread) work();
else if (cluster.isPrimary) {
  // All of them on one port, as where no port is named.
  cluster.setupPrimary({ inspectPort: process.debugPort });
  let up = 0;
  for (let i = 0; i < 2; i++) cluster.fork().on('message', () => {
    if (++up === 2) console.log('ready');
  });
  setInterval(() => {}, 1e6);
} else {
  new Worker(__filename).on('online', () => process.send('up'));
  process.on('disconnect', () => process.exit());
  work();
}
"""


def test_a_cluster_is_watched_at_once(
    any_node: Any, start: Any, free_port: Any, tmp_path: Path
) -> None:
    """All its processes have the same inspector port; none is left open."""
    script = tmp_path / "cluster.cjs"
    script.write_text(WORKING)
    port = f"--inspect-port={free_port()}"
    program = start(any_node, script, flags=[port, "--max-semi-space-size=2"])
    members = [member.pid for member in family.family(program.pid)]
    assert len(members) == 3
    done = run("gc", str(program.pid), "--tree", "--for", "2s", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [one["pid"] for one in said["subject"]["processes"]] == members
    counts = {
        (one["pid"], one["thread"]): one["minor"]["count"] + one["major"]["count"]
        for one in said["data"]["isolates"]
    }
    assert counts.keys() >= {(pid, thread) for pid in members[1:] for thread in (0, 1)}
    assert all(counts[pid, thread] > 0 for pid in members[1:] for thread in (0, 1))
    assert [discover.inspector(pid).open for pid in members] == [False, False, False]
    # The port of each is what it was: the next visit finds it.
    assert run("usage", str(members[2]), "--json").returncode == 0
