"""What a start costs: CPU time of the shortest commands against an empty interpreter.

    python bench/start/run.py [--runs 15]

Prints the median user + system time of each command and its ratio to `python -c pass`, all
interleaved in one run.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import nodemem": ["-c", "import nodemem"],
    "nodemem --help": ["-m", "nodemem", "--help"],
    "nodemem heap --help": ["-m", "nodemem", "heap", "--help"],
    "nodemem ps --json": ["-m", "nodemem", "ps", "--json"],
}


def cpu_seconds(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    seen: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, arguments in COMMANDS.items():
            seen[name].append(cpu_seconds(arguments))
    baseline = statistics.median(seen["python -c pass"])
    for name, values in seen.items():
        median = statistics.median(values)
        print(f"{name:22} {median * 1e3:7.1f} ms CPU   {median / baseline:5.1f}x an empty start")


if __name__ == "__main__":
    main()
