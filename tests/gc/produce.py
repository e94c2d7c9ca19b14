"""Make the logs of one release: python tests/gc/produce.py NODE tests/gc/logs/node16

Each is what the program printed, byte for byte, but for where the binary lies.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAMS = Path(__file__).with_name("programs")
LOGS = {
    "lru.trace-gc.log": ("--trace-gc", "lru.js"),
    "lru.trace-gc-nvp.log": ("--trace-gc-nvp", "lru.js"),
    "lru.trace-gc-verbose.log": ("--trace-gc", "--trace-gc-verbose", "lru.js"),
    "lru.trace-incremental-marking.log": ("--trace-gc", "--trace-incremental-marking", "lru.js"),
    "lru.gcprofiler.json": ("profiler.js",),
    "jsonhttp.trace-gc.log": ("--trace-gc", "json.js"),
    "jsonhttp.trace-gc-nvp.log": ("--trace-gc-nvp", "json.js"),
}
CATEGORIES = "v8,disabled-by-default-v8.gc"


def printed(node: Path, *arguments: str, folder: Path) -> tuple[str, str]:
    command = [str(node), *arguments[:-1], str(folder / arguments[-1])]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


def without(text: str, *paths: Path) -> str:
    for path in paths:
        text = text.replace(str(path), path.name)
    return text


def produce(node: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for program in PROGRAMS.iterdir():
            shutil.copy(program, folder)
        for log, arguments in LOGS.items():
            text, _ = printed(node, *arguments, folder=folder)
            if text:
                (out / log).write_text(text)
        text, _ = printed(node, "--trace-gc", "entries.js", folder=folder)
        lines = text.splitlines(keepends=True)
        entries = [line for line in lines if line.startswith("{")]
        (out / "lru.perf_hooks.log").write_text("".join(entries))
        told = [line for line in lines if not line.startswith("{")]
        (out / "lru.perf_hooks.trace-gc.log").write_text("".join(told))
        traced = ("--trace-event-categories", CATEGORIES, "lru.js")
        printed(node, *traced, folder=folder)
        shutil.copy(folder / "node_trace.1.log", out / "lru.trace-events.json")
        told, errors = printed(
            node, "--trace-gc", "--max-old-space-size=64", "oom.js", folder=folder
        )
        (out / "oom.trace-gc.log").write_text(told)
        (out / "oom.stderr.log").write_text(without(errors, node, node.resolve(), folder))
    version = "process.version + ' v8 ' + process.versions.v8"
    done = subprocess.run([str(node), "-p", version], capture_output=True, text=True, check=True)
    (out / "VERSION").write_text(done.stdout)


if __name__ == "__main__":
    produce(Path(sys.argv[1]), Path(sys.argv[2]))
