"""What goes into old space between major collections, how much of it dies there, and which major
collections that does not explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nodemem.gc.policy.external import SOFT
from nodemem.gc.policy.old import STEP
from nodemem.records import GcEvent

EXTERNAL_CAUSES = ("external memory pressure", "external finalize")
FORCED_CAUSE = "testing"
"""What V8 calls a call of gc()."""
_HEAP_CAUSES = ("allocation limit", "allocation failure", "incremental marking")
_TIMES_THE_HEAP = 2


@dataclass
class _Since:
    """What was seen since a major collection, bytes: `first` and `last` after minor ones, and what
    was `allocated` between those; the least external memory."""

    first: int | None = None
    last: int | None = None
    allocated: int = 0
    external: int | None = None


@dataclass
class OldSpace:
    """Sums from the first major collection to the last one, bytes.

    `entered` is what came to old space, be it promoted or made there: by how much the heap grew
    from the first minor collection to the last one before the next major one. What survives in new
    space is in both, so this needs no more than what all sources tell. `allocated` is what the
    program made meanwhile. `live` is what `major` collections left, in all; `least` and `most`.

    `soon` counts major collections that came though the heap had grown by less than what V8 lets
    it grow by at least, where the source does not tell what external memory did, `soon_row` the
    most of them in a row; `external` those that came for memory outside the heap, `inferred` being
    those among them for which this follows from its growth alone; `forced` the calls of gc().
    `tight` is how many of the last ones in a row left less than new space until the next one is
    due, `cramped` how many of them came after less growth than that and for nothing but the heap:
    then its limit is what allows no more.
    """

    major: int = 0
    intervals: int = 0
    entered: int = 0
    allocated: int = 0
    first: int | None = None
    last: int | None = None
    live: int = 0
    least: int = 0
    most: int = 0
    soon: int = 0
    soon_row: int = 0
    external: int = 0
    inferred: int = 0
    forced: int = 0
    forced_pause: float = 0.0
    tight: int = 0
    cramped: int = 0
    _row: int = 0
    _since: _Since = field(default_factory=_Since)
    _new: bool = False

    def add(self, events: Sequence[GcEvent]) -> None:
        """Minor and major collections in their order."""
        for event in events:
            if self._new:
                self._room(event)
            if event.kind == "major":
                self._major(event)
            else:
                self._minor(event)

    @property
    def died(self) -> int | None:
        """Of what entered, bytes that are dead at least: what is alive has not grown by so much."""
        if self.first is None or self.last is None:
            return None
        return max(0, self.entered - max(0, self.last - self.first))

    @property
    def lives_on(self) -> float | None:
        """For how many allocated bytes what enters lives on, on average and at most: as many as are
        allocated until as much has entered as is alive (Little's law)."""
        if not self.entered:
            return None
        return self.live / self.major * self.allocated / self.entered

    @property
    def steady(self) -> bool:
        """Whether about the same is alive after each major collection."""
        return self.most <= 2 * self.least

    def _room(self, event: GcEvent) -> None:
        """The limit that V8 set after the major collection before this event."""
        self._new = False
        limit, capacity = event.old_limit, event.new_capacity
        if limit is None or capacity is None or self.last is None:
            return
        self.tight = self.tight + 1 if limit - self.last <= capacity else 0

    def _minor(self, event: GcEvent) -> None:
        since = self._since
        since.external = _least(since.external, event.external_before, event.external_after)
        self.forced += _is_forced(event)
        self.external += event.cause in EXTERNAL_CAUSES
        if since.first is None:
            since.first = event.used_after
        else:
            since.last = event.used_after
            since.allocated += event.allocated or 0

    def _major(self, event: GcEvent) -> None:
        self._why(event)
        since, self._since = self._since, _Since(external=event.external_after)
        if _is_forced(event):
            self.forced += 1
            self.forced_pause += event.pause or 0.0
        live = event.used_after
        if live is None:
            return
        if self.first is None:
            self.first = self.least = live
        elif since.first is not None and since.last is not None:
            self.intervals += 1
            self.entered += max(0, since.last - since.first)
            self.allocated += since.allocated
        self.major += 1
        self.live += live
        self.least, self.most = min(self.least, live), max(self.most, live)
        self.last = live
        self._new = True

    def _why(self, event: GcEvent) -> None:
        """What a major collection came for, if not for the growth of the heap."""
        cramped, self.cramped = self.cramped, 0
        row, self._row = self._row, 0
        if event.cause in EXTERNAL_CAUSES:
            self.external += 1
        elif self._came_soon(event):
            if _full(event):
                self.cramped = cramped + 1
            elif self._outside(event):
                self.external += 1
                self.inferred += 1
            elif event.external_after is None:
                self.soon += 1
                self._row = row + 1
                self.soon_row = max(self.soon_row, self._row)
            elif event.heap_limit is None:
                self.cramped = cramped + 1

    def _came_soon(self, event: GcEvent) -> bool:
        """Whether it came for no known reason, though the heap had grown by less than what V8 lets
        it grow by. Marking that began for memory outside the heap ends with the same words as
        marking that began for the heap's own sake; and close to the limit V8 reduces memory as it
        does when a program is idle."""
        if _is_forced(event) or event.used_before is None or self.last is None:
            return False
        told = event.cause
        if told is not None and not any(word in told for word in _HEAP_CAUSES):
            return False
        return event.used_before - self.last < STEP

    def _outside(self, event: GcEvent) -> bool:
        """Whether external memory is what has grown. Much of it may be freed and made again between
        two collections, which see no more than that there is far more of it than of heap."""
        outside, least = event.external_before, self._since.external
        if outside is None:
            outside = event.external_after
        if outside is None:
            return False
        grown = outside - (outside if least is None else least)
        return grown >= SOFT // 2 or outside >= max(
            SOFT, _TIMES_THE_HEAP * (event.used_before or 0)
        )


def _full(event: GcEvent) -> bool:
    """Whether the heap takes most of what it may have, where the source tells that."""
    limit, used = event.heap_limit, event.used_after
    return limit is not None and used is not None and used >= limit // 2


def _is_forced(event: GcEvent) -> bool:
    return event.forced is True or event.cause == FORCED_CAUSE


def _least(*values: int | None) -> int | None:
    return min((value for value in values if value is not None), default=None)
