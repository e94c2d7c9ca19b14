"""What the figures of one isolate mean, each conclusion with its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import Any

from nodemem.gc.old_space import FORCED_CAUSE
from nodemem.gc.policy.near_limit import CONSECUTIVE, NearLimit, near_limit
from nodemem.gc.policy.old import STEP, thrashes_from
from nodemem.gc.policy.releases import MIB
from nodemem.gc.statistics import Statistics
from nodemem.records import GcEvent
from nodemem.results import Evidence, Finding

FREES_LITTLE = 0.1  # of the heap: less than this is not worth a major collection
TIGHT = 2  # major collections in a row after which the next one is due at once
INTERVALS = 3  # between major collections
ENTERED_SHARE = 0.1  # of what is allocated
DIED_SHARE = 0.5  # of what came to old space
LARGEST_SEMI = 64 * MIB  # that is reasonable: V8's own largest default
EXTERNAL_SHARE = 0.25  # of the collections
ROW = INFERRED = 4  # major collections: more than the memory reducer runs one after the other
SOON_SHARE = 0.5  # of the major collections
FORCED = 3
REDUCING = 2
LONG_CALLBACKS, SEVERAL = 0.010, 3  # seconds; so many of them are no accident
CALLBACKS_SHARE, CALLBACKS_LEAST = 0.2, 0.05  # of all pauses; seconds
STANDING = 0.2  # of the time
ON_PROCESSOR = 0.25  # of the standing: less than this, and most of it is waiting
FEWEST = 10  # collections that say something about a share of the time
RISING_PAIRS = 0.9  # of pairs of readings of which the later one is greater
RISING_SHARE, RISING_LEAST = 0.1, MIB
RISING_LATE = 0.25  # of the growth, in the later half of the time


def findings(one: Statistics, *, version: str | None = None) -> list[Finding]:
    """Conclusions about one isolate, the gravest first. `version` is the Node.js release, if known:
    without it the rules of most releases stand in."""
    return [
        *_near_limit(one, version),
        *_rising(one),
        *_forced(one),
        *_external(one),
        *_soon(one),
        *_premature(one),
        *_time(one),
        *_callbacks(one),
        *_reducing(one),
    ]


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
    in_zone |= one.old_space.tight >= TIGHT or one.old_space.cramped >= ROW
    # Calls of gc() free little too, and say nothing of a limit; unless that is known they may be.
    little = all(event.cause or event.heap_limit for event in recent) and not any(
        event.forced or event.cause == FORCED_CAUSE for event in recent
    )
    little &= freed < FREES_LITTLE and utilization is not None and utilization < rules.utilization
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
            Evidence("gc_cramped", one.old_space.cramped, "count"),
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
    """What is alive after major collections grows, and did so to the end."""
    live = one.live
    rising, growth, last = live.rising(), live.growth(), live.last
    if rising is None or growth is None or last is None or rising < RISING_PAIRS:
        return
    if growth < max(RISING_LEAST, RISING_SHARE * (last - growth)):
        return
    if (live.late() or 0) < RISING_LATE * growth or not _until_the_end(one):
        return
    yield Finding(
        "gc.live_rising",
        params={"growth": growth, "count": live.count},
        evidence=(
            Evidence("gc_live_growth", growth, "bytes"),
            Evidence("gc_live", last, "bytes"),
            Evidence("gc_live_slope", live.slope(), "bytes/s"),
            Evidence("gc_rising_pairs", rising, "share"),
        ),
        confidence=round(min(0.9, 0.5 + 0.02 * live.count), 2),
        next=_target(one, "nodemem snapshot {pid} -o before.heapsnapshot"),
    )


def _until_the_end(one: Statistics) -> bool:
    """Whether the last reading is of the later half of the time. What a program loads when it
    starts grows too, and no major collection follows it for long."""
    if one.begun is None or one.end is None or not one.live.points:
        return True
    return one.live.points[-1][0] >= (one.begun + one.end) / 2


def _forced(one: Statistics) -> Iterator[Finding]:
    """The program itself calls gc()."""
    old = one.old_space
    if old.forced < FORCED:
        return
    yield Finding(
        "gc.forced",
        params={"count": old.forced},
        evidence=(
            Evidence("gc_forced", old.forced, "count"),
            Evidence("gc_forced_pause", old.forced_pause, "s"),
            Evidence("gc_paused", one.paused_total, "s"),
        ),
        confidence=0.95,
    )


def _external(one: Statistics) -> Iterator[Finding]:
    """Memory outside the heap makes V8 collect."""
    old, total = one.old_space, one.count
    told, major = old.external - old.inferred, one.pauses["major"].count
    if told < max(2, EXTERNAL_SHARE * total) and old.inferred < max(INFERRED, SOON_SHARE * major):
        return
    outside = (e.external_before or e.external_after for e in reversed(one.recent))
    yield Finding(
        "gc.external",
        params={"count": old.external, "total": total},
        evidence=(
            Evidence("gc_external_driven", old.external, "count"),
            Evidence("gc_external_inferred", old.inferred, "count"),
            Evidence("gc_external", next(filter(None, outside), None), "bytes"),
            Evidence("gc_live", one.live.last, "bytes"),
        ),
        confidence=0.9 if told else 0.7,
        next=_target(one, "nodemem heap buffers FILE"),
    )


def _soon(one: Statistics) -> Iterator[Finding]:
    """Major collections that the growth of the heap does not explain, where nothing says why."""
    soon, total = one.old_space.soon, one.pauses["major"].count
    if one.old_space.soon_row < ROW or soon < SOON_SHARE * total:
        return
    if any(_near_limit(one, None)):
        return
    yield Finding(
        "gc.unexplained",
        params={"count": soon, "total": total},
        evidence=(
            Evidence("gc_soon", soon, "count"),
            Evidence("gc_step", STEP, "bytes"),
            Evidence("gc_live", one.live.last, "bytes"),
        ),
        confidence=0.7,
    )


def _premature(one: Statistics) -> Iterator[Finding]:
    """What comes to old space dies there so soon that a larger new space would have seen the end of
    it. What lives on longer, such as the entries of a cache, is none of new space's business."""
    old, lives_on = one.old_space, one.old_space.lives_on
    collected = one.allocated.value
    if lives_on is None or not old.died or not collected or old.intervals < INTERVALS:
        return
    if not old.steady or old.entered < max(STEP, ENTERED_SHARE * old.allocated):
        return
    if old.died < DIED_SHARE * old.entered:
        return
    space = collected / one.count
    semi = 1 << (round(max(lives_on, 2 * space)) - 1).bit_length()
    if semi > LARGEST_SEMI:
        return
    yield Finding(
        "gc.premature_promotion",
        params={
            "entered": old.entered,
            "part": old.died / old.entered,
            "semi": max(1, semi // MIB),
        },
        evidence=(
            Evidence("gc_entered", old.entered, "bytes"),
            Evidence("gc_entered_share", min(1.0, old.entered / old.allocated), "share"),
            Evidence("gc_died_old", old.died, "bytes"),
            Evidence("gc_lives_on", round(lives_on), "bytes"),
            Evidence("gc_between", round(space), "bytes"),
        ),
        confidence=0.7,
        next=_limits(one),
    )


def _time(one: Statistics) -> Iterator[Finding]:
    """Collections take much of the time, and not only while the program starts."""
    standing, lasting = one.standing, one.lasting()
    if standing is None or standing < STANDING or one.count < FEWEST:
        return
    if lasting is not None and lasting < STANDING:
        return
    minor = one.pauses["minor"].total
    major = one.paused_total - minor + one.steps_time
    most = next(iter(one.ordered_triggers()), None)
    space = None if one.allocated.value is None else round(one.allocated.value / one.count)
    waits = one.processor is not None and one.processor < ON_PROCESSOR * standing
    kind = "waiting" if waits else "time_minor" if minor >= major else "time_major"
    yield Finding(
        f"gc.{kind}",
        params={"part": standing, "count": one.count},
        evidence=(
            Evidence("gc_time_minor", minor, "s"),
            Evidence("gc_time_major", major, "s"),
            Evidence("gc_lasting", lasting, "share"),
            Evidence("gc_processor", one.processor, "share"),
            Evidence("gc_most_frequent", None if most is None else most[0][1]),
            Evidence("gc_rate", one.rate(one.allocated), "bytes/s"),
            Evidence("gc_between", space, "bytes"),
            Evidence("gc_survival", one.mean_survival, "share"),
            Evidence("gc_live", one.live.last, "bytes"),
        ),
        confidence=0.8,
        next=_limits(one),
    )


def _callbacks(one: Statistics) -> Iterator[Finding]:
    """Callbacks of weak references and of addons run inside of the pause."""
    within, weak = one.callbacks.to_data(), one.pauses["weak-callbacks"].to_data()
    longest = max(within["max"] or 0.0, weak["max"] or 0.0) / 1000
    total = one.callbacks.total + one.pauses["weak-callbacks"].total
    several = one.callbacks.over(LONG_CALLBACKS) + one.pauses["weak-callbacks"].over(LONG_CALLBACKS)
    if several < SEVERAL and total < max(CALLBACKS_SHARE * one.paused_total, CALLBACKS_LEAST):
        return
    yield Finding(
        "gc.callbacks",
        params={"longest": longest},
        evidence=(
            Evidence("gc_callbacks_longest", longest, "s"),
            Evidence("gc_callbacks_long", several, "count"),
            Evidence("gc_callbacks_total", total, "s"),
            Evidence("gc_paused", one.paused_total, "s"),
        ),
        confidence=0.8,
    )


def _reducing(one: Statistics) -> Iterator[Finding]:
    """V8 makes the heap smaller because the program is idle."""
    if one.reducing < REDUCING or any(_near_limit(one, None)) or any(_soon(one)):
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
