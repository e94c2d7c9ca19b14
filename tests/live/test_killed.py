"""`kill -9` of the target in each phase: a clear word, an exit code, files that can be read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

import nodemem
from nodemem.errors import TargetNotFound
from nodemem.records import MemorySample, ProcessEnd, RecordingReader

CLI = [sys.executable, "-m", "nodemem"]
# Command, what it says when it is where it should be hit, and how it ends.
PHASES = {
    "idle": (["inspect", "{pid}", "--json"], "{", 3),
    "usage": (["usage", "{pid}", "--watch", "20ms", "--json", "-o", "{file}"], "{", 3),
    "snapshot": (["snapshot", "{pid}", "-o", "{file}"], "walking", 3),
    "recording": (["record", "{pid}", "--attach", "--every", "20ms", "-o", "{file}"], None, 0),
}


def wait_for(stream: IO[str], word: str) -> None:
    while word not in (line := stream.readline()):
        assert line, f"it ended before it said {word}"


def killed(phase: str, talker: Any, file: Path) -> str:
    """Kill the target while a command is in its `phase`; what the command says on stderr."""
    arguments, word, code = PHASES[phase]
    talker.ask("hold")
    command = [part.format(pid=talker.pid, file=file) for part in arguments]
    with subprocess.Popen(
        [*CLI, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        if word is None:
            while not samples(file):
                assert running.poll() is None
        else:
            wait_for(running.stderr if phase == "snapshot" else running.stdout, word)
        os.kill(talker.pid, signal.SIGKILL)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == code, errors
    assert f"rocess {talker.pid} ended" in errors
    assert "Traceback" not in errors
    return errors


def samples(file: Path) -> list[object]:
    """What a recording holds, after the facts of the process; nothing as long as there is none."""
    try:
        with RecordingReader(file) as reader:
            return [one for one in reader if isinstance(one, MemorySample | ProcessEnd)]
    except nodemem.NodememError:
        return []


def check(phase: str, talker: Any, folder: Path) -> None:
    file = folder / ("a.heapsnapshot" if phase == "snapshot" else "a.ndjson")
    errors = killed(phase, talker, file)
    if phase == "snapshot":
        assert not file.exists()
        assert "a.heapsnapshot.partial" in errors
        assert (folder / "a.heapsnapshot.partial").exists()
    elif phase != "idle":
        assert isinstance(samples(file)[0], MemorySample)
    if phase == "recording":
        assert isinstance(samples(file)[-1], ProcessEnd)


@pytest.mark.parametrize("phase", PHASES)
def test_the_target_is_killed(any_node: Path, talk: Any, tmp_path: Path, phase: str) -> None:
    check(phase, talk(any_node), tmp_path)


@pytest.mark.all_nodes
@pytest.mark.parametrize("phase", PHASES)
def test_the_target_is_killed_on_each_release(
    node: Path, talk: Any, tmp_path: Path, phase: str
) -> None:
    check(phase, talk(node), tmp_path)


def test_the_target_is_killed_while_its_inspector_opens(
    any_node: Path, talk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    talker = talk(any_node)
    original = signal.pidfd_send_signal

    def send(handle: int, number: int) -> None:
        original(handle, number)
        original(handle, signal.SIGKILL)

    monkeypatch.setattr(signal, "pidfd_send_signal", send)
    with pytest.raises(TargetNotFound, match="ended") as caught:
        nodemem.attach(talker.pid)
    assert caught.value.exit_code == 3
    assert "nodemem ps" in str(caught.value.next)
