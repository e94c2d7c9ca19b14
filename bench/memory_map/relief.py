"""What lowers RSS: the figures that the findings of `nodemem map` tell.

    python bench/memory_map/relief.py NODE [--library NAME=PATH ...]

Two programs: one whose Buffers leave malloc's heap in pieces, run with glibc, its settings, and
other allocators; one with a burst of young objects, after which V8 keeps emptied pages.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nodemem

PIECES = """
let all = Array.from({ length: 24000 }, () => Buffer.alloc(20_000, 1));
globalThis.kept = all.filter((_, i) => i % 50 === 0);
all = null;
gc();
setTimeout(() => { gc(); console.log('ready'); }, 50);
setInterval(() => {}, 1e6);
"""
BURST = """
let kept = [];
for (let round = 0; round < 40; round++) {
  kept = [];
  for (let i = 0; i < 300000; i++) kept.push({ i, a: [i] });
}
kept = null;
for (let round = 0; round < 200; round++) Array.from({ length: 2000 }, (_, i) => ({ i }));
process.on('SIGUSR2', () => { gc(); console.log('gc'); });
console.log('ready');
setInterval(() => {}, 1e6);
"""
SETTINGS = {
    "glibc": {},
    "MALLOC_ARENA_MAX=2": {"MALLOC_ARENA_MAX": "2"},
    "MALLOC_TRIM_THRESHOLD_=128K": {
        "MALLOC_TRIM_THRESHOLD_": "131072",
        "MALLOC_MMAP_THRESHOLD_": "65536",
    },
}
BACKGROUND = "background_thread:true,dirty_decay_ms:1000"
WAIT = 6.0  # seconds that an allocator gets to give memory back


@contextmanager
def started(node: Path, text: str, more: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [str(node), "--expose-gc", "-e", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **more},
    )
    try:
        wait_for(process, "ready")
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    while process.stdout.readline().strip() != word:
        assert process.poll() is None


def tell(name: str, pid: int, *categories: str) -> None:
    found = nodemem.memory_map(pid)
    sums: dict[str, int] = defaultdict(int)
    for one in found.categories:
        sums[one.category] += one.rss
    parts = ", ".join(f"{key} {sums[key] / 2**20:.1f}" for key in categories if sums[key])
    print(f"{name:34} RSS {found.rss / 2**20:6.1f} MiB  {parts}", flush=True)


def pieces(node: Path, libraries: dict[str, str]) -> None:
    cases = dict(SETTINGS)
    for name, path in libraries.items():
        cases[name] = {"LD_PRELOAD": path}
        if name == "jemalloc":
            cases["jemalloc, background thread"] = cases[name] | {"MALLOC_CONF": BACKGROUND}
    own = [f"native_allocator_{name}" for name in libraries]
    for name, more in cases.items():
        with started(node, PIECES, more) as process:
            time.sleep(WAIT)
            tell(name, process.pid, "malloc_free", "malloc_in_use", "array_buffers", *own)


def burst(node: Path) -> None:
    parts = "v8_pooled", "v8_new_space", "v8_old_space"
    with started(node, BURST, {}) as process:
        tell("after a burst of young objects", process.pid, *parts)
        time.sleep(12)
        tell("12 s idle", process.pid, *parts)
        for _ in range(3):
            os.kill(process.pid, signal.SIGUSR2)
            wait_for(process, "gc")
        tell("gc() three times", process.pid, *parts)
        with nodemem.attach(process.pid) as visited:
            visited.collect_garbage()
        tell("collection by the inspector", process.pid, *parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("node", type=Path)
    parser.add_argument("--library", action="append", default=[], metavar="NAME=PATH")
    given = parser.parse_args()
    pieces(given.node, dict(one.split("=", 1) for one in given.library))
    burst(given.node)


if __name__ == "__main__":
    main()
