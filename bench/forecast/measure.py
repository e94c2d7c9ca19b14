"""What heap snapshots cost programs of known shape, and what was in them: one JSON line a snapshot.

    python bench/forecast/measure.py NODE... [--set judged|fitted] [--only SHAPE] >> measured.ndjson

One program at a time. `pause` is by the clock, `cpu` the processor time that the target's main
thread used meanwhile and `queued` how long it waited for a processor (the machine may be busy with
other work), `extra_rss` the peak of its
resident memory above what it had before. The counts are those of the file.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import shapes

import nodemem
from nodemem.capture.snapshot import SnapshotFile
from nodemem.memory import census, metadata
from nodemem.memory.census import HeapCensus
from nodemem.target import procfs
from nodemem.target.address_space import LiveAddressSpace, program_file
from nodemem.testing import NodeProgram

SCRIPT = Path(__file__).with_name("shapes.cjs")


def main_thread_seconds(pid: int) -> tuple[float, float]:
    """Processor time that the main thread has used, and how long it has waited for a processor."""
    used, queued, _ = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()
    return int(used) / 1e9, int(queued) / 1e9


def main_heap(pid: int) -> HeapCensus | None:
    """The objects in the heap of the main thread; of those with a page of their own the biggest."""
    with LiveAddressSpace(pid) as space:
        symbols = metadata.load(program_file(pid))
        found = census.take(
            space,
            symbols,
            census.Budget(seconds=1.5),
            mappings=space.mappings(),
            threads=procfs.threads(pid),
            main=pid,
        ).main
    return found and dataclasses.replace(found, large=found.large[:100])


def busy() -> float | None:
    """Share of the last ten seconds in which something waited for a processor."""
    try:
        found = re.search(r"some avg10=([0-9.]+)", Path("/proc/pressure/cpu").read_text())
    except OSError:
        return None
    return None if found is None else float(found[1]) / 100


def kilobytes(pid: int, field: str) -> int:
    """A line of /proc/PID/status, in bytes."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"{field}:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) * 1024


def take(node: str, shape: str, megabytes: float, folder: Path) -> dict[str, Any]:
    """One program, one snapshot, one line."""
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(dir=folder)  # nothing is learnt
    program = NodeProgram.start(
        Path(node),
        SCRIPT,
        flags=["--inspect-port=0", "--max-old-space-size=4000"],
        arguments=[shape, str(megabytes)],
        ready=None,
    )
    try:
        program.wait_for("ready", timeout=120)
        pid = program.pid
        with nodemem.attach(pid) as visited:
            before = visited.memory_usage()
            counted = main_heap(pid)
            forecast = visited.forecast_snapshot(folder)
            Path(f"/proc/{pid}/clear_refs").write_text("5")
            rss, begun = kilobytes(pid, "VmRSS"), main_thread_seconds(pid)
            load = {"load": os.getloadavg()[0], "busy": busy()}
            taken = visited.take_heap_snapshot(folder / "one.heapsnapshot", force=True)
            ended = main_thread_seconds(pid)
            extra = max(0, kilobytes(pid, "VmHWM") - rss)
            version = visited.version
    finally:
        program.stop()
    return {
        "version": version,
        "shape": shape,
        "megabytes": megabytes,
        "rss": rss,
        "heap_total": before.heap_total,
        "heap_used": before.heap_used,
        "spaces": {space.name: space.used for space in before.spaces},
        "census": None if counted is None else dataclasses.asdict(counted),
        "pause": round(taken.seconds, 3),
        "cpu": round(ended[0] - begun[0], 3),
        "queued": round(ended[1] - begun[1], 3),
        **load,
        "extra_rss": extra,
        "file_size": taken.size,
        **counts(taken),
        "forecast": {
            name: [getattr(forecast, name).low, getattr(forecast, name).high]
            for name in ("pause", "extra_rss", "file_size")
        }
        | {"basis": forecast.basis},
    }


def counts(taken: SnapshotFile) -> dict[str, Any]:
    """What is in the file: nodes and edges in all and by type, texts, and the indices that V8 made
    a text of (references of an array's store, which it calls internal)."""
    text = taken.path.read_bytes()
    head = header(text)
    meta = head["meta"]
    nodes = section(text, b'"nodes":[').reshape(-1, len(meta["node_fields"]))
    edges = section(text, b'"edges":[').reshape(-1, 3)
    begin = text.rindex(b'"strings":[') + 10
    strings = json.loads(text[begin:-1])
    texts = np.fromiter((s.isdecimal() for s in strings), bool, len(strings))
    kinds = meta["node_types"][0]
    edge_kinds = meta["edge_types"][0]
    types = np.bincount(nodes[:, 0], minlength=len(kinds))
    sizes = np.bincount(nodes[:, 0], nodes[:, 3], minlength=len(kinds))
    refs = np.bincount(edges[:, 0], minlength=len(edge_kinds))
    internal = np.unique(edges[edges[:, 0] == edge_kinds.index("internal"), 1])
    numbered = {"element": edge_kinds.index("element"), "hidden": edge_kinds.index("hidden")}
    return {
        "nodes": len(nodes),
        "edges": len(edges),
        "strings": len(strings),
        "strings_size": len(text) - begin,
        "decimal_strings": int(texts.sum()),
        "index_names": int(texts[internal].sum()),
        "node_types": {
            k: [int(n), int(s)] for k, n, s in zip(kinds, types, sizes, strict=False) if n
        },
        "edge_types": {k: int(n) for k, n in zip(edge_kinds, refs, strict=False) if n},
        "max_index": {
            name: int(edges[edges[:, 0] == kind, 1].max(initial=0))
            for name, kind in numbered.items()
        },
    }


def header(text: bytes) -> dict[str, Any]:
    """The `snapshot` object at the file's head."""
    found, _ = json.JSONDecoder().raw_decode(text[: 1 << 14].decode(errors="replace"), 12)
    return dict(found)


def section(text: bytes, opening: bytes) -> np.ndarray[Any, np.dtype[np.int64]]:
    begin = text.index(opening) + len(opening)
    return np.fromstring(text[begin : text.index(b"]", begin)].decode(), np.int64, sep=",")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nodes", nargs="+", help="Node.js binaries")
    parser.add_argument("--set", choices=["judged", "fitted"], default="judged")
    parser.add_argument("--only", action="append", help="these shapes")
    parser.add_argument("--sizes", type=float, nargs="+", help="megabytes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for node in options.nodes:
            for shape, sizes in shapes.OF[options.set].items():
                if options.only and shape not in options.only:
                    continue
                for size in options.sizes or sizes:
                    print(node, shape, size, file=sys.stderr, flush=True)
                    line = take(node, shape, size, Path(folder))
                    print(json.dumps({"set": options.set, **line}), flush=True)
                    (Path(folder) / "one.heapsnapshot").unlink()


if __name__ == "__main__":
    main()
