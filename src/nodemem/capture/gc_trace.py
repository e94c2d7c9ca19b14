"""Trace events of a process, and which of its isolates they are of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from nodemem.gc.trace_events import Traced
from nodemem.records import GcEvent

_MOST = 200_000  # events of threads that are not watched


class Thread(Protocol):
    """An isolate that is watched. `tid` is the kernel's number of its thread, None if not known."""

    @property
    def tid(self) -> int | None: ...

    @property
    def used(self) -> Sequence[tuple[int, int]]: ...


class Threads:
    """Collections by the thread that they ran in, until the isolate that it runs asks for them.
    `strangers` says whether threads that nobody asks for count: workers that came and went before
    they could be watched."""

    def __init__(self, origin: float, *, pid: int | None, strangers: bool) -> None:
        self._traced = Traced(origin)
        self._pid = pid
        self._strangers = strangers
        self._waiting: dict[int, list[GcEvent]] = defaultdict(list)
        self._known: dict[Thread, int] = {}

    def add(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Take in events in the order of time."""
        for event in events:
            collection = self._traced.add(event)
            if collection is None:
                continue
            waiting = self._waiting[event["tid"]]
            if len(waiting) < _MOST:
                waiting.append(collection)

    def of(self, thread: Thread) -> list[GcEvent]:
        """What has waited for an isolate."""
        tid = self._known.get(thread, thread.tid)
        if tid is None:
            tid = self._alike(thread)
        if tid is None:
            return []
        self._known[thread] = tid
        return self._waiting.pop(tid, [])

    def strangers(self, end: float) -> list[GcEvent]:
        """Collections, from the beginning to `end`, of threads that nobody asked for."""
        if not self._strangers:
            return []
        return [
            event.replaced(pid=self._pid)
            for events in self._waiting.values()
            for event in events
            if 0.0 <= (event.time or 0.0) <= end
        ]

    def _alike(self, thread: Thread) -> int | None:
        """The thread, not yet known, whose collections met the heap in the same sizes."""
        used = set(thread.used)
        taken = set(self._known.values())
        counts = {
            tid: sum((one.used_before, one.used_after) in used for one in events)
            for tid, events in self._waiting.items()
            if tid not in taken
        }
        best = max(counts, key=lambda tid: counts[tid], default=None)
        return best if best is not None and counts[best] else None
