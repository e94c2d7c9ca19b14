"""How good the forecasts were: ranges beside what happened, hits, widths.

    python bench/forecast/evaluate.py measured.ndjson [--again] [--set judged]

Reads what measure.py printed. `--again` forecasts anew with the present code, from the counts that
were taken then, instead of showing the forecasts of that time. `--free` takes the time that the
target waited for a processor off its pause, and the other work on the machine out of the forecast.

What is next to nothing has no ratio: a range that begins below 0.25 s, 25 MB of memory or 6 MB of
file is taken to be as wide as from there.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from nodemem.capture.contents import from_census, is_sound
from nodemem.capture.forecast import forecast_snapshot
from nodemem.memory.census import Count, Estimate, HeapCensus, Large
from nodemem.records import HeapSpace, MemorySample
from nodemem.records.compression import is_compressed, zstd
from nodemem.target import procfs

NAMES = ("pause", "extra_rss", "file_size")
NOTHING = {"pause": 0.25, "extra_rss": 25e6, "file_size": 6e6}
UNIT = {"pause": 1.0, "extra_rss": 1e6, "file_size": 1e6}


def read(path: Path) -> list[bytes]:
    """The lines of a file, which may be compressed."""
    data = path.read_bytes()
    return (zstd().decompress(data) if is_compressed(path) else data).splitlines()


def read_census(data: dict[str, Any]) -> HeapCensus:
    def count(one: dict[str, Any]) -> Count:
        return Count(**{k: Estimate(**v) if isinstance(v, dict) else v for k, v in one.items()})

    parts = {
        "kinds": {kind: count(one) for kind, one in data["kinds"].items()},
        "total": count(data["total"]),
        "young": count(data["young"]),
        "large": [
            Large(**(one | {"references": Estimate(**one["references"])})) for one in data["large"]
        ],
    }
    return HeapCensus(**(data | parts))


def again(line: dict[str, Any], *, free: bool) -> dict[str, Any]:
    """The forecast of the present code."""
    sample = MemorySample(
        time=0.0,
        rss=line["rss"],
        heap_total=line["heap_total"],
        heap_used=line["heap_used"],
        external=0,
        spaces=[HeapSpace(name, used, used, 0, used) for name, used in line["spaces"].items()],
    )
    procfs.cpu_pressure = lambda: 0.0 if free else line["busy"]
    os.getloadavg = lambda: (line["load"], 0.0, 0.0)
    heap = read_census(line["census"])
    counted = from_census(heap) if is_sound(heap, line["heap_used"]) else None
    found = forecast_snapshot(
        sample, version=line["version"], pid=os.getpid(), folder=Path(), counted=counted
    )
    ranges = {name: [getattr(found, name).low, getattr(found, name).high] for name in NAMES}
    return {**ranges, "basis": found.basis}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--free", action="store_true")
    parser.add_argument("--set", choices=["judged", "fitted"])
    options = parser.parse_args()
    lines = [json.loads(line) for file in options.files for line in read(file)]
    hits: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    widths: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    all_three: dict[tuple[str, str], list[bool]] = defaultdict(list)
    print("| shape | MB | Node.js | pause, s | extra RSS, MB | file, MB |")
    print("|---|---|---|---|---|---|")
    for line in lines:
        if options.set and line["set"] != options.set:
            continue
        if options.free:
            line["pause"] -= line["queued"]
        anew = options.again or options.free
        forecast = again(line, free=options.free) if anew else line["forecast"]
        cells, fine = [], []
        for name in NAMES:
            low, high = forecast[name]
            key = line["set"], line["version"], name
            fine.append(low <= line[name] <= high)
            hits[key].append(fine[-1])
            widths[key].append(high / max(low, NOTHING[name], 1e-9))
            mark = "" if fine[-1] else " **missed**"
            a, b, c = (f"{x / UNIT[name]:.3g}" for x in (low, high, line[name]))
            cells.append(f"{a} to {b}: {c}{mark}")
        all_three[key[:2]].append(all(fine))
        version = line["version"].removeprefix("v").partition(".")[0]
        print(f"| {line['shape']} | {line['heap_used'] / 1e6:.0f} | {version} | ", end="")
        print(" | ".join(cells), "|")
    print("\n| set | Node.js | | hits | median width | widest |\n|---|---|---|---|---|---|")
    for (kind, version, name), found in hits.items():
        own = widths[kind, version, name]
        print(f"| {kind} | {version} | {name} | {sum(found)} of {len(found)} |", end=" ")
        print(f"{statistics.median(own):.2f} | {max(own):.2f} |")
    for (kind, version), found in all_three.items():
        print(f"| {kind} | {version} | all three | {sum(found)} of {len(found)} | | |")


if __name__ == "__main__":
    main()
