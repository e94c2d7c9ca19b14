"""All isolates of a source of collections, each counted by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from operator import attrgetter

from nodemem.gc.statistics import Statistics, Who
from nodemem.records import GcEvent, GcWatch

_MOST_ISOLATES = 1000
_TOGETHER = 1024  # events that are counted at once
_WHO = attrgetter("pid", "isolate", "thread")


class Collected:
    """All that a source holds, each isolate by itself."""

    def __init__(self) -> None:
        self._isolates: dict[Who, Statistics] = {}
        self._waiting: list[GcEvent] = []

    def add(self, event: GcEvent) -> None:
        """Count one event in its isolate."""
        self._waiting.append(event)
        if len(self._waiting) == _TOGETHER:
            self._count()

    def watched(self, watch: GcWatch) -> None:
        """See `Statistics.watched`."""
        self._count()
        self._of((watch.pid, None, watch.thread)).watched(watch)

    def _count(self) -> None:
        """Count the events that wait."""
        parts: dict[Who, list[GcEvent]] = defaultdict(list)
        for who, event in zip(map(_WHO, self._waiting), self._waiting, strict=True):
            parts[who].append(event)
        self._waiting.clear()
        for who, events in parts.items():
            self._of(who).add(events)

    def _of(self, who: Who) -> Statistics:
        found = self._isolates.get(who)
        if found is None:
            if len(self._isolates) >= _MOST_ISOLATES:
                who = (None, "others", None)
            found = self._isolates.setdefault(who, Statistics(who))
        return found

    def sorted(self) -> list[Statistics]:
        """The isolates, that with most collections first."""
        self._count()
        return sorted(
            self._isolates.values(),
            key=lambda one: (-one.count, str(one.isolate), one.thread or 0),
        )

    def all(self) -> Statistics:
        """The figures of all together; those of the only one where there is one. What belongs to
        time (windows, courses, what is alive) is not added up: isolates do not wait for each other.
        """
        isolates = self.sorted()
        if len(isolates) == 1:
            return isolates[0]
        whole = Statistics()
        for one in isolates:
            whole.merge(one)
        return whole


def collect(events: Iterable[GcEvent | GcWatch]) -> Collected:
    """Read a stream of events through."""
    collected = Collected()
    for event in events:
        if isinstance(event, GcWatch):
            collected.watched(event)
        else:
            collected.add(event)
    return collected
