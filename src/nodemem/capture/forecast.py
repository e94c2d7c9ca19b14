"""What a heap snapshot will cost the target, as ranges, before it is taken.

V8 builds a second graph of all objects while the program stands still. Its cost follows the number
of objects and references, which V8 does not tell. They are counted from outside where the memory of
the process may be read; else they are taken to be as in an earlier snapshot of the same program;
else the bytes in use must do, which leaves the ranges wide. All results are estimates.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nodemem.capture import blind, history
from nodemem.capture.contents import Counted
from nodemem.capture.cost_model import Cost, cost
from nodemem.capture.history import Past
from nodemem.capture.ranges import Range, Ranges
from nodemem.records import MemorySample
from nodemem.target import cgroup, procfs

# How far the model is off, low and high, beyond what the counts leave open.
_PAUSE_OFF = (0.7, 1.7)
_RSS_OFF = (0.7, 1.5)
# Seconds and bytes that it may be less or more, whatever the heap.
_PAUSE_FIXED, _RSS_FIXED = 0.07, 20e6
# No range is wider: beyond, the lower end is raised, because the upper is the one that decides.
# What may be next to nothing has no ratio; these are lower ends that say so.
_WIDEST = 4.0
_NO_PAUSE, _NO_RSS, _NO_FILE = 0.25, 25e6, 6e6
_FILE_OFF = (0.85, 1.25)
# Others may want the processors too; without them, a pause is the processor time it takes. So much
# longer takes what is always kept waiting, as e's power; of how many share a processor, so many get
# in the way; and so uncertain is that, low and high. Seen at loads of 2 to 20 on two processors.
_KEPT_WAITING = 0.75
_SHARE_WAITING = 0.75
_WAITING_OFF = (0.5, 0.9)
# Where a program's earlier snapshot is all there is: its heap may hold other things by now.
_EARLIER_OFF = (0.6, 1.7)
_LATEST = 10  # snapshots of the past that are looked at
_LEARNT = 2.5  # times that the past may move a forecast at most
# With the values of numbers, each in a field is an object with a text of its own. Records of three
# numbers took 2.1 times the file and up to twice the memory; 1.8 times the time in 22.20 and, for
# all the texts, 5 times in 20.18.
_NUMERIC_RSS, _NUMERIC_FILE, _NUMERIC_PAUSE, _NUMERIC_PAUSE_20 = 2.2, 2.5, 2.0, 6.0
_PACKED = 20.0  # 4 to 6 times smaller with gzip, 5 to 15 with zstd; random texts stay what they are
_SURELY_REUSED = 0.5
_EMPTY_PROCESS = 40e6  # bytes of a process besides its heap: code and data of Node.js


@dataclass(frozen=True)
class Forecast:
    """Cost of one snapshot: `pause` in seconds, the others in bytes.

    `memory_room` is what the target's control groups still allow, `machine_room` what its machine
    still has, `disk_room` what is free where the file goes; None is "no limit" and "unknown".
    `basis` is what it rests on, one of `ranges.BASES`; `expected` is the bare model's figure, None
    without counts.
    """

    pause: Range
    extra_rss: Range
    file_size: Range
    memory_room: int | None
    memory_limit: int | None
    disk_room: int | None
    basis: str = "heap statistics"
    expected: Cost | None = None
    machine_room: int | None = None

    @property
    def fits_memory(self) -> bool:
        """Whether even the dearest case stays below the container's limit."""
        return self.memory_room is None or self.extra_rss.high <= self.memory_room

    @property
    def fits_machine(self) -> bool:
        """Whether the machine has memory even for the dearest case: else the kernel ends some
        process to get more, most likely the largest."""
        return self.machine_room is None or self.extra_rss.high <= self.machine_room

    @property
    def fits_disk(self) -> bool:
        """Whether even the largest file has room."""
        return self.disk_room is None or self.file_size.high <= self.disk_room


def forecast_snapshot(
    sample: MemorySample,
    *,
    version: str,
    pid: int | None,
    folder: Path,
    numeric: bool = False,
    compressed: bool = False,
    counted: Counted | None = None,
    program: str | None = None,
    past: Sequence[Past] = (),
) -> Forecast:
    """Forecast a snapshot of the heap in `sample` into `folder`, with the values of numbers in it
    (`numeric`) and compressed or not.

    `version` is Node.js' (`v22.20.0`); `pid` is the process on this host, None if it is elsewhere
    and its limits are out of sight. `counted` is what is in the heap, if that is known; `past` are
    earlier snapshots, and `program` says which of them were of the same program.
    """
    release = _release(version)
    own = [one for one in past if one.program == program and one.numeric == numeric]
    if counted is not None:
        ranges = _from_counts(counted, sample, version, 1.0 if pid is None else _waiting())
        ranges = _corrected(ranges, past, own)
    else:
        ranges = _blind(sample, release)
        own = [one for one in own if _release(one.version) == release]
        if own:
            ranges = _as_earlier(own[-_LATEST:], sample.heap_used, ranges)
    # What was taken with numbers before has them in already.
    if numeric and not (counted is None and own):
        ranges = _with_numbers(ranges, release)
    memory = cgroup.CgroupMemory() if pid is None else cgroup.memory(pid)
    try:
        disk: int | None = shutil.disk_usage(folder).free
    except (OSError, ValueError):
        disk = None
    return Forecast(
        pause=ranges.pause,
        extra_rss=ranges.extra_rss,
        file_size=ranges.file_size.times(1 / _PACKED, 1.0) if compressed else ranges.file_size,
        memory_room=memory.headroom,
        memory_limit=memory.limit,
        disk_room=disk,
        basis=ranges.basis,
        expected=ranges.expected,
        machine_room=None if pid is None else procfs.machine_memory()[1],
    )


def _from_counts(counted: Counted, sample: MemorySample, version: str, waiting: float) -> Ranges:
    reusable = max(0.0, sample.rss - sample.heap_used - _EMPTY_PROCESS)
    low = cost(counted.low, version, reusable=reusable)
    middle = cost(counted.middle, version, reusable=reusable)
    # V8 may give garbage back too late for the new graph, or not at all.
    high = cost(counted.high, version, reusable=_SURELY_REUSED * reusable)
    off = waiting ** -_WAITING_OFF[0], waiting ** _WAITING_OFF[1]
    pause = _around(Range(low.cpu, high.cpu), middle.cpu, _PAUSE_OFF, off).times(waiting)
    memory = _around(Range(low.extra_rss, high.extra_rss), middle.extra_rss, _RSS_OFF)
    file = _around(Range(low.file_size, high.file_size), middle.file_size, _FILE_OFF)
    return Ranges(
        pause=_narrowed(Range(pause.low - _PAUSE_FIXED, pause.high), _NO_PAUSE),
        extra_rss=_narrowed(Range(memory.low - _RSS_FIXED, memory.high + _RSS_FIXED), _NO_RSS),
        file_size=_narrowed(file, _NO_FILE),
        basis="census",
        expected=middle,
    )


def _narrowed(range_: Range, nothing: float) -> Range:
    least = range_.high / _WIDEST
    return Range(max(0.0, range_.low, least if least > nothing else 0.0), range_.high)


def _around(range_: Range, middle: float, *more: tuple[float, float]) -> Range:
    """A range about `middle` as wide as the independent factors together make it, of which one is
    `range_` against the middle: their logarithms add up as errors do, by their squares."""
    if middle <= 0:
        return range_
    least = [one[0] for one in more] + [max(range_.low, 1e-9 * middle) / middle]
    most = [one[1] for one in more] + [max(range_.high, middle) / middle]
    return Range(middle * math.exp(-_length(least)), middle * math.exp(_length(most)))


def _length(factors: Sequence[float]) -> float:
    return math.hypot(*(math.log(factor) for factor in factors))


def _corrected(ranges: Ranges, past: Sequence[Past], own: Sequence[Past]) -> Ranges:
    """With what was learnt: how fast this machine is, and how this program differs."""
    speeds = [
        one.cpu / one.expected_cpu
        for one in past[-_LATEST:]
        if one.cpu and one.expected_cpu and one.numeric is False
    ]
    counts = [one for one in own[-_LATEST:] if one.expected_cpu]
    memory = [
        one.extra_rss / one.expected_extra_rss
        for one in counts
        if one.extra_rss and one.expected_extra_rss
    ]
    files = [one.file_size / one.expected_file_size for one in counts if one.expected_file_size]
    return Ranges(
        pause=ranges.pause.times(history.median_ratio(speeds, most=_LEARNT)),
        extra_rss=ranges.extra_rss.times(history.median_ratio(memory, most=_LEARNT)),
        file_size=ranges.file_size.times(history.median_ratio(files, most=_LEARNT)),
        basis=ranges.basis,
        expected=ranges.expected,
    )


def _as_earlier(own: Sequence[Past], heap_used: int, bounds: Ranges) -> Ranges:
    """As in earlier snapshots of the program, in proportion to its heap. What has come since may
    be of any kind; `bounds` holds for all kinds."""

    def of(figures: Sequence[tuple[float, int]], bound: Range) -> Range:
        if not figures:
            return bound
        grown = [(figure, heap_used / before) for figure, before in figures]
        low = min(figure * min(1.0, k) for figure, k in grown) * _EARLIER_OFF[0]
        high = max(figure * max(k, k**1.5) for figure, k in grown) * _EARLIER_OFF[1]
        return Range(min(low, bound.high), min(high, bound.high))

    return Ranges(
        pause=of([(one.pause, one.heap_used) for one in own], bounds.pause),
        extra_rss=of(
            [(one.extra_rss, one.heap_used) for one in own if one.extra_rss is not None],
            bounds.extra_rss,
        ),
        file_size=of([(one.file_size, one.heap_used) for one in own], bounds.file_size),
        basis="earlier snapshot",
    )


def _blind(sample: MemorySample, release: int) -> Ranges:
    large = sum(space.used for space in sample.spaces if "large_object" in space.name)
    return blind.ranges(max(0, sample.heap_used - large), large, release)


def _with_numbers(ranges: Ranges, release: int) -> Ranges:
    pause = _NUMERIC_PAUSE if release >= 22 else _NUMERIC_PAUSE_20
    return Ranges(
        pause=ranges.pause.times(1.0, pause),
        extra_rss=ranges.extra_rss.times(1.0, _NUMERIC_RSS),
        file_size=ranges.file_size.times(1.0, _NUMERIC_FILE),
        basis=ranges.basis,
        expected=ranges.expected,
    )


def _waiting() -> float:
    """How many times longer something takes because others want the processors too, by the last
    seconds and the last minute, which do not hold the target's work yet."""
    try:
        if sys.platform == "win32":
            return 1.0
        shared = (os.getloadavg()[0] + 1) / (os.cpu_count() or 1)
    except OSError:
        shared = 1.0
    pressure = procfs.cpu_pressure()
    if pressure is None:
        pressure = min(1.0, max(0.0, shared - 1.0))
    # How many wait for each processor, pressure does not tell.
    return max(math.exp(_KEPT_WAITING * pressure), pressure * shared * _SHARE_WAITING)


def _release(version: str) -> int:
    major = version.removeprefix("v").partition(".")[0]
    return int(major) if major.isdecimal() and len(major) < 5 else 0
