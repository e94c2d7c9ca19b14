"""Trace events: files of `node --trace-event-categories v8` and of Chrome, and what the inspector's
NodeTracing sends. The only source that tells how long a thread used the
processor for a collection.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nodemem.gc import nvp
from nodemem.gc.moved import moved
from nodemem.gc.words import MARK_COMPACT, SCAVENGE
from nodemem.records import GcEvent, GcSpace

NAMES = (
    "MinorGC",
    "MajorGC",
    "V8.GCIncrementalMarkingStart",
    "V8.GCIncrementalMarking",
    "V8.GC_Heap_Stats",
    "V8.GCTraceGCNVP",
)
"""The events that tell collections: the last two those of the category `SIZES`."""
SIZES = "disabled-by-default-v8.gc"
"""The category that tells heap spaces after each collection, and brings its phases, too."""
_BLOCK = 1 << 22
_LONGEST = 1 << 16  # bytes of one event
_NAMED = re.compile(
    rb'"name": ?"(?:MinorGC|MajorGC|V8\.GC_Heap_Stats|V8\.GCTraceGCNVP|V8\.GCIncrementalMarking'
    rb'(?:Start)?)"'
)
_OPENINGS = (b'{"pid":', b'{"args":', b'{"cat":')
_BEGINS = re.compile(rb'\s*(?:\{\s*"traceEvents"\s*:\s*\[|\[\s*\{\s*"(?:args|cat|pid)")')
_STEPS = "V8.GCIncrementalMarking"
_NOT_ONE = "incremental finalization step"  # V8 10: a MajorGC that collects nothing
_MOST_THREADS = 10_000


def begins(text: bytes) -> bool:
    """Whether a file that begins like this holds trace events."""
    return _BEGINS.match(text) is not None


@dataclass
class _Thread:
    """What is known of one thread meanwhile."""

    isolate: str
    begun: list[tuple[Mapping[str, Any], dict[str, Any]]] = field(default_factory=list)
    steps: int = 0
    steps_time: float = 0.0
    longest_step: float = 0.0
    used_after: int | None = None
    spaces: list[GcSpace] = field(default_factory=list)
    """Those that the last collection left, none if it did not tell."""
    capacity: int | None = None


class Traced:
    """Makes collections of trace events, given in their order. `origin` is the microsecond at which
    the events' clock begins, that of the first event if None."""

    def __init__(self, origin: float | None = None) -> None:
        self.origin = origin
        self._threads: dict[tuple[Any, Any], _Thread] = {}

    def add(self, event: Mapping[str, Any]) -> GcEvent | None:
        """Take in one event; a collection, if that was its end."""
        name, phase = event.get("name"), event.get("ph")
        moment = _number(event.get("ts"))
        if moment is None:
            return None
        if self.origin is None and moment:
            self.origin = moment
        key = (event.get("pid"), event.get("tid"))
        thread = self._threads.get(key)
        if thread is None:
            thread = _Thread(f"thread {key[1]}")
            if len(self._threads) < _MOST_THREADS:
                self._threads[key] = thread
        args = event.get("args")
        args = args if isinstance(args, dict) else {}
        if name in ("MinorGC", "MajorGC"):
            if phase == "B":
                thread.begun = [*thread.begun[-8:], (event, {})]
                return None
            return self._end(event, args, thread) if phase == "E" else None
        if name == "V8.GC_Heap_Stats" and thread.begun:
            thread.begun[-1][1].update(_statistics(args.get("stats"), thread))
        elif name == "V8.GCTraceGCNVP" and thread.begun:
            thread.begun[-1][1].update(nvp.parse_json(str(args.get("value"))) or {})
        elif name == "V8.GCIncrementalMarkingStart":
            return self._incremental(event, args, thread)
        elif name == _STEPS and phase == "X":
            time = (_number(event.get("dur")) or 0.0) / 1e6
            thread.steps += 1
            thread.steps_time += time
            thread.longest_step = max(thread.longest_step, time)
        return None

    def _end(
        self, event: Mapping[str, Any], args: dict[str, Any], thread: _Thread
    ) -> GcEvent | None:
        if not thread.begun:
            return None
        begin, columns = thread.begun.pop()
        if begin.get("name") != event.get("name"):
            thread.begun.clear()
            return None
        opened = begin.get("args")
        opened = opened if isinstance(opened, dict) else {}
        cause = opened.get("type")
        if cause == _NOT_ONE:
            return None
        collector = SCAVENGE if event.get("name") == "MinorGC" else MARK_COMPACT
        columns.setdefault("kind", collector.kind)
        columns.setdefault("collector", collector.name)
        columns["pause"] = columns.get("pause") or _between(begin, event, "ts")
        columns["cpu"] = _between(begin, event, "tts")
        columns["cause"] = str(cause)[:100] if cause else columns.get("cause")
        before, after = (
            _size(opened.get("usedHeapSizeBefore")),
            _size(args.get("usedHeapSizeAfter")),
        )
        columns.setdefault("used_before", before)
        columns.setdefault("used_after", after)
        self._correct(columns, thread)
        self._move(columns, thread)
        if columns["kind"] == "major" and thread.steps:
            columns |= {
                "steps": thread.steps,
                "steps_time": thread.steps_time,
                "longest_step": thread.longest_step,
            }
            thread.steps, thread.steps_time, thread.longest_step = 0, 0.0, 0.0
        return self._made(begin, columns, thread)

    def _correct(self, columns: dict[str, Any], thread: _Thread) -> None:
        before, known = columns["used_before"], thread.used_after
        if known is not None and before is not None:
            columns["allocated"] = max(0, before - known)
        thread.used_after = columns["used_after"]

    def _move(self, columns: dict[str, Any], thread: _Thread) -> None:
        """Before Node.js 25 no trace event tells what was promoted."""
        spaces, used = columns.get("spaces", []), columns["used_before"]
        told = columns["kind"] != "minor" or columns.get("promoted") is not None
        known = spaces and thread.spaces and used is not None
        if known and not told and thread.capacity is not None:
            columns |= moved(used, thread.spaces, thread.capacity, spaces)
        thread.spaces, thread.capacity = spaces, columns.get("new_capacity")

    def _incremental(
        self, event: Mapping[str, Any], args: dict[str, Any], thread: _Thread
    ) -> GcEvent:
        time, cpu = _number(event.get("dur")), _number(event.get("tdur"))
        cause = args.get("reason")
        columns = {
            "kind": "incremental",
            "collector": MARK_COMPACT.name,
            "cause": str(cause)[:100] if cause else None,
            "pause": None if time is None else time / 1e6,
            "cpu": None if cpu is None else cpu / 1e6,
        }
        return self._made(event, columns, thread)

    def _made(self, begin: Mapping[str, Any], columns: dict[str, Any], thread: _Thread) -> GcEvent:
        pid = begin.get("pid")
        moment = _number(begin.get("ts")) or 0.0
        return GcEvent(
            time=(moment - (self.origin or 0.0)) / 1e6,
            isolate=thread.isolate,
            pid=pid if isinstance(pid, int) else None,
            **columns,
        )


class TraceFile:
    """Reads one file of trace events, once and in bounded memory; see `gc.log.Source`."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.unreadable = 0
        self.notes: Counter[str] = Counter()
        self.shapes: set[str] = set()
        self._read = read
        self._traced = Traced()

    def __iter__(self) -> Iterator[GcEvent]:
        buffer, at, ended = self._read(_BLOCK), 0, False
        while True:
            match = _NAMED.search(buffer, at)
            if not ended and (match is None or len(buffer) - match.start() < _LONGEST):
                keep = max(at, (len(buffer) if match is None else match.start()) - _LONGEST)
                more = self._read(_BLOCK)
                ended = not more
                buffer, at = buffer[keep:] + more, 0
                continue
            if match is None:
                break
            at = match.end()
            event = _object(buffer, match)
            if event is None:
                self.unreadable += 1
                continue
            found = self._traced.add(event)
            if found is not None:
                self.shapes.add("trace-events")
                yield found
        if buffer.rstrip() and not buffer.rstrip().endswith((b"]", b"}")):
            self.unreadable += 1  # a file that ends inside of an event


def _object(buffer: bytes, match: re.Match[bytes]) -> dict[str, Any] | None:
    """The event around a name."""
    at = match.start()
    openings = sorted({buffer.rfind(one, max(0, at - 4096), at) for one in _OPENINGS})[::-1]
    for opening in openings:
        if opening < 0:
            continue
        text = buffer[opening : opening + _LONGEST].decode("utf-8", "replace")
        try:
            event, end = _DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and "name" in event and opening + end > at:
            return event
    return None


_DECODER = json.JSONDecoder()


def _statistics(text: object, thread: _Thread) -> dict[str, Any]:
    """The columns that V8.GC_Heap_Stats gives: the heap after the collection."""
    try:
        data = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return {}
    if not isinstance(data, dict):
        return {}
    if isinstance(data.get("isolate"), str):
        thread.isolate = data["isolate"][:40]
    spaces = data.get("spaces")
    spaces = (
        [one for one in spaces[:50] if isinstance(one, dict)] if isinstance(spaces, list) else []
    )
    new: dict[str, Any] = next((one for one in spaces if one.get("name") == "new_space"), {})
    used, free = _size(new.get("used_size")), _size(new.get("available_size"))
    return {
        "new_capacity": None if used is None or free is None else used + free,
        "size_after": _size(data.get("total_heap_size")),
        "heap_limit": _size(data.get("heap_size_limit")),
        "external_after": _size(data.get("external_memory")),
        "spaces": [
            GcSpace(
                str(space.get("name"))[:60],
                used_after=_size(space.get("used_size")),
                size_after=_size(space.get("size")),
            )
            for space in spaces
        ],
    }


def _between(begin: Mapping[str, Any], end: Mapping[str, Any], key: str) -> float | None:
    one, other = _number(begin.get(key)), _number(end.get(key))
    return None if one is None or other is None or other < one else (other - one) / 1e6


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e18 else None


def _size(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
