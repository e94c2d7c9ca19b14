"""`nodemem heap summary` against Chrome DevTools' worker, memlab and @heap-snapshot/tool on the
same files, interleaved.

    python bench/heap/run.py PEERS NODE FILE... [--runs 5] [--rust BINARY] [--only NAME...]

PEERS is a folder with the npm packages (see README.md), NODE a Node.js binary, BINARY a runnable
`heap-snapshot` where the packaged one does not start. Ours makes its index each time (`nodemem`,
file to class table with a finished index), and answers from it (`reopened`, `reopened path`).
Prints medians of wall time, CPU time and peak RSS, their ratios to `nodemem`, and the load.
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

LIMIT_SECONDS = 900
PATH_ID = "49495"
"""An id that generated snapshots have."""


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
    """The command of each tool, `FILE` where the file's name goes."""
    bin_ = peers / "node_modules" / ".bin"
    ours = [sys.executable, "-m", "nodemem", "heap"]
    memory = "--max-old-space-size=16000"
    devtools = str(Path(__file__).with_name("devtools.mjs"))
    return {
        "nodemem": [*ours, "summary", "FILE"],
        "reopened": [*ours, "summary", "FILE"],
        "reopened path": [*ours, "path", "FILE", "--id", PATH_ID],
        "@heap-snapshot/tool": [rust or str(bin_ / "heap-snapshot"), "summary", "FILE"],
        "DevTools": [node, memory, devtools, str(peers), "FILE"],
        "memlab": [
            node,
            memory,
            str(bin_ / "memlab"),
            "analyze",
            "object-size",
            "--snapshot",
            "FILE",
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("peers", type=Path)
    parser.add_argument("node")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rust")
    parser.add_argument("--only", nargs="+", help="names of the tools to run; ours always is")
    options = parser.parse_args()
    tools = commands(options.peers, options.node, options.rust)
    if options.only:
        tools = {name: tools[name] for name in tools if name == "nodemem" or name in options.only}
    for file in options.files:
        runs: dict[str, list[Run]] = {name: [] for name in tools}
        for _ in range(options.runs):
            for name, command in tools.items():
                if name == "nodemem":
                    Path(f"{file}.nodemem-index").unlink(missing_ok=True)
                run = measure([file if word == "FILE" else word for word in command])
                if run is not None:
                    runs[name].append(run)
        print(
            f"\n{file}: {Path(file).stat().st_size / 1e6:.1f} MB, {options.runs} runs, medians, "
            f"load {os.getloadavg()[0]:.1f}"
        )
        index = Path(f"{file}.nodemem-index")
        if index.exists():
            print(f"  index: {index.stat().st_size / Path(file).stat().st_size:.2f} of the file")
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
