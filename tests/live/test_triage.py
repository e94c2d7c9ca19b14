"""nodemem PID: one screen, and the process does not notice."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.cli import run
from nodemem.target import procfs

CLI = [sys.executable, "-m", "nodemem"]
FAST = ("--seconds", "0.1")


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_process_id_is_enough_and_nothing_is_opened(
    node: Path, talk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    talker = talk(node, flags=["--max-old-space-size=300"])
    talker.ask("hold")
    answered = answer(capsys, str(talker.pid), *FAST)
    assert answered["schema"] == "nodemem/triage@1"
    assert answered["subject"]["pid"] == talker.pid
    data = answered["data"]
    assert data["resident"]["rss"] == sum(
        data["resident"][kind] for kind in ("anonymous", "file", "shared")
    )
    with_young = nodemem.heap_limits(answered["subject"]["version"], max_old_space_size=300)
    assert data["heap"]["limit"] == with_young.heap_size_limit
    assert data["heap"]["source"] == "--max-old-space-size=300 (argv)"
    assert 6e6 < data["heap"]["used"] <= data["resident"]["v8"] + 4e6
    assert data["heap"]["heaps"] == 1
    assert data["usage"] is None
    assert "heap" in [bound["kind"] for bound in data["bounds"]]
    assert talker.ports == []
    assert talker.program.stderr_lines == [], "an inspector that opens says so"


def test_it_fits_one_screen(any_node: Path, talk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    talker = talk(any_node)
    for lang in ("en", "ko"):
        assert run([str(talker.pid), *FAST, "--lang", lang]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert 7 <= len(lines) <= 12
        assert str(talker.pid) in lines[0]
        assert re.search(r"nodemem \w+ " + str(talker.pid), lines[-1])


def test_only_the_fullest_heap_counts_towards_the_limit(
    any_node: Path, start: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each worker has the limit for itself, and memory of WebAssembly is in no heap: together
    they are above the limit here, and nothing is wrong."""
    source = """
        const { Worker } = require('node:worker_threads');
        const memory = new WebAssembly.Memory({ initial: 1500 });
        new Uint8Array(memory.buffer).fill(1);
        const code = `
            globalThis.held = Array.from({ length: 3e5 }, (_, i) => ({ i, next: [i] }));
            require('node:worker_threads').parentPort.postMessage('ready');
            setInterval(() => {}, 1e6);`;
        let left = 2;
        const ready = () => { if (--left === 0) console.log('ready'); };
        for (let i = 0; i < 2; i++) new Worker(code, { eval: true }).on('message', ready);
        globalThis.held = memory;
    """
    program = start(any_node, source, flags=["--max-old-space-size=90"])
    data = answer(capsys, str(program.pid), *FAST)["data"]
    assert data["resident"]["v8"] > data["heap"]["limit"]
    assert data["heap"]["heaps"] == 3
    assert data["heap"]["used"] < 0.6 * data["heap"]["limit"]
    assert not [
        one for one in data["findings"]
        if one["id"] == "triage.close.heap" and one["confidence"] > 0.5  # not by growth alone
    ]  # fmt: skip
    for lang in ("en", "ko"):
        assert run([str(program.pid), *FAST, "--lang", lang]) == 0
        assert "3" in capsys.readouterr().out.splitlines()[3]


def test_an_unset_limit_is_worked_out_and_is_what_v8_says(
    any_node: Path, talk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    talker = talk(any_node)
    heap = answer(capsys, str(talker.pid), *FAST)["data"]["heap"]
    assert heap["source"] == "v8"
    data = answer(capsys, str(talker.pid), *FAST, "--attach")["data"]
    assert data["heap"]["attached"]
    assert heap["limit"] == data["heap"]["limit"] == data["usage"]["heapLimit"] > 1e8
    assert data["heap"]["used"] == data["usage"]["heapUsed"]
    assert talker.ports == []


def test_node_options_count_and_the_command_line_wins(
    any_node: Path, start: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "setInterval(() => {}, 1e6); console.log('ready')"
    env = {**os.environ, "NODE_OPTIONS": "--max-old-space-size=200"}
    program = start(any_node, source, env=env)
    heap = answer(capsys, str(program.pid), *FAST)["data"]["heap"]
    assert heap["source"] == "--max-old-space-size=200 (NODE_OPTIONS)"
    program = start(any_node, source, env=env, flags=["--max_old_space_size=250"])
    heap = answer(capsys, str(program.pid), *FAST)["data"]["heap"]
    assert heap["source"] == "--max-old-space-size=250 (argv)"
    assert heap["limit"] > 250 << 20, "the young generation is in it"


def test_growth_and_a_stopped_process_are_findings(
    any_node: Path, start: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
    globalThis.kept = []; console.log('ready');
    setInterval(() => kept.push(Buffer.alloc(4e6, 1)), 20);
    """
    program = start(any_node, source)
    data = answer(capsys, str(program.pid), "--seconds", "1")["data"]
    growing = [one for one in data["findings"] if one["id"] == "triage.growing"]
    assert len(growing) == 1
    assert data["growth"]["bytes"] > 8e6
    assert data["next"].startswith("nodemem ")
    os.kill(program.pid, signal.SIGSTOP)
    try:
        data = answer(capsys, str(program.pid), *FAST)["data"]
    finally:
        os.kill(program.pid, signal.SIGCONT)
    assert data["findings"][0]["id"] == "triage.stopped"


def test_what_is_no_node_process_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["999999999"]) == 3
    assert "there is no process" in capsys.readouterr().err
    assert run([str(os.getpid())]) == 3
    assert "is not Node.js" in capsys.readouterr().err


def test_a_stranger_is_told_what_may_be_known(any_node: Path, talk: Any) -> None:
    """Seen by a user who may not look at it: the next step is one that will not be refused."""
    talker = talk(any_node)
    seen = run_as_nobody(str(talker.pid), *FAST, "--lang", "en")
    if seen is None:
        pytest.skip("only root can become another user, and that one must be able to run Python")
    assert "what V8 has in memory is unknown" in seen
    assert "only its owner or root may ask" in seen
    assert seen.rstrip().endswith(f"sudo nodemem {talker.pid}")


def run_as_nobody(*arguments: str) -> str | None:
    """What nodemem prints when another user runs it; None where that cannot be."""
    if os.geteuid() != 0:
        return None
    command = [sys.executable, "-m", "nodemem", *arguments]
    try:
        done = subprocess.run(
            command, user=65534, group=65534, extra_groups=[], capture_output=True, text=True,
            cwd="/",
        )  # fmt: skip
    except PermissionError:
        return None
    return None if "No module named" in done.stderr else done.stdout


def test_a_process_that_ends_meanwhile(any_node: Path, talk: Any) -> None:
    from nodemem.api.triage import triage

    talker = talk(any_node)
    with pytest.raises(nodemem.TargetLost, match="ended"):
        triage(talker.pid, wait=lambda _: talker.program.stop())
    assert procfs.gone(talker.pid)


def test_help_and_page_know_the_same_options() -> None:
    done = subprocess.run([*CLI, "4242", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    page = (Path(__file__).parents[2] / "docs" / "commands" / "pid.md").read_text()
    for option in ("--seconds", "--attach", "--exact"):
        assert option in done.stdout
        assert option in page
