"""Trace events of a process, and which of its isolates they are of."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from nodemem.errors import TargetError, TargetLost, TargetTimeout
from nodemem.gc.trace_events import NAMES, Traced
from nodemem.records import GcEvent
from nodemem.target.session import Session
from nodemem.target.tracing import Trace, traced

CATEGORIES = ("v8",)
"""Not `trace_events.SIZES` as well: threads of V8 write events of that category at any time, and
Node.js 22, which reads what others still write, aborts on what comes of it when there are many
(`status.ok()` in serializeToJSON of inspector_agent.cc)."""
EVENT = 3e-6
"""Seconds of processor time that an event takes in the process, about: see bench/gc."""
_MOST = 200_000  # events of threads that are not watched
_FORCED = ("testing", "low memory notification", "runtime", "heap profiler")


def trace(session: Session, stack: contextlib.ExitStack) -> Trace | None:
    """V8's trace events until `stack` is left, where they can be had: not of a Node.js without
    them, nor while somebody else records some.

    Raises:
        TargetLost, TargetTimeout: the process ended, or does not answer.
    """
    try:
        return stack.enter_context(traced(session, CATEGORIES, set(NAMES)))
    except (TargetLost, TargetTimeout):
        raise
    except TargetError:
        return None


class Threads:
    """Collections by the kernel's number of the thread that they ran in, until the isolate that it
    runs asks for them. `strangers` says whether threads that nobody asks for count: workers that
    came and went before they could be watched."""

    def __init__(self, origin: float, *, pid: int | None, strangers: bool) -> None:
        self._traced = Traced(origin)
        self._pid = pid
        self._strangers = strangers
        self._waiting: dict[int, list[GcEvent]] = defaultdict(list)

    def add(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Take in events in the order of time."""
        for event in events:
            collection = self._traced.add(event)
            if collection is None:
                continue
            waiting = self._waiting[event["tid"]]
            if len(waiting) < _MOST:
                waiting.append(collection)

    def of(self, tid: int | None, thread: int) -> list[GcEvent]:
        """What has waited for the isolate whose `threadId` is `thread`."""
        if tid is None:
            return []
        return [
            event.replaced(
                isolate=None,
                thread=thread,
                pid=self._pid,
                forced=event.cause in _FORCED if event.cause else None,
            )
            for event in self._waiting.pop(tid, [])
        ]

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
