"""How fast logs are read, in MB of log a second of processor time.

    python bench/gc/reading.py [--megabytes 64]

Against a plain reader that goes line by line with one regular expression: no checks, no repair,
no statistics. The logs are made of the real ones in tests/gc/logs, between what a server logs.
"""

from __future__ import annotations

import argparse
import itertools
import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from nodemem.gc.collected import collect
from nodemem.gc.log import GcLog

LOGS = Path(__file__).parents[2] / "tests" / "gc" / "logs" / "node22"
PLAIN = re.compile(
    r"\[(\d+):0x(\w+)\]\s+(\d+) ms: ([\w-]+(?: Mark-Compact)?)(?: \(reduce\))? "
    r"([\d.]+) \(([\d.]+)\) -> ([\d.]+) \(([\d.]+)\) MB.*?([\d.]+) / ([\d.]+) ms .*\) (.*)$"
)
STAMP = re.compile(r"(?<=\] )\s*(\d+)(?= ms: )")
NVP = re.compile(r"(\w+)=([\d.]+)")
REQUEST = (
    '{"level":30,"time":%d,"pid":4242,"hostname":"web-%d","req":{"id":%d,"method":"GET",'
    '"url":"/users/%d"},"res":{"statusCode":200},"responseTime":%d,"msg":"request completed"}\n'
)


def records(name: str) -> Iterator[str]:
    """Those of a real log again and again, their times going on."""
    lines = [STAMP.split(line) for line in (LOGS / name).read_text().splitlines(keepends=True)]
    last = max(int(parts[1]) for parts in lines if len(parts) == 3)
    for earlier in itertools.count(0, last):
        for parts in lines:
            if len(parts) == 3:
                yield f"{parts[0]}{int(parts[1]) + earlier:8}{parts[2]}"


def write(path: Path, source: str, *, requests: int, size: int) -> None:
    """A log of `size` bytes with so many lines of a server before each record."""
    written, number = 0, 0
    with path.open("w") as file:
        for record in records(source):
            lines = [
                REQUEST % (1_700_000_000_000 + i, i % 7, i, i * 7 % 1000, i % 97)
                for i in range(number, number + requests)
            ]
            number += requests
            written += file.write("".join([*lines, record]))
            if written > size:
                return


def line_by_line(path: Path) -> int:
    count = 0
    with path.open() as file:
        for line in file:
            if "pause=" in line:
                count += bool(dict(NVP.findall(line)))
            elif match := PLAIN.match(line):
                count += bool([float(match[i]) for i in (3, 5, 6, 7, 8, 9, 10)])
    return count


def events(path: Path) -> int:
    with GcLog(path) as log:
        return sum(1 for _ in log)


def figures(path: Path) -> int:
    with GcLog(path) as log:
        return collect(log).all().count


def rate(read: Callable[[Path], int], path: Path) -> tuple[float, int]:
    begun = time.process_time()
    count = read(path)
    return path.stat().st_size / 1e6 / (time.process_time() - begun), count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=64)
    size = parser.parse_args().megabytes * 1_000_000
    kinds = (
        ("server log, 1 record in 200 lines", "jsonhttp.trace-gc.log", 200),
        ("server log, 1 record in 10 lines", "jsonhttp.trace-gc.log", 10),
        ("--trace-gc alone", "jsonhttp.trace-gc.log", 0),
        ("--trace-gc-nvp alone", "jsonhttp.trace-gc-nvp.log", 0),
    )
    print(f"{'MB a second':36}{'events':>9}{'figures':>9}{'line by line':>14}")
    with tempfile.TemporaryDirectory() as folder:
        for title, source, requests in kinds:
            path = Path(folder) / "gc.log"
            write(path, source, requests=requests, size=size)
            (ours, seen), (all_, _), (plain, same) = (
                rate(read, path) for read in (events, figures, line_by_line)
            )
            assert seen == same, (seen, same)
            print(f"{title:36}{ours:9.0f}{all_:9.0f}{plain:14.0f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"greatest RSS of this process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
