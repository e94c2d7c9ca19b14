"""How well gc/policy says what V8 will do: its rules against what real programs print.

    python bench/gc/policy.py run FOLDER NODE... [--seconds 6]
    python bench/gc/policy.py judge FOLDER

`run` starts programs of tests/gc/programs with several limits, with --trace-gc-nvp and
--trace-gc-verbose; `judge` goes through what they printed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nodemem.gc.log import GcLog
from nodemem.gc.policy import old
from nodemem.gc.policy.young import grown
from nodemem.records import GcEvent

MIB = 1 << 20
PROGRAMS = Path(__file__).parents[2] / "tests/gc/programs/run.cjs"
RUNS = (  # program, old generation, largest semi-space (MiB)
    ("leak_map", 300, 4),
    ("leak_array_fast", 1200, 16),
    ("leak_array_fast", 4096, 32),
    ("premature", 2048, 2),
    ("premature", 300, 1),
    ("batch", 2048, 16),
    ("cache", 1024, 8),
    ("near_limit", 90, 4),
    ("cache", 2048, 1),
    ("cache", 2048, 1),
    ("cache", 2048, 1),
)
FACTOR = re.compile(
    rb"ms: \[HeapController\] factor ([\d.]+) based on mu=\S+ speed_ratio=\S+ "
    rb"\(gc=(\d+), mutator=(\d+)\)"
)
LIMIT = re.compile(rb"ms: \[HeapController\] Limit: old size: (\d+) KB, new limit: (\d+) KB")
REDUCES = re.compile(rb"reduce_memory(?:=1|\":true)")
YOUNG = re.compile(rb"New space, +used: +(\d+) KB, available: +(\d+) KB")


@dataclass
class Controlled:
    """What V8's controller printed in a major collection: bytes, and bytes a millisecond."""

    factor: float | None
    gc_speed: int
    mutator_speed: int
    live: int
    limit: int
    capacity: int
    reduce: bool


def controlled(text: bytes) -> Iterator[Controlled]:
    """The major collections of a log with --trace-gc-verbose. The capacity is what new space says
    after the collection, in which nothing young is left."""
    factor: re.Match[bytes] | None = None
    waiting: tuple[re.Match[bytes] | None, re.Match[bytes]] | None = None
    reduce = False
    for line in text.splitlines():
        if found := FACTOR.search(line):
            factor = found
        elif found := LIMIT.search(line):
            waiting, factor, reduce = (factor, found), None, False
        elif REDUCES.search(line):
            reduce = True
        elif waiting and (found := YOUNG.search(line)):
            said, limit = waiting
            yield Controlled(
                None if said is None else float(said[1]),
                0 if said is None else int(said[2]),
                0 if said is None else int(said[3]),
                int(limit[1]) * 1024,
                int(limit[2]) * 1024,
                (int(found[1]) + int(found[2])) * 1024,
                reduce,
            )
            waiting = None


def run(options: argparse.Namespace) -> None:
    options.folder.mkdir(parents=True, exist_ok=True)
    for node in options.nodes:
        release = subprocess.check_output([node, "--version"], text=True).strip()
        for number, (program, most, semi) in enumerate(RUNS):
            with (options.folder / f"{release}.{number}.log").open("wb") as log:
                flags = [f"--max-old-space-size={most}", f"--max-semi-space-size={semi}"]
                traces = ["--trace-gc-nvp", "--trace-gc-verbose"]
                arguments = [PROGRAMS, program, str(number), str(options.seconds)]
                subprocess.run([node, *flags, *traces, *arguments], stdout=log, stderr=log)


def judge(options: argparse.Namespace) -> None:
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(options.folder.glob("*.log")):
        release, number = path.name[1:].split(".")[0], int(path.name.split(".")[-2])
        _, most, semi = RUNS[number]
        text = path.read_bytes()
        for one in controlled(text):
            limits(one, most * MIB, release, found[release])
        with GcLog(path) as log:
            events = [one for one in log if isinstance(one, GcEvent)]
        promotion(events, semi * MIB, found[release])
    for release, figures in found.items():
        print(f"Node.js {release}")
        for name, errors in figures.items():
            ordered = sorted(abs(error) for error in errors)
            exact = sum(error <= 0.001 for error in ordered) / len(ordered)
            near = sum(error <= 0.03 for error in ordered) / len(ordered)
            p95 = ordered[int(0.95 * (len(ordered) - 1))]
            print(
                f"  {name:50} n {len(errors):5}  exact {exact:.3f}  within 3 % {near:.3f}"
                f"  p95 {p95:.4f}  greatest {ordered[-1]:.4f}"
                f"  bias {sum(errors) / len(errors):+.4f}"
            )


def limits(one: Controlled, most: int, release: str, found: dict[str, list[float]]) -> None:
    factor = old.growing_factor(most, one.gc_speed or None, one.mutator_speed)
    mode = "minimal" if one.reduce else old.mode(one.live, most)
    chosen = old.growing_factor(most, one.gc_speed or None, one.mutator_speed, mode)
    if one.factor is not None:  # with one decimal; until 22 before the mode bounds it
        said = factor if int(release) <= 22 else chosen
        found["factor, by printed speeds"].append(max(0.0, abs(said - one.factor) - 0.05))
        if old.FACTOR_MIN < factor < old.max_factor(most):
            found["the same, between the least and the largest"].append(
                max(0.0, abs(said - one.factor) - 0.05)
            )
    capacity = old.counted_capacity(1 << (one.capacity - 1).bit_length(), release)
    limit = old.allocation_limit(one.live, chosen, capacity, most, mode)
    found["limit, by printed speeds"].append(limit / one.limit - 1)
    largest = old.allocation_limit(one.live, old.max_factor(most), capacity, most, mode)
    found["limit, above that of the largest factor"].append(max(0.0, one.limit / largest - 1))


def promotion(events: list[GcEvent], most: int, found: dict[str, list[float]]) -> None:
    """Promotion at the second survival, and the growth of new space (`most` at most)."""
    last: GcEvent | None = None
    since = 0
    for event in events:
        after, survived = (None, 0) if last is None else (last.kind, last.survived or 0)
        since += (event.survived or 0) + (event.promoted or 0)
        if event.kind == "minor" and after == "minor" and survived > 100_000:
            beyond = max(0.0, (event.promoted or 0) / survived - 1)
            found["promoted beyond what was copied before"].append(beyond)
        if event.kind == "minor" and after == "major" and event.survived:
            both = (event.promoted or 0) + event.survived
            found["promoted right after a major one"].append((event.promoted or 0) / both)
        capacity = None if last is None else last.new_capacity
        if event.kind == "minor" and event.new_capacity and capacity:
            said = grown(capacity, since, most)
            found["capacity of new space"].append(said / event.new_capacity - 1)
        if capacity is not None and capacity != event.new_capacity:
            since = 0
        last = event


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run")
    one.set_defaults(do=run)
    one.add_argument("folder", type=Path)
    one.add_argument("nodes", nargs="+")
    one.add_argument("--seconds", type=float, default=6)
    two = commands.add_parser("judge")
    two.set_defaults(do=judge)
    two.add_argument("folder", type=Path)
    options = parser.parse_args()
    options.do(options)


if __name__ == "__main__":
    main()
