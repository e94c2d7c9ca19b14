"""What is found in programs whose sickness is known, and in healthy ones, from each source.

    python bench/gc/findings.py run FOLDER NODE... [--seeds 2] [--programs REGEX] [--at-once 3]
    python bench/gc/findings.py judge FOLDER [--by-release] [--programs REGEX]

`run` starts each program of tests/gc/programs three times on each Node.js and keeps what was seen
in FOLDER; `judge` reads it, as often as rules change. A program counts as found if one of the
findings is given that name what is wrong with it. False alarms are findings that name what is not:
all of a healthy program.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nodemem.api.gc import summarize_gc_logs, watch_gc
from nodemem.api.node import attach
from nodemem.errors import NodememError
from nodemem.records import RecordingWriter

RUN = Path(__file__).parents[2] / "tests/gc/programs/run.cjs"
SOURCES = {
    "trace-gc": "plain.log",
    "verbose": "verbose.log",
    "nvp": "nvp.log",
    "events": "events.json",
    "live": "live.ndjson",
}
EXTRA = {
    "plain": ["--trace-gc", "--trace-event-categories=v8,disabled-by-default-v8.gc"],
    "nvp": ["--trace-gc-nvp"],
    "verbose": ["--trace-gc", "--trace-gc-verbose"],
}


def said(node: str, *arguments: str) -> str:
    return subprocess.run(
        [node, str(RUN), *arguments], capture_output=True, text=True, check=True
    ).stdout


def observe(node: str, name: str, seed: int, how: str, folder: Path) -> None:
    """One run; of one of them besides its log what a visitor sees of it."""
    about = json.loads((folder / "about.json").read_text())
    flags = about["flags"]
    extra = [*EXTRA[how], "--inspect-port=0"]
    if how == "plain":
        extra.append(f"--trace-event-file-pattern={folder / 'events.json'}")
    with (folder / f"{how}.log").open("wb") as log:
        program = subprocess.Popen(
            [node, *flags, *extra, str(RUN), name, str(seed)], stdout=log, stderr=log, cwd=folder
        )
        try:
            if how == "nvp":
                time.sleep(0.3)
                watch(program.pid, folder / "live.ndjson", about["seconds"] - 1.5)
        except NodememError as error:
            print(f"{folder.name} {how}: {error}", file=sys.stderr)
        finally:
            program.wait()


def watch(pid: int, path: Path, seconds: float) -> None:
    with attach(pid) as one, RecordingWriter(path, started=time.time(), force=True) as writer:
        writer.write(one.facts())
        watch_gc(one, seconds, keep=writer.write)


def run(options: argparse.Namespace) -> None:
    jobs = []
    for node in options.nodes:
        release = subprocess.check_output([node, "--version"], text=True).strip()
        for name in said(node).split():
            if not re.search(options.programs, name):
                continue
            for seed in range(1, 1 + options.seeds):
                folder = options.folder / f"{name}.{release}.{seed}"
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "about.json").write_text(said(node, name, str(seed), "--about"))
                jobs += [(node, name, seed, how, folder) for how in EXTRA]
    with ThreadPoolExecutor(options.at_once) as pool:
        for _ in pool.map(lambda job: observe(*job), jobs):
            pass


def judge(options: argparse.Namespace) -> None:
    cells: dict[str, dict[str, list[bool | None]]] = defaultdict(lambda: defaultdict(list))
    wrong: dict[str, Counter[str]] = defaultdict(Counter)
    seen = 0
    sick: dict[str, str] = {}
    for folder in sorted(options.folder.iterdir()):
        name, *version, _ = folder.name.split(".")
        if not re.search(options.programs, name):
            continue
        about = json.loads((folder / "about.json").read_text())
        sick[name] = ", ".join(one.removeprefix("gc.") for one in about["sick"]) or "healthy"
        row = f"{name} {version[0]}" if options.by_release else name
        for source, file in SOURCES.items():
            found = conclusions(folder / file, ".".join(version))
            if found is None:
                cells[row][source].append(None)
                continue
            seen += 1
            cells[row][source].append(bool(found & set(about["sick"])) if about["sick"] else None)
            true = {*about["sick"], *about["also"], "gc.reducing", "gc.waiting"}
            if {"gc.external", "gc.near_limit", "gc.forced"} & true:  # one of these, it says
                true.add("gc.unexplained")
            for alarm in found - true:
                wrong[row][f"{alarm.removeprefix('gc.')} ({source})"] += 1
    print_table(cells, wrong, sick, seen)


def conclusions(path: Path, version: str) -> set[str] | None:
    """The ids that are given; None where nothing was observed."""
    if not path.exists() or not path.stat().st_size:
        return None
    report = summarize_gc_logs([path])
    if not report.figures.count:
        return None
    if path.suffix == ".ndjson":
        report.conclude(version=version)
    return {finding.id for finding in report.findings}


def print_table(cells: Any, wrong: Any, sick: dict[str, str], seen: int) -> None:
    print("| program | is | " + " | ".join(SOURCES) + " | false alarms |")
    print("|---" * (len(SOURCES) + 3) + "|")
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for row in sorted(cells):
        texts = []
        for source in SOURCES:
            told = [one for one in cells[row][source] if one is not None]
            sums[source]["hits"] += sum(told)
            sums[source]["runs"] += len(told)
            texts.append(f"{sum(told)}/{len(told)}" if told else "")
        alarms = ", ".join(f"{what} {n}" for what, n in sorted(wrong[row].items()))
        print(f"| {row} | {sick[row.split()[0]]} | " + " | ".join(texts) + f" | {alarms} |")
    print("| all | | " + " | ".join(f"{c['hits']}/{c['runs']}" for c in sums.values()), end=" | ")
    print(f"{sum(sum(one.values()) for one in wrong.values())} in {seen} logs |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run")
    one.set_defaults(do=run)
    one.add_argument("folder", type=Path)
    one.add_argument("nodes", nargs="+")
    one.add_argument("--seeds", type=int, default=2)
    one.add_argument("--at-once", type=int, default=3)
    two = commands.add_parser("judge")
    two.set_defaults(do=judge)
    two.add_argument("folder", type=Path)
    two.add_argument("--by-release", action="store_true")
    for each in (one, two):
        each.add_argument("--programs", default="")
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    options.nodes = [str(Path(node).resolve()) for node in getattr(options, "nodes", [])]
    options.do(options)


if __name__ == "__main__":
    main()
