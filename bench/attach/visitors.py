"""Who visits: nodemem, and the least that one can do by hand, as a yardstick for it."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from typing import TYPE_CHECKING

from websockets.sync.client import connect

import nodemem
from nodemem.target import procfs

if TYPE_CHECKING:
    from twins import Twin

READ = "JSON.stringify(process.memoryUsage())"
CLOSE = "process._debugEnd()"


def with_nodemem(twin: Twin) -> tuple[float, float]:
    """Attach, read the memory, leave; seconds for the first and the last."""
    begun = time.monotonic()
    visited = nodemem.attach(twin.pid)
    attached = time.monotonic()
    visited.memory_usage()
    asked = time.monotonic()
    visited.close()
    assert visited.warnings == [], visited.warnings
    return attached - begun, time.monotonic() - asked


def by_hand(twin: Twin) -> tuple[float, float]:
    """The same with a signal, an HTTP request and a WebSocket: nothing is checked, nothing would
    clean up if we were killed, and what the console has kept stays until the inspector closes."""
    begun = time.monotonic()
    pid = twin.pid
    before = {one.inode for one in procfs.listeners(pid) or []}
    os.kill(pid, signal.SIGUSR1)
    while not (new := [x for x in procfs.listeners(pid) or [] if x.inode not in before]):
        time.sleep(0.01)
    with urllib.request.urlopen(f"http://127.0.0.1:{new[0].port}/json/list") as answer:
        url = json.load(answer)[0]["webSocketDebuggerUrl"]
    with connect(url, compression=None, ping_interval=None, proxy=None) as socket:

        def evaluate(expression: str) -> None:
            message = {"id": 1, "method": "Runtime.evaluate", "params": {"expression": expression}}
            socket.send(json.dumps(message))

        attached = time.monotonic()
        evaluate(READ)
        socket.recv()
        asked = time.monotonic()
        evaluate(CLOSE)
        for _ in socket:  # until the other side hangs up
            pass
    return attached - begun, time.monotonic() - asked
