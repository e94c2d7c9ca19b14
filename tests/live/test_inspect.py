"""An inspector opened for others is held, and closed afterwards with them attached or not."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nodemem.target import cdp

CLI = [sys.executable, "-m", "nodemem"]


@contextlib.contextmanager
def inspecting(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*CLI, "inspect", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def first_line(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline()


def interrupted(running: subprocess.Popen[str]) -> tuple[int, str]:
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    return running.returncode, errors


def test_held_for_a_debugger_and_closed_under_it(node: Path, talk: Any) -> None:
    talker = talk(node)
    with inspecting(talker.pid, "--json") as running:
        envelope = json.loads(first_line(running))
        assert envelope["schema"] == "nodemem/inspect@1"
        data = envelope["data"]
        assert data["opened"] is True
        assert [data["vscode"]["port"]] == talker.ports
        assert data["devtools"].startswith("devtools://devtools/bundled/js_app.html?")
        assert data["devtools"].endswith(data["websocket"].removeprefix("ws://"))
        debugger = cdp.Connection(data["websocket"])
        paused = threading.Event()
        debugger.listen("Debugger.paused", lambda _: paused.set())
        debugger.call("Debugger.enable")
        debugger.call("Debugger.pause")
        talker.program.tell("log")
        assert paused.wait(60), "at the first line that runs"
        assert len(talker.ports) == 1
        code, errors = interrupted(running)
        assert code == 0, errors
    assert debugger.wait_until_ended(60)
    assert talker.ports == []
    assert talker.ask("alive") == "0", "the program runs on, and nothing logged is kept"


def test_one_that_was_open_stays_open(any_node: Path, talk: Any) -> None:
    talker = talk(any_node, flags=["--inspect=127.0.0.1:0"])
    ports = talker.ports
    with inspecting(talker.pid) as running:
        assert str(ports[0]) in first_line(running)
        code, errors = interrupted(running)
    assert code == 0
    assert "stays open" in errors
    assert talker.ports == ports


def test_the_entry_for_vs_code_is_json(any_node: Path, talk: Any) -> None:
    talker = talk(any_node)
    with inspecting(talker.pid) as running:
        text = ""
        while "Other tools" not in text:
            line = first_line(running)
            assert line, "it goes on to the end"
            text += line
        assert interrupted(running)[0] == 0
    entry = json.loads(text[text.index("{") : text.index("}") + 1])
    assert (entry["type"], entry["request"]) == ("node", "attach")


def test_a_program_that_ends_meanwhile(any_node: Path, talk: Any) -> None:
    talker = talk(any_node)
    with inspecting(talker.pid, "--json") as running:
        assert first_line(running)
        talker.program.tell("end")
        assert talker.program.process.wait(60) == 0, "we must not keep it from ending"
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 3
    assert "ended while its inspector was open" in errors
    assert "Traceback" not in errors
