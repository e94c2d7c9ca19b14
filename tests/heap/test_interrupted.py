"""Ctrl-C while work is done beside: it ends what was asked, after the work and not before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nodemem

BEGIN = """
import os, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from nodemem.heap.engine.threads import Aside
working, release, done = threading.Event(), threading.Event(), threading.Event()

def interrupt(main=threading.get_ident()):
    working.wait()
    for _ in range(3):
        while sys._current_frames()[main].f_code.co_name != "wait":
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
    release.set()

def work():
    working.set()
    release.wait()
    done.set()

threading.Thread(target=interrupt, daemon=True).start()
"""
ASIDE = """
try:
    Aside(work).join()
except KeyboardInterrupt:
    print("interrupted", done.is_set())
"""
RECORDS = """
from nodemem.heap.engine.records import RecordReader, Shape
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.engine.window import Window, sections
main, fast = threading.current_thread(), threading.Event()

def emit(batch):
    if threading.current_thread() is not main:
        work()
        return batch.length, 0
    working.wait()  # the other thread has a piece, too
    return batch.length, 0

window = Window(SnapshotFile(sys.argv[1]))
next(iter(sections(window)))
reader = RecordReader(window, Shape("numbers", 1, None), {})
try:
    reader.read([emit, emit])
except KeyboardInterrupt:
    print("interrupted", done.is_set())
"""


@pytest.mark.parametrize("program", [ASIDE, RECORDS], ids=["aside", "records"])
def test_an_interrupt_waits_for_what_is_done_beside(tmp_path: Path, program: str) -> None:
    path = tmp_path / "numbers"
    path.write_text('{"numbers":[' + ",".join("7" * 9 for _ in range(80_000)) + "]}")
    ended = subprocess.run(
        [sys.executable, "-c", BEGIN + program, path],
        env={**os.environ, "PYTHONPATH": str(Path(nodemem.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout == "interrupted True\n", ended.stderr
