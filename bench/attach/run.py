"""What visits cost a program: many attach and detach cycles.

    python bench/attach/run.py NODE... [--cycles 50] [--esm] [--idle]

Three programs, equal HTTP servers under equal light traffic (`--idle`: none), run at the same
time: one is visited by nodemem, one by the shortest possible client (`visitors.by_hand`), one is
left alone.
Prints times, and what each has more at the end than at the beginning; in the last column nodemem
in relation to the short client.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from twins import Outcome, compare
from visitors import by_hand, with_nodemem

Figure = Callable[[Outcome], float]
_WIDTH = 34


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nodes", type=Path, nargs="+", metavar="NODE")
    parser.add_argument("--cycles", type=int, default=50)
    parser.add_argument("--esm", action="store_true", help="the servers are ES modules")
    parser.add_argument("--idle", action="store_true", help="no traffic")
    options = parser.parse_args()
    for node in options.nodes:
        version = subprocess.run([str(node), "--version"], capture_output=True, text=True).stdout
        kind = "ES module" if options.esm else "CommonJS"
        print(f"\nNode.js {version.strip()}, {kind}, {options.cycles} visits")
        with tempfile.TemporaryDirectory() as folder:
            show(
                *compare(
                    node,
                    Path(folder),
                    [with_nodemem, by_hand, None],
                    cycles=options.cycles,
                    esm=options.esm,
                    traffic=not options.idle,
                )
            )


def show(visited: Outcome, short: Outcome, alone: Outcome) -> None:
    print(f"{'':{_WIDTH}}   nodemem  by hand    alone    ratio")

    def line(label: str, figure: Figure, *, alone_too: bool = True, digits: int = 1) -> None:
        ours, theirs = figure(visited), figure(short)
        base = figure(alone) if alone_too else 0.0
        cells = [f"{one:9.{digits}f}" for one in (ours, theirs)]
        cells.append(f"{base:9.{digits}f}" if alone_too else f"{'':9}")
        cells.append(f"{ours / theirs:9.1f}" if theirs > 0 else f"{'-':>9}")
        print(f"{label:{_WIDTH}} {''.join(cells)}")

    for name in ("attach", "detach"):
        line(f"{name}, median ms", lambda one, n=name: median(getattr(one, n)), alone_too=False)
        line(f"{name}, longest ms", lambda one, n=name: longest(getattr(one, n)), alone_too=False)
    line("CPU of the target, ms a visit", lambda one: one.each("cpu"))
    line("its event-loop delay, p99 ms", lambda one: one.after["p99"])
    line("its event-loop delay, longest ms", lambda one: one.after["longest"])
    line("slowest request, ms", lambda one: one.slowest * 1e3)
    line("RSS, KiB a visit", lambda one: one.each("rss") / 1024)
    line("heapUsed, KiB a visit", lambda one: one.each("heapUsed") / 1024, digits=2)
    for key in ("files", "threads", "handles", "globals"):
        line(f"more {key}", lambda one, k=key: one.grown(k), digits=0)
    line("ports left open", lambda one: float(one.left_open), digits=0)
    line("requests answered", lambda one: float(one.answered), digits=0)
    line("requests lost", lambda one: float(len(one.lost)), digits=0)


def median(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1e3 if seconds else 0.0


def longest(seconds: list[float]) -> float:
    return max(seconds, default=0.0) * 1e3


if __name__ == "__main__":
    main()
