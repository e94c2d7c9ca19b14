"""`nodemem heap summary` against memlab and @heap-snapshot/tool on the same files, interleaved.

    python bench/heap/run.py PEERS NODE FILE... [--runs 5] [--rust BINARY]

PEERS is a folder with both npm packages (see README.md), NODE a Node.js binary for memlab, BINARY
a runnable `heap-snapshot` where the packaged one does not start. Prints medians of wall time, CPU
time and peak RSS, and their ratios to nodemem's. Writes nothing.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

LIMIT_SECONDS = 300


class Run(NamedTuple):
    wall: float
    cpu: float
    rss: float


def measure(command: list[str]) -> Run | None:
    """Seconds, seconds, MiB; None when the command fails or takes longer than LIMIT_SECONDS."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    timer = threading.Timer(LIMIT_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return None
    wall = time.perf_counter() - begin
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def commands(peers: Path, node: str, rust: str | None) -> dict[str, list[str]]:
    """The command of each tool, the file's name left off."""
    bin_ = peers / "node_modules" / ".bin"
    return {
        "nodemem": [sys.executable, "-m", "nodemem", "heap", "summary"],
        "@heap-snapshot/tool": [rust or str(bin_ / "heap-snapshot"), "summary"],
        "memlab": [node, str(bin_ / "memlab"), "analyze", "object-size", "--snapshot"],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("peers", type=Path)
    parser.add_argument("node")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rust")
    options = parser.parse_args()
    tools = commands(options.peers, options.node, options.rust)
    for file in options.files:
        runs: dict[str, list[Run]] = {name: [] for name in tools}
        for _ in range(options.runs):
            for name, command in tools.items():
                run = measure([*command, file])
                if run is not None:
                    runs[name].append(run)
        print(f"\n{file}: {Path(file).stat().st_size / 1e6:.1f} MB, {options.runs} runs, medians")
        base = [statistics.median(column) for column in zip(*runs["nodemem"], strict=True)]
        for name, done in runs.items():
            if not done:
                print(f"  {name:20} does not run here")
                continue
            mine = [statistics.median(column) for column in zip(*done, strict=True)]
            ratios = [value / own for value, own in zip(mine, base, strict=True)]
            print(
                f"  {name:20} wall {mine[0]:7.3f} s ({ratios[0]:5.1f}x)  cpu {mine[1]:7.3f} s "
                f"({ratios[1]:5.1f}x)  rss {mine[2]:7.0f} MiB ({ratios[2]:5.1f}x)  "
                f"n={len(done)}"
            )


if __name__ == "__main__":
    main()
