"""Programs whose sickness is known: what is found in logs of them, and in themselves."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from nodemem.api.gc import summarize_gc_logs
from nodemem.cli import run

PROGRAMS = Path(__file__).with_name("programs")
SEEN = PROGRAMS / "seen"
# A pause is as long as the machine makes it, and these were seen on a busy one.
OF_THE_MACHINE = {"gc.time_minor", "gc.time_major", "gc.waiting"}
ONE_OF_THEM = {"gc.external", "gc.near_limit", "gc.forced"}
"""What is not told apart where neither causes nor limits nor external memory are told."""
ALL = os.environ.get("NODEMEM_TEST_ALL") == "1"


def about(node: Path, name: str, seed: int) -> dict[str, list[str]]:
    command = [str(node), str(PROGRAMS / "run.cjs"), name, str(seed), "--about"]
    told: dict[str, list[str]] = json.loads(subprocess.check_output(command))
    return told


@pytest.mark.parametrize("path", sorted(SEEN.iterdir()), ids=lambda path: path.name)
def test_what_is_found_in_real_logs(path: Path, any_node: Path) -> None:
    told = about(any_node, path.name.split(".")[0], 1)
    found = {finding.id for finding in summarize_gc_logs([path]).findings}
    sick = set(told["sick"])
    if ".nvp." in path.name and sick & ONE_OF_THEM:
        sick = {"gc.unexplained"}
    assert sick <= found
    assert found - OF_THE_MACHINE - set(told["also"]) <= sick


def ran(node: Path, name: str, seed: int, log: Path, *traces: str, seconds: float = 3) -> set[str]:
    """The findings of a run of a program."""
    flags = about(node, name, seed)["flags"]
    with log.open("wb") as file:
        command = [
            str(node),
            *flags,
            *traces,
            str(PROGRAMS / "run.cjs"),
            name,
            str(seed),
            f"{seconds}",
        ]
        subprocess.run(command, stdout=file, check=True)
    return {finding.id for finding in summarize_gc_logs([log]).findings}


def test_a_program_that_calls_gc_is_told_so(
    node: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ran(node, "calls_gc", 7, tmp_path / "gc.log", "--trace-gc")
    assert found - OF_THE_MACHINE == {"gc.forced"}
    assert run(["gc", str(tmp_path / "gc.log")]) == 0
    assert re.search(r"calls gc\(\) itself: \d+ times", capsys.readouterr().out)


@pytest.mark.skipif(not ALL, reason="minutes; NODEMEM_TEST_ALL=1")
@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize(
    "name", ["server", "idle", "few_buffers", "enough_new_space", "u_calculates"]
)
def test_healthy_programs(node: Path, name: str, seed: int, tmp_path: Path) -> None:
    for traces in (["--trace-gc"], ["--trace-gc-nvp"], ["--trace-gc", "--trace-gc-verbose"]):
        found = ran(node, name, seed, tmp_path / "gc.log", *traces)
        assert found <= OF_THE_MACHINE, traces


@pytest.mark.skipif(not ALL, reason="minutes; NODEMEM_TEST_ALL=1")
@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize(
    ("name", "finding"),
    [("buffers", "gc.external"), ("native_storm", "gc.callbacks"), ("u_cleans_up", "gc.forced")],
)
def test_sick_programs(node: Path, name: str, finding: str, seed: int, tmp_path: Path) -> None:
    log, traces = tmp_path / "gc.log", ["--trace-gc", "--trace-gc-verbose"]
    assert finding in ran(node, name, seed, log, *traces, seconds=8)
