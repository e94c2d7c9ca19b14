"""How fast objects are counted from outside: `nodemem map --classes` on heaps of known size.

    python bench/memory_map/classes.py NODE... [--objects 1000000 4000000] [--runs 5]

Each program holds so many records, plain objects with an array, and strings, and a few Maps and
closures. Prints, as medians, objects counted, how far the count of records is off, CPU and wall
time of the count, and objects a second of either.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import nodemem
from nodemem.results import Table
from nodemem.testing import NodeProgram

PROGRAM = """
const n = Number(process.argv[1]);
class Record { constructor(i) { this.id = i; this.name = 'n' + i % 1000; this.share = i + 0.5; } }
globalThis.kept = {
  records: Array.from({ length: n }, (_, i) => new Record(i)),
  plain: Array.from({ length: n }, (_, i) => ({ i, inner: [i, i + 1] })),
  texts: Array.from({ length: n }, (_, i) => 'text ' + i),
  maps: Array.from({ length: n / 20 }, (_, i) => new Map([[i, i]])),
  functions: Array.from({ length: n / 5 }, (_, i) => () => i),
};
gc(); gc();
setInterval(() => {}, 1e6);
setTimeout(() => console.log('ready'), 500);
"""


def count(pid: int) -> tuple[float, float, Table]:
    """CPU and wall seconds of one count."""
    cpu, wall = time.process_time(), time.perf_counter()
    table = nodemem.class_histogram(pid, seconds=60)
    return time.process_time() - cpu, time.perf_counter() - wall, table


def measure(node: Path, objects: int, runs: int) -> None:
    program = NodeProgram.start(
        node, PROGRAM, flags=["--expose-gc", "--max-old-space-size=8000"], arguments=[str(objects)]
    )
    try:
        results = [count(program.pid) for _ in range(runs)]
    finally:
        program.stop()
    table = results[0][2]
    counted, size = table.summary["counted_objects"], table.summary["counted_bytes"]
    records = next(row["count"] for row in table.rows() if row["class"] == "Record")
    cpu, wall = (statistics.median(one[i] for one in results) for i in (0, 1))
    print(
        f"{node.parent.parent.parent.name:>3} {counted:>12,} {size / 1e6:>7.0f} MB"
        f" {records - objects:>+6} {cpu:>6.2f} s {wall:>6.2f} s"
        f" {counted / cpu / 1e6:>6.1f} M/s {counted / wall / 1e6:>6.1f} M/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("nodes", nargs="+", type=Path)
    parser.add_argument("--objects", nargs="+", type=int, default=[1_000_000, 4_000_000])
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print("node     objects       heap    off    CPU   wall  per CPU s per wall s")
    for objects in options.objects:
        for node in options.nodes:
            measure(node, objects, options.runs)


if __name__ == "__main__":
    main()
