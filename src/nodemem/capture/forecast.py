"""What a heap snapshot will cost the target, as ranges, before it is taken.

V8 builds a second graph of all objects while the program stands still. Its size follows the number
of objects and references, which cannot be known from outside; the bytes in use can. The factors
below bound what was measured over the inspector, on a busy machine, with nineteen kinds of heaps on
Node.js 20, 24 and 26 and three on 18: empty objects, records, strings, Maps, closures, lists,
arrays of numbers and of references.

What costs most is long arrays and big hash tables: V8 keeps a text of more than 1 kB for every
distinct index of a reference, 150 times the 8 bytes of the slot. Arrays above 128 kB lie in the
large object spaces, so bytes there count with that factor, although they may as well be numbers or
text, which cost nothing. Hence the wide ranges. All results are estimates.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from nodemem.records import MemorySample
from nodemem.target import cgroup

MB = 1_000_000


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both estimates."""

    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """Cost of one snapshot: `pause` in seconds, the others in bytes.

    `memory_room` is what the target's control groups still allow, `disk_room` what is free where
    the file goes; None is "no limit" and "unknown".
    """

    pause: Range
    extra_rss: Range
    file_size: Range
    memory_room: int | None
    memory_limit: int | None
    disk_room: int | None

    @property
    def fits_memory(self) -> bool:
        """Whether even the dearest case stays below the container's limit."""
        return self.memory_room is None or self.extra_rss.high <= self.memory_room

    @property
    def fits_disk(self) -> bool:
        """Whether even the largest file has room."""
        return self.disk_room is None or self.file_size.high <= self.disk_room


@dataclass(frozen=True)
class _Factors:
    """Cost per byte in ordinary spaces, low and high; per byte of large objects and per square
    of the ordinary bytes, high only.

    Node.js' own objects cost `base` whatever the program does.
    """

    base: Range
    per_byte: Range
    per_large_byte: float
    per_square: float = 0.0

    def range(self, ordinary: int, large: int) -> Range:
        return Range(
            self.base.low + self.per_byte.low * ordinary,
            self.base.high
            + self.per_byte.high * ordinary
            + self.per_large_byte * large
            + self.per_square * ordinary**2,
        )


_RSS = _Factors(Range(25 * MB, 70 * MB), Range(0.0, 12.0), 150.0)
_FILE = _Factors(Range(3 * MB, 7 * MB), Range(0.0, 3.2), 6.5)
# Seconds. Up to V8 11 (Node.js 20) many distinct strings make the time grow with the square of
# their number: 4, 12 and 46 s for 23, 42 and 76 MB of records in 20.18, 300 s for 125 MB in 18.
_PAUSE = _Factors(Range(0.1, 1.0), Range(2e-9, 80e-9), 600e-9)
_PAUSE_20 = _Factors(Range(0.1, 1.0), Range(2e-9, 250e-9), 1800e-9, 0.012 / MB**2)
_PAUSE_18 = _Factors(Range(0.1, 2.0), Range(2e-9, 300e-9), 1800e-9, 0.03 / MB**2)
# With the values of numbers, each in a field is an object with a text of its own. Records of three
# numbers took 2.1 times the file and up to twice the memory; 1.8 times the time in 22.20 and, for
# all the texts, 5 times in 20.18.
_NUMERIC_RSS, _NUMERIC_FILE, _NUMERIC_PAUSE, _NUMERIC_PAUSE_20 = 2.2, 2.5, 2.0, 6.0
_PACKED = 20.0  # 4 to 6 times smaller with gzip, 5 to 15 with zstd; random texts stay what they are


def forecast_snapshot(
    sample: MemorySample,
    *,
    version: str,
    pid: int | None,
    folder: Path,
    numeric: bool = False,
    compressed: bool = False,
) -> Forecast:
    """Forecast a snapshot of the heap in `sample` into `folder`, with the values of numbers in it
    (`numeric`) and compressed or not.

    `version` is Node.js' (`v22.20.0`); `pid` is the process on this host, None if it is elsewhere
    and its limits are out of sight.
    """
    large = sum(space.used for space in sample.spaces if "large_object" in space.name)
    ordinary = max(0, sample.heap_used - large)
    memory = cgroup.CgroupMemory() if pid is None else cgroup.memory(pid)
    try:
        disk: int | None = shutil.disk_usage(folder).free
    except OSError:
        disk = None
    pause = _pause(version)
    more = _NUMERIC_PAUSE if pause is _PAUSE else _NUMERIC_PAUSE_20
    file = _widened(_FILE.range(ordinary, large), _NUMERIC_FILE if numeric else 1.0)
    return Forecast(
        pause=_widened(pause.range(ordinary, large), more if numeric else 1.0),
        extra_rss=_widened(_RSS.range(ordinary, large), _NUMERIC_RSS if numeric else 1.0),
        file_size=Range(file.low / _PACKED, file.high) if compressed else file,
        memory_room=memory.headroom,
        memory_limit=memory.limit,
        disk_room=disk,
    )


def _widened(range_: Range, factor: float) -> Range:
    return Range(range_.low, range_.high * factor)


def _pause(version: str) -> _Factors:
    major = version.removeprefix("v").partition(".")[0]
    release = int(major) if major.isdecimal() else 0
    if release >= 22:
        return _PAUSE
    return _PAUSE_20 if release >= 20 else _PAUSE_18
