"""nodemem run: the program has the terminal and its exit code; the recording begins with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nodemem.records import ProcessEnd, ProcessFacts, RecordingReader

CLI = [sys.executable, "-m", "nodemem", "run", "--every", "20ms"]
GREETS = """
process.stdin.once('data', (text) => {
  console.log(`got ${String(text).trim()} ${process.argv.slice(2)}`);
  setTimeout(() => process.exit(7), 100);
});
"""
TIDIES = """
let got = 0;
for (const name of ['SIGINT', 'SIGTERM']) {
  process.on(name, () => {
    got += 1;
    setTimeout(() => { console.log(`${name} ${got}`); process.exit(5); }, 200);
  });
}
setInterval(() => {}, 1e6);
console.log('ready');
"""


def records(path: Path) -> list[Any]:
    with RecordingReader(path) as reader:
        return list(reader)


def script(tmp_path: Path, source: str) -> str:
    path = tmp_path / "app.js"
    path.write_text(source)
    return str(path)


def test_input_output_arguments_and_exit_code_are_the_programs(node: Path, tmp_path: Path) -> None:
    program = [str(node), script(tmp_path, GREETS), "--force", "b"]
    done = subprocess.run(
        [*CLI, "--", *program],
        input="hi\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert done.stdout == "got hi --force,b\n"
    (path,) = tmp_path.glob("nodemem-*.ndjson")
    facts, *samples, end = records(path)
    assert isinstance(facts, ProcessFacts)
    assert path.name == f"nodemem-{facts.pid}.ndjson"
    assert samples
    assert isinstance(end, ProcessEnd)
    assert (end.exit_code, end.how) == (7, "it exited with code 7")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_program_once(number: int, any_node: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    with subprocess.Popen(
        [*CLI, "-o", str(path), str(any_node), script(tmp_path, TIDIES)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, errors = process.communicate(timeout=60)
    assert out == f"{signal.Signals(number).name} 1\n"
    assert process.returncode == 5, errors
    assert records(path)[-1].exit_code == 5


def test_ctrl_c_in_the_terminal_is_not_doubled(any_node: Path, tmp_path: Path) -> None:
    """The terminal sends it to both; the program must see it once."""
    path = tmp_path / "a.ndjson"
    child, terminal = os.forkpty()
    if child == 0:
        os.execv(CLI[0], [*CLI, "-o", str(path), str(any_node), script(tmp_path, TIDIES)])
    said = b""
    try:
        while b"ready" not in said:
            said += os.read(terminal, 4096)
        os.write(terminal, b"\x03")
        while chunk := os.read(terminal, 4096):
            said += chunk
    except OSError:
        pass  # the terminal is gone with its last user
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert b"SIGINT 1" in said
    assert os.waitstatus_to_exitcode(status) == 5


def test_a_signal_that_ends_it_is_told_as_shells_do(any_node: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    source = script(tmp_path, "setTimeout(() => process.kill(process.pid, 'SIGKILL'), 300)")
    done = subprocess.run(
        [*CLI, "-o", str(path), "--", str(any_node), source], capture_output=True, check=False
    )
    assert done.returncode == 128 + signal.SIGKILL
    assert records(path)[-1].exit_code == -signal.SIGKILL


def test_what_cannot_be_run(any_node: Path, tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*CLI, *words], capture_output=True, text=True, cwd=tmp_path, check=False
        )

    assert run().returncode == 2
    assert run("--", "./no-such-program").returncode == 3
    begun = time.monotonic()
    done = run("--", "sleep", "60")
    assert done.returncode == 3
    assert "is not Node.js" in done.stderr
    assert time.monotonic() - begun < 50, "the program is ended, not waited for"
    (tmp_path / "a.ndjson").touch()
    done = run("-o", "a.ndjson", "--", str(any_node), "-e", "console.log('began')")
    assert (done.returncode, done.stdout) == (2, ""), "nothing is started in vain"


def test_a_cluster_runs_too(any_node: Path, tmp_path: Path) -> None:
    """An inspector port of 0 would keep its workers from starting."""
    script = tmp_path / "cluster.cjs"
    script.write_text(
        "const cluster = require('cluster');"
        "if (cluster.isPrimary) cluster.fork().once('exit', (code) => process.exit(code));"
        "else setTimeout(() => process.exit(6), 200);"
    )
    done = subprocess.run([*CLI, "-o", str(tmp_path / "a.ndjson"), "--", any_node, script])
    assert done.returncode == 6
