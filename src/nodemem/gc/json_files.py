"""JSON that the program itself wrote: what v8.GCProfiler returned, performance entries in lines."""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from nodemem.gc.profiler import columns_of
from nodemem.gc.words import FORCED, OLDER_PERFORMANCE, PERFORMANCE, Collector
from nodemem.records import GcEvent

_LARGEST = 1 << 20  # characters of one collection, which has about 4,000
_BLOCK = 1 << 22
_LONGEST = 1 << 16
_MOST_WAITING = 1000
_MARKS = (b'"entryType":"gc"', b'"type":"gc"')
_PROFILE = re.compile(rb'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"startTime"\s*:')
_ENTRY = re.compile(rb"\{[^{}\n]{0,300}(?:\{[^{}\n]{0,300}\}[^{}\n]{0,100})?\}")


def is_profile(text: bytes) -> bool:
    """Whether a file that begins like this is what v8.GCProfiler returned."""
    return _PROFILE.match(text) is not None


class _Heap(NamedTuple):
    used: int
    size: int
    external: int
    limit: int
    space_used: tuple[int, ...]
    space_size: tuple[int, ...]
    space_available: tuple[int, ...]


class _Sized(NamedTuple):
    type: str
    cost: float
    before: _Heap
    after: _Heap


class ProfileFile:
    """Reads what v8.GCProfiler returned; see `gc.log.Source`. It tells no times of its events."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.unreadable = 0
        self.notes: Counter[str] = Counter()
        self.shapes = {"gc-profiler"}
        self._read = read

    def __iter__(self) -> Iterator[GcEvent]:
        used_after: int | None = None
        for one in self._statistics():
            try:
                columns = columns_of(*_sized(one))
            except (KeyError, TypeError, ValueError, AttributeError):
                self.unreadable += 1
                continue
            if columns is None:
                self.unreadable += 1
                continue
            if columns["kind"] in ("minor", "major"):
                if used_after is not None:
                    columns["allocated"] = max(0, columns["used_before"] - used_after)
                used_after = columns["used_after"]
            yield GcEvent(**columns)

    def _statistics(self) -> Iterator[Any]:
        """One collection after the other; of a file that is cut off, those that are whole."""
        decoder, parts = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8")("replace")
        text = parts.decode(self._read(_BLOCK))
        at = text.find("[", max(0, text.find('"statistics"')))
        at = len(text) if at < 0 else at + 1
        while True:
            at = _next(text, at)
            if text[at : at + 1] == "]":
                return
            try:
                one, at = decoder.raw_decode(text, at)
            except (ValueError, RecursionError):
                more = self._read(_BLOCK) if len(text) - at < _LARGEST else b""
                if not more:
                    break
                text, at = text[at:] + parts.decode(more), 0
            else:
                yield one
        self.unreadable += 1


def _next(text: str, at: int) -> int:
    while text[at : at + 1] in (",", " ", "\n", "\r", "\t"):
        at += 1
    return at


def _sized(data: Any) -> tuple[_Sized, list[str]]:
    names = [str(space["spaceName"]) for space in data["beforeGC"]["heapSpaceStatistics"]]
    before, after = _heap(data["beforeGC"]), _heap(data["afterGC"])
    return _Sized(str(data["gcType"]), float(data["cost"]), before, after), names


def _heap(data: Any) -> _Heap:
    all_, spaces = data["heapStatistics"], data["heapSpaceStatistics"]
    return _Heap(
        int(all_["usedHeapSize"]),
        int(all_["totalHeapSize"]),
        int(all_["externalMemory"]),
        int(all_["heapSizeLimit"]),
        tuple(int(space["spaceUsedSize"]) for space in spaces),
        tuple(int(space["spaceSize"]) for space in spaces),
        tuple(int(space["spaceAvailableSize"]) for space in spaces),
    )


class EntriesFile:
    """Reads performance entries in lines of a program's output; see `gc.log.Source`. They tell no
    sizes.

    Up to Node.js 17 kind 2 was a major collection, and 4 and 8 what 8 and 16 are since. Where 1 and
    2 occur, and no 16, it is one of those: later, minor collections are all of one kind. Until that
    is clear, entries wait.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.unreadable = 0
        self.notes: Counter[str] = Counter()
        self.shapes = {"performance-entries"}
        self._read = read
        self._kinds: Mapping[int, Collector] | None = None
        self._waiting: list[_Entry] = []

    def __iter__(self) -> Iterator[GcEvent]:
        rest = b""
        while block := self._read(_BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            rest = rest[-_LONGEST:]
            yield from self._events(lines)
        yield from self._events([rest])
        yield from self._clear(PERFORMANCE)

    def _events(self, lines: list[bytes]) -> Iterator[GcEvent]:
        for line in lines:
            if any(mark in line for mark in _MARKS):
                entry = entry_of(line)
                if entry is None:
                    self.unreadable += 1
                elif self._kinds is not None:
                    yield from self._event(entry, self._kinds)
                else:
                    self._waiting.append(entry)
                    yield from self._clear(_kinds({one.kind for one in self._waiting}))

    def _clear(self, kinds: Mapping[int, Collector] | None) -> Iterator[GcEvent]:
        if kinds is None and len(self._waiting) > _MOST_WAITING:
            kinds = PERFORMANCE
        if kinds is not None:
            self._kinds = kinds
            for entry in self._waiting:
                yield from self._event(entry, kinds)
            self._waiting.clear()

    def _event(self, entry: _Entry, kinds: Mapping[int, Collector]) -> Iterator[GcEvent]:
        collector = kinds.get(entry.kind)
        if collector is None:
            self.unreadable += 1
            return
        yield GcEvent(
            collector.kind,
            collector=collector.name,
            time=entry.start,
            pause=entry.duration,
            forced=entry.forced,
        )


def _kinds(seen: set[int]) -> Mapping[int, Collector] | None:
    """What the kinds mean; None while that is not clear."""
    if {1, 2} <= seen and 16 not in seen:
        return OLDER_PERFORMANCE
    return PERFORMANCE if 16 in seen else None


def holds_entries(text: bytes) -> bool:
    """Whether performance entries of type `gc` are in `text`."""
    return any(mark in text for mark in _MARKS)


class _Entry(NamedTuple):
    """`start` and `duration` in seconds."""

    kind: int
    start: float
    duration: float
    forced: bool | None


def entry_of(line: bytes) -> _Entry | None:
    """A performance entry of type `gc` as JSON somewhere in a line, e.g.
    `{"name":"gc","entryType":"gc","startTime":105.0,"duration":3.1,"detail":{"kind":1,"flags":0}}`.
    """
    match = _ENTRY.search(line)
    if match is None:
        return None
    try:
        data = json.loads(match[0])
    except (ValueError, RecursionError):
        return None
    detail = data.get("detail") if isinstance(data.get("detail"), dict) else data
    start, duration = (_number(data, *names) for names in _TIMES)
    kind, flags = detail.get("kind"), detail.get("flags")
    if start is None or duration is None or not isinstance(kind, int):
        return None
    forced = bool(flags & FORCED) if isinstance(flags, int) else None
    return _Entry(kind, start / 1000, duration / 1000, forced)


_TIMES = (("startTime", "start"), ("duration", "dur"))


def _number(data: dict[str, Any], *names: str) -> float | None:
    value = next((data[name] for name in names if name in data), None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e15 else None
