"""Two memory maps beside each other: saved ones, of running processes, or from a recording."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from nodemem.api import memory_map
from nodemem.errors import InputError
from nodemem.memory.segments import growth, recorded, saved
from nodemem.memory.segments.growth import Growth
from nodemem.memory.segments.types import MemoryMap
from nodemem.memory.segments.who import Who
from nodemem.records import ProcessFacts, ProcessSample, RecordingReader
from nodemem.target import procfs
from nodemem.target.discover import NodeProcess

Moment = tuple[Who, MemoryMap]


def who(process: NodeProcess) -> Who:
    """What tells a process that runs from all others."""
    return Who(
        pid=process.pid,
        version=process.version,
        script=process.script,
        boot=procfs.boot_id(),
        started=procfs.start_ticks(process.pid),
        age=process.age,
    )


def moment(target: int | str | Path, *, freeze: bool = False, gentle: bool = False) -> Moment:
    """The map of a process by its id, as `memory_map` reads it, or a saved one by its path, and
    whose it is.

    Raises:
        TargetError: see `memory_map`.
        InputError: see `open_map`.
    """
    if isinstance(target, int):
        process, found = memory_map.read(target, freeze=freeze, gentle=gentle)
        return who(process), found
    return saved.read(Path(target))


def open_map(path: str | Path) -> MemoryMap:
    """A map that `nodemem map PID --json -o FILE` has saved.

    Raises:
        InputError: it cannot be read, is something else, is damaged, or needs a newer nodemem.
    """
    return saved.read(Path(path))[1]


def compare_maps(first: int | str | Path, second: int | str | Path) -> Growth:
    """What grew between two maps, each the id of a process or the path of a saved map. Of one
    process, from the earlier to the later.

    Raises:
        TargetError: see `memory_map`.
        InputError: see `open_map`.
    """
    return growth.compare(moment(first), moment(second))


def grown(
    pid: int,
    seconds: float,
    *,
    freeze: bool = False,
    gentle: bool = False,
    wait: Callable[[float], object] = time.sleep,
) -> Growth:
    """What grows in a process: its map now, and once more `seconds` later; the rest as for
    `memory_map`.

    Raises:
        TargetError: see `memory_map`.
    """
    before = moment(pid, freeze=freeze, gentle=gentle)
    wait(seconds)
    after = moment(pid, freeze=freeze, gentle=gentle)
    return growth.compare(before, after, same=before[0].started == after[0].started)


def recorded_growth(path: Path) -> Growth:
    """What grew in a recording between its first and its last reading of the kinds of mappings;
    where it has not two of these, between its first and last reading, of the totals.

    Raises:
        InputError: it is no recording, is damaged, or has not two readings.
    """
    facts = None
    readings: list[ProcessSample] = []
    closely: list[ProcessSample] = []
    with RecordingReader(path) as reader:
        for record in reader:
            if isinstance(record, ProcessFacts):
                facts = record
            elif isinstance(record, ProcessSample):
                readings = [*readings[:1], record]
                if recorded.detailed(record):
                    closely = [*closely[:1], record]
    detailed = len(closely) == 2
    chosen = closely if detailed else readings
    if len(chosen) < 2:
        raise InputError(
            f"{path} has nothing to compare",
            why="it holds fewer than two readings of a process's memory from outside",
            next="nodemem record PID -o FILE.ndjson takes one every second",
        )
    whose = [
        Who(
            pid=None if facts is None else facts.pid,
            version=None if facts is None else facts.version,
            script=None if facts is None else facts.script,
            age=sample.time,
        )
        for sample in chosen
    ]
    maps = [recorded.make(sample, closely=detailed) for sample in chosen]
    return growth.compare((whose[0], maps[0]), (whose[1], maps[1]), same=True)
