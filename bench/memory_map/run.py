"""What a memory map costs: us in time, the process that is read in waiting.

    python bench/memory_map/run.py NODE [--sizes 40,1024,4096] [--rounds 5]

For each size, of JavaScript objects and of Buffers: processor time and time by the clock of
`nodemem.memory_map` in a process that has made one before, and the longest call within the target
that changed its memory map meanwhile. Beside it the same while nothing is read, and while smaps is
read and thrown away, which is the least that any tool does. Each way is repeated for two seconds,
so that all meet as much of what else the machine does. The ways take turns; medians are told.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import nodemem
from nodemem.testing import NodeProgram

TARGET = Path(__file__).with_name("target.cjs")
SECONDS = 2.0


def plain(pid: int) -> None:
    with open(f"/proc/{pid}/smaps", "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


WAYS: dict[str, Callable[[int], object]] = {
    "nothing": lambda pid: time.sleep(0.5),
    "smaps": plain,
    "map": nodemem.memory_map,
    "map gentle": lambda pid: nodemem.memory_map(pid, gentle=True),
    "map freeze": lambda pid: nodemem.memory_map(pid, freeze=True),
}


def ask(program: NodeProgram) -> float:
    seen = len(program.stdout_lines)
    program.tell("longest")
    while len(program.stdout_lines) == seen:
        time.sleep(0.001)
    return float(program.stdout_lines[-1].split()[1])


def repeated(way: Callable[[int], object], pid: int) -> tuple[float, float, int]:
    """Processor time and time by the clock of as many readings as fit, and how many."""
    cpu, clock, times = time.process_time(), time.monotonic(), 0
    while not times or time.monotonic() - clock < SECONDS:
        way(pid)
        times += 1
    return time.process_time() - cpu, time.monotonic() - clock, times


def measure(node: Path, kind: str, megabytes: int, rounds: int) -> None:
    program = NodeProgram.start(
        node,
        TARGET,
        flags=["--max-old-space-size=16000"],
        arguments=[kind, str(megabytes)],
        ready=None,
    )
    try:
        program.wait_for("ready", timeout=300)
        time.sleep(2)
        found = nodemem.memory_map(program.pid)
        mappings = len(Path(f"/proc/{program.pid}/maps").read_text().splitlines())
        print(
            f"\n{kind}, {found.rss / 2**20:.0f} MiB, {mappings} mappings, "
            f"unattributed {found.unattributed} bytes"
        )
        print(f"{'':12}  {'cpu ms':>8}  {'clock ms':>8}  {'longest call ms (median, most)':>30}")
        figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in WAYS}
        for _ in range(rounds):
            for name, way in WAYS.items():
                time.sleep(0.2)
                ask(program)
                cpu, clock, times = repeated(way, program.pid)
                figures[name].append((1e3 * cpu / times, 1e3 * clock / times, ask(program)))
        for name, rows in figures.items():
            cpu, clock, longest = (statistics.median(column) for column in zip(*rows, strict=True))
            most = max(row[2] for row in rows)
            print(f"{name:12}  {cpu:8.0f}  {clock:8.0f}  {longest:20.1f} {most:9.1f}")
    finally:
        program.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("node", type=Path)
    parser.add_argument("--sizes", default="40,1024,4096")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    for megabytes in map(int, chosen.sizes.split(",")):
        for kind in ("js", "buffers"):
            measure(chosen.node, kind, 1 if megabytes <= 40 else megabytes, chosen.rounds)


main()
