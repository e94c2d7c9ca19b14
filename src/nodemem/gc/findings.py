"""What the figures of one isolate mean, each conclusion with its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import Any

from nodemem.gc.policy.near_limit import CONSECUTIVE, NearLimit, near_limit
from nodemem.gc.policy.old import thrashes_from
from nodemem.gc.statistics import Statistics
from nodemem.records import GcEvent
from nodemem.results import Evidence, Finding

_MIB = 1 << 20
FREES_LITTLE = 0.1  # of the heap: less than this is not worth a major collection
FEWEST_MAJOR = 3
PROMOTED_SHARE = 0.05  # of what is allocated
DIED_SHARE = 0.5  # of what was promoted, in major collections soon after
EXTERNAL_SHARE = 0.25  # of the collections
REDUCING = 2
LONG_CALLBACKS = 0.010  # seconds
CALLBACKS_SHARE = 0.2  # of all pauses
RISING_PAIRS = 0.9  # of pairs of readings of which the later one is greater
RISING_SHARE, RISING_LEAST = 0.1, _MIB


def findings(one: Statistics, *, version: str | None = None) -> list[Finding]:
    """Conclusions about one isolate, the gravest first. `version` is the Node.js release, if known:
    without it the rules of most releases stand in."""
    return [*_near_limit(one, version), *_rising(one), *_external(one), *_premature(one),
            *_callbacks(one), *_reducing(one)]  # fmt: skip


def _near_limit(one: Statistics, version: str | None) -> Iterator[Finding]:
    """The heap has so little room that V8 collects all the time, and may give up."""
    rules = NearLimit(0.8, 0.4) if version is None else near_limit(version)
    recent = [event for event in one.recent if event.used_after is not None]
    if len(recent) < 2 or one.last is None:
        return
    live = min(event.used_after or 0 for event in recent)
    limit = recent[-1].heap_limit
    freed = fmean(_freed(event) for event in recent)
    shares = [event.utilization for event in recent if event.utilization is not None]
    utilization = fmean(shares) if shares else None
    in_zone = limit is not None and _thrashes(live, limit, recent[-1].new_capacity)
    little = freed < FREES_LITTLE and utilization is not None and utilization < rules.utilization
    resort = any(event.cause == "last resort" for event in recent)
    if not (resort or (little and len(recent) == CONSECUTIVE) or in_zone):
        return
    yield Finding(
        "gc.near_limit",
        params={"live": live},
        evidence=(
            Evidence("gc_live", live, "bytes", _major(recent[-1])),
            Evidence("gc_heap_limit", limit, "bytes"),
            Evidence("gc_freed", freed, "share"),
            Evidence("gc_utilization", utilization, "share"),
            Evidence("gc_last_resort", resort),
        ),
        confidence=0.95 if resort else 0.8 if little else 0.6,
        next=_limits(one),
    )


def _thrashes(live: int, limit: int, capacity: int | None) -> bool:
    """By a heap limit that counts three semi-spaces besides the old generation. New space may not
    have its full size yet, so that this is sooner too late than too early."""
    semi = capacity or 0
    return live >= thrashes_from(limit - 3 * semi, semi) > 0


def _freed(event: GcEvent) -> float:
    before, after = event.used_before or 0, event.used_after or 0
    return max(0.0, (before - after) / before) if before else 0.0


def _rising(one: Statistics) -> Iterator[Finding]:
    """What is alive after major collections grows."""
    rising, growth, last = one.live.rising(), one.live.growth(), one.live.last
    if rising is None or growth is None or last is None or rising < RISING_PAIRS:
        return
    if growth < max(RISING_LEAST, RISING_SHARE * (last - growth)):
        return
    yield Finding(
        "gc.live_rising",
        params={"growth": growth, "count": one.live.count},
        evidence=(
            Evidence("gc_live_growth", growth, "bytes"),
            Evidence("gc_live", last, "bytes"),
            Evidence("gc_live_slope", one.live.slope(), "bytes/s"),
            Evidence("gc_rising_pairs", rising, "share"),
        ),
        confidence=round(min(0.9, 0.5 + 0.02 * one.live.count), 2),
        next=_target(one, "nodemem snapshot {pid} -o before.heapsnapshot"),
    )


def _external(one: Statistics) -> Iterator[Finding]:
    """Memory outside the heap makes V8 collect."""
    because, total = one.external_driven, one.count
    if because < 2 or because < EXTERNAL_SHARE * total:
        return
    last = next((e for e in reversed(one.recent) if e.external_before is not None), None)
    yield Finding(
        "gc.external",
        params={"count": because, "total": total},
        evidence=(
            Evidence("gc_external_driven", because, "count"),
            Evidence("gc_external", None if last is None else last.external_before, "bytes"),
            Evidence("gc_live", one.live.last, "bytes"),
        ),
        confidence=0.9,
        next=_target(one, "nodemem heap buffers FILE"),
    )


def _premature(one: Statistics) -> Iterator[Finding]:
    """What is promoted dies soon after: new space is too small for how long objects live."""
    promoted, allocated = one.promoted_by_minor.value, one.allocated.value
    died, major = one.died_old.value, one.pauses["major"].count
    if not promoted or not allocated or not died or major < FEWEST_MAJOR:
        return
    if promoted < PROMOTED_SHARE * allocated or died < DIED_SHARE * promoted:
        return
    last = one.last
    yield Finding(
        "gc.premature_promotion",
        params={"promoted": promoted, "part": min(1.0, died / promoted)},
        evidence=(
            Evidence("gc_promoted", promoted, "bytes"),
            Evidence("gc_promoted_share", promoted / allocated, "share"),
            Evidence("gc_died_old", died, "bytes"),
            Evidence("gc_new_capacity", None if last is None else last.new_capacity, "bytes"),
        ),
        confidence=0.6,
        next=_limits(one),
    )


def _callbacks(one: Statistics) -> Iterator[Finding]:
    """Callbacks of weak references and of addons run inside of the pause."""
    within, weak = one.callbacks.to_data(), one.pauses["weak-callbacks"].to_data()
    longest = max(within["max"] or 0.0, weak["max"] or 0.0) / 1000
    total = one.callbacks.total + one.pauses["weak-callbacks"].total
    if longest < LONG_CALLBACKS and total < max(CALLBACKS_SHARE * one.paused_total, 0.05):
        return
    yield Finding(
        "gc.callbacks",
        params={"longest": longest},
        evidence=(
            Evidence("gc_callbacks_longest", longest, "s"),
            Evidence("gc_callbacks_total", total, "s"),
            Evidence("gc_paused", one.paused_total, "s"),
        ),
        confidence=0.8,
    )


def _reducing(one: Statistics) -> Iterator[Finding]:
    """V8 makes the heap smaller because the program is idle."""
    if one.reducing < REDUCING or next(iter(_near_limit(one, None)), None) is not None:
        return
    yield Finding(
        "gc.reducing",
        params={"count": one.reducing},
        evidence=(
            Evidence("gc_reducing", one.reducing, "count"),
            Evidence("gc_live", one.live.last, "bytes"),
        ),
        confidence=0.9,
    )


def _major(event: GcEvent) -> str:
    return "" if event.time is None else f"{event.time:.1f} s"


def _limits(one: Statistics) -> str:
    return _target(one, "nodemem limits {pid}")


def _target(one: Statistics, command: str) -> str:
    pid: Any = "PID" if one.pid is None else one.pid
    return command.format(pid=pid)
