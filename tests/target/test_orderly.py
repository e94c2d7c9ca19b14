"""What was begun in a target is undone, however often we are interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import time
from nodemem.target.orderly import to_the_end

def action():
    print("acting", flush=True)
    time.sleep(1.0)
    return "opened"

def undo(value):
    time.sleep(0.3)
    print("undone", value, flush=True)

to_the_end(action, undo)
"""


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupted_opening_is_taken_back(times: int) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "acting\n"
    for _ in range(times):
        running.send_signal(signal.SIGINT)
        # The second one must not merge with the first.
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(0.15)
    said, errors = running.communicate(timeout=60)
    assert said == "undone opened\n"
    assert "KeyboardInterrupt" in errors
