"""The compiled kernels and the same files run as Python give the same columns, byte for byte."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from nodemem.testing import SnapshotBuilder

PROGRAM = """
import hashlib, sys
import nodemem
from nodemem import NodememError, kernels
from nodemem.heap.engine import window
from nodemem.heap.reachability import Reachability
compiled = kernels.load("scan").COMPILED
for path in sys.argv[2:]:
    try:
        snapshot = nodemem.open_snapshot(path)
        graph, columns = snapshot.graph, snapshot.columns
        parts = [
            columns.types, columns.names, columns.ids, columns.sizes, columns.first_edge,
            columns.detachedness, columns.edges, columns.edge_names, columns.locations,
            graph.shallow_sizes, *graph.tree, graph.retained_sizes, graph.distances,
            *graph.retainers, graph.id_order, snapshot.strings.offsets,
        ]
        digest = hashlib.sha256()
        for part in parts:
            digest.update(bytes(part))
        search, last = Reachability(snapshot), snapshot.node_count - 1
        for page_rule in (True, False):
            digest.update(bytes(search.lost([last], [0, 1], page_rule=page_rule)))
        digest.update(bytes(search.distances_without([last])))
        for compat in (None, "devtools"):
            digest.update(repr(snapshot.classes(compat).records).encode())
            digest.update(repr(snapshot.statistics(compat)).encode())
            digest.update(repr(nodemem.compare(snapshot, snapshot, compat).records).encode())
        print(digest.hexdigest())
    except NodememError as error:
        print(type(error).__name__, error.what, error.why)
print("compiled" if compiled else "interpreted")
"""


def random_heap(seed: int) -> SnapshotBuilder:
    r = random.Random(seed)
    heap = SnapshotBuilder()
    n = r.randint(2, 60)
    types = ["hidden", "array", "string", "object", "object", "code", "closure", "native"]
    types += ["synthetic"]
    names = ["Object", "Object", "Array", "Function", "Foo", "<div id>", "system / NativeContext"]
    names += ["(map descriptors)", "system / ExternalStringData", "system / JSArrayBufferData"]
    heap.node("synthetic", "")
    for _ in range(1, n):
        heap.node(
            r.choice(types),
            r.choice(names),
            size=r.choice([0, 16, 24, r.randrange(5000), 2**32 - 1, 2**33 + 8]),
            detachedness=r.choice([0, 0, 0, 1, 2]),
            location=(r.randrange(2), 3, 4) if r.random() < 0.3 else None,
        )
    heap.edge(0, "shortcut", "global", r.randrange(1, n))
    for source in range(n):
        for _ in range(r.randrange(5)):
            target, table = r.randrange(n), 2 * r.randrange(n) + 1
            kind = r.choice(
                ["context", "element", "property", "property", "internal", "hidden", "weak"]
            )
            pair = f"{r.randrange(9)} / part of key (K @{table}) -> value (V @{target}) pair in "
            pair += f"WeakMap (table @{r.choice((table, 2 * source + 1))})"
            name = r.choice(["a", "b", "c,d", "elements", "4", "x" * 200, pair, pair])
            heap.edge(
                source, kind, r.randrange(9) if kind in ("element", "hidden") else name, target
            )
    return heap


def spoil(data: bytes, seed: int) -> bytes:
    r = random.Random(seed)
    broken = bytearray(data)
    at = r.randrange(len(broken) // 2, len(broken))
    broken[at : at + r.randrange(3)] = r.choice([b"", b"7", b"-", b"]", b"99999999999"])
    return bytes(broken)


def outcomes(paths: list[Path], mode: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode, *map(str, paths)],
        env={**os.environ, "NODEMEM_INTERPRETED": mode},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("broken", [False, True], ids=["sound", "broken"])
def test_compiled_equals_interpreted(tmp_path: Path, broken: bool) -> None:
    paths = []
    for seed in range(40):
        data = random_heap(seed).to_bytes(style="node22" if seed % 2 else "node24")
        path = tmp_path / f"{seed}.heapsnapshot"
        path.write_bytes(spoil(data, seed) if broken else data)
        paths.append(path)
    compiled, interpreted = outcomes(paths, "0"), outcomes(paths, "1")
    assert compiled.pop() == "compiled"
    assert interpreted.pop() == "interpreted"
    assert compiled == interpreted
    assert any("InputError" in line for line in compiled) == broken
    assert len(set(compiled)) > 20
