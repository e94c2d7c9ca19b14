"""Where the time and the memory of `heap summary` go, stage by stage.

    python bench/heap/stages.py FILE [--cache beside|folder|off]

Each loop in `nodemem.kernels` is timed by itself (processor seconds of its thread), as are reads
of the snapshot and writes of the index; `peak` is the highest resident size seen until a stage's
last end. An index that is there already is used: remove it to see it made.
"""

from __future__ import annotations

import argparse
import functools
import os
import resource
import time
from collections.abc import Callable
from typing import Any

import nodemem
from nodemem import kernels
from nodemem.heap import classes
from nodemem.heap.engine import dominance, graph, reading

_KERNELS = {
    "scan": ("numbers", "nodes", "edges", "locations", "sum_of", "duplicate_id"),
    "strings": ("index",),
    "weakmaps": ("mark",),
    "numbering": ("number_nodes",),
    "dominators": ("count_incoming", "add_up", "place_incoming", "semi_nca", "by_ordinal"),
    "tree": ("order", "retained"),
    "owners": ("candidates", "assign", "merge"),
    "distances": ("special_nodes", "search"),
    "reversal": ("count", "place"),
    "classes": (
        "by_name", "by_location", "tally", "nearest", "retained", "sizes_by_type",
        "backing_stores", "count_retainers",
    ),
    "interfaces": ("objects_named", "property_names", "shapes", "classify"),
}  # fmt: skip


class Stages:
    """Calls, processor seconds and peak memory by stage."""

    def __init__(self) -> None:
        self.found: dict[str, list[float]] = {}

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def call(*args: Any, **options: Any) -> Any:
            begin, wall = time.thread_time(), time.perf_counter()
            try:
                return work(*args, **options)
            finally:
                stage = self.found.setdefault(name, [0, 0.0, 0.0, 0.0])
                stage[0] += 1
                stage[1] += time.thread_time() - begin
                stage[2] += time.perf_counter() - wall
                stage[3] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

        return call

    def watch(self, owner: Any, name: str, label: str) -> None:
        setattr(owner, name, self.timed(label, getattr(owner, name)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--cache", choices=("beside", "folder", "off"))
    options = parser.parse_args()
    stages = Stages()
    for module, names in _KERNELS.items():
        for name in names:
            stages.watch(kernels.load(module), name, f"{module}.{name}")
    for name in ("pwrite", "preadv"):
        stages.watch(os, name, f"system {name}")
    for name in ("nodes", "edges", "locations", "finish"):
        stages.watch(reading._Reader, name, f"part: {name}")
    stages.watch(reading, "read_strings", "part: strings")
    for name in ("_shallow_sizes", "_distances", "_retained", "work_out"):
        stages.watch(graph.Graph, name, f"part: {name.strip('_')}")
    for name in ("number", "reverse", "solve"):
        stages.watch(dominance.Dominance, name, f"part: dominators, {name}")
    stages.watch(classes, "assign_groups", "part: assign_groups")
    begin, processor = time.perf_counter(), time.process_time()
    with nodemem.open_snapshot(options.file, cache=options.cache) as snapshot:
        stages.timed("part: class table", snapshot.classes)()
        stages.timed("part: statistics", snapshot.statistics)()
    print(f"wall {time.perf_counter() - begin:.3f} s, cpu {time.process_time() - processor:.3f} s")
    print(f"{'stage':34} {'calls':>7} {'cpu s':>8} {'wall s':>8} {'peak MiB':>9}")
    for name, (calls, cpu, wall, peak) in stages.found.items():
        print(f"{name:34} {calls:7.0f} {cpu:8.3f} {wall:8.3f} {peak:9.0f}")


if __name__ == "__main__":
    main()
