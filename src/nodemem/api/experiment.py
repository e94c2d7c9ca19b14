"""An experiment on a live server: warm it up, look, load it, look again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nodemem.api.load import HttpLoad
from nodemem.api.node import Node
from nodemem.capture.snapshot import SnapshotFile
from nodemem.records import (
    GcEvent,
    GcWatch,
    Marker,
    MemorySample,
    ProcessFacts,
    RecordingWriter,
)
from nodemem.results import SILENT, Progress

SETTLE = 0.3  # seconds for sockets to close before the heap is looked at


@dataclass(frozen=True)
class Experiment:
    """What was seen. Times are seconds since we attached.

    `samples` were taken while the load ran and once after each snapshot; `collections` are those of
    the main thread under load, the warm-up included; `before` and `after` are
    snapshots of the idle, collected heap; `requests` were answered in between, in `seconds`.
    """

    facts: ProcessFacts
    samples: Sequence[MemorySample]
    markers: Sequence[Marker]
    collections: Sequence[GcEvent]
    before: SnapshotFile
    after: SnapshotFile
    requests: int
    failures: int
    seconds: float
    recording: Path


def run_experiment(
    node: Node,
    port: int,
    path: str,
    folder: Path,
    *,
    warm_up: float,
    seconds: float,
    interval: float,
    rate: float = 1000.0,
    progress: Progress = SILENT,
    watch: Callable[[MemorySample], object] = lambda sample: None,
) -> Experiment:
    """Drive `GET path` on `port`, `rate` times a second, and observe the attached `node` meanwhile.

    The load runs `warm_up` seconds, then, between two snapshots, `seconds`; a sample is taken every
    `interval` seconds and given to `watch`. `folder` gets the recording and the two snapshots;
    files of an earlier experiment there are replaced.

    Raises:
        TargetError, UnsafeTarget, OutputError: see `Node.take_heap_snapshot`.
    """
    samples: list[MemorySample] = []
    markers: list[Marker] = []
    collected: list[GcEvent] = []
    recording = folder / "recording.ndjson"
    with RecordingWriter(recording, started=time.time(), force=True) as writer:
        facts = node.facts()
        writer.write(facts)

        def sample() -> None:
            taken = node.memory_usage()
            samples.append(taken)
            writer.write(taken)
            watch(taken)

        def mark(label: str, **details: object) -> None:
            markers.append(Marker(time=node.elapsed, label=label, details=details))
            writer.write(markers[-1])

        def load(duration: float, first: int = 0) -> HttpLoad:
            with HttpLoad(port, path, rate=rate, first=first) as driver:
                begun = node.elapsed
                sample()
                for some in node.watch_gc(duration, every=interval, workers=False):
                    for event in some:
                        if event.time is not None:
                            keep(event, begun + event.time)
                    if not any(isinstance(event, GcWatch) for event in some):
                        sample()
            return driver

        def keep(event: GcEvent | GcWatch, time: float) -> None:
            if isinstance(event, GcEvent):
                collected.append(event.replaced(time=time))
                writer.write(collected[-1])

        def snapshot(name: str) -> SnapshotFile:
            time.sleep(SETTLE)
            node.collect_garbage()
            sample()
            # Replacing the files of an earlier run is meant; going on against the forecast is not.
            (folder / name).unlink(missing_ok=True)
            taken = node.take_heap_snapshot(folder / name, progress=progress)
            mark("snapshot", file=name, seconds=taken.seconds)
            return taken

        mark("warm-up")
        warm = load(warm_up)
        before = snapshot("before.heapsnapshot")
        mark("load")
        # A request that repeats one of the warm-up would replace what that one left.
        driver = load(seconds, warm.unused)
        mark("idle", requests=driver.requests)
        after = snapshot("after.heapsnapshot")
    return Experiment(
        facts=facts,
        samples=samples,
        markers=markers,
        collections=collected,
        before=before,
        after=after,
        requests=driver.requests,
        failures=driver.failures,
        seconds=driver.seconds,
        recording=recording,
    )
