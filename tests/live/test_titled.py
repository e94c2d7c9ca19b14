"""Programs that write a title over their command line, and with it over their options."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

import nodemem
from nodemem.api.triage import triage
from nodemem.target import procfs

TITLED = "process.title = 'my service'; console.log('ready'); setInterval(() => {}, 1e6)"
CLUSTER = """
const cluster = require('cluster');
process.title = 'a cluster';
if (cluster.isPrimary) cluster.fork().once('online', () => console.log('ready'));
setInterval(() => {}, 1e6);
"""


def ports(pid: int) -> list[int]:
    return [one.port for one in procfs.listeners(pid) or []]


def test_an_inspector_on_a_port_that_no_longer_shows(
    node: Path, start: Any, free_port: Any
) -> None:
    port = free_port()
    program = start(node, TITLED, flags=[f"--inspect={port}", "--max-old-space-size=300"])
    [row] = [one for one in nodemem.ps().rows() if one["pid"] == program.pid]
    assert row["script"] == "my service"
    assert row["inspector"] == f"127.0.0.1:{port}"
    found = triage(program.pid, seconds=0.1)
    assert found.heap_unknown == "title"
    assert found.situation.heap_limit is None
    with nodemem.attach(program.pid) as attached:
        assert not attached.opened_inspector
    assert ports(program.pid) == [port]


def test_a_port_that_no_longer_shows_is_found_when_it_opens(
    any_node: Path, start: Any, free_port: Any
) -> None:
    program = start(any_node, TITLED, flags=[f"--inspect-port={free_port()}"])
    with nodemem.attach(program.pid) as attached:
        assert attached.memory_usage().heap_limit > 0
    assert ports(program.pid) == []


def test_an_option_that_no_longer_shows_is_not_guessed(any_node: Path, start: Any) -> None:
    program = start(any_node, TITLED, flags=["--disable-sigusr1"])
    with pytest.raises(nodemem.NotPermitted) as caught:
        nodemem.attach(program.pid)
    assert "--disable-sigusr1 or --permission" in str(caught.value.why)


def test_workers_of_a_titled_cluster_do_not_stay_open(
    any_node: Path, start: Any, free_port: Any, tmp_path: Path
) -> None:
    """Node.js gives them ports of their own on a command line that no longer shows."""
    script = tmp_path / "cluster.cjs"
    script.write_text(CLUSTER)
    options = f"--inspect-port={free_port(2)}"
    program = start(any_node, script, env={**os.environ, "NODE_OPTIONS": options})
    [worker] = procfs.children(program.pid)
    try:
        with nodemem.attach(program.pid):
            assert ports(worker) == []
        assert ports(worker) == ports(program.pid) == []
    finally:
        os.kill(worker, signal.SIGKILL)
