"""The young generation: when it is collected, how it grows, what is promoted.

New objects go to one of two semi-spaces. A scavenge copies what lives to the other one; what
survives a second time is promoted to the old generation.
"""

from __future__ import annotations

from dataclasses import dataclass

from nodemem.gc.policy.releases import Release, rules

USABLE = 255.5 / 256
"""Share of a page that objects can have (measured: collections for want of room at 98 % to 99.8 %
of the capacity)."""
GROWTH = 2
"""--semi-space-growth-factor, the same in all releases; V8 lets it be no smaller."""
SHRINKS_BELOW = 1000.0
"""Bytes allocated a millisecond, below which it shrinks: Heap::ReduceNewSpaceSize, source."""
LARGE = 128 << 10
"""Young objects above half a page live apart and are promoted at their first survival: source."""
PROMOTED_AT = 2
"""Collections after which a young object is promoted: Heap::ShouldBePromoted (the age mark),
source. In 98 to 99.7 % of the minor collections of 18 to 26 no more is promoted than the one before
had copied (measured); the rest are large objects and overflow. Right after a major collection,
which leaves new space empty, nothing is promoted in 82 to 90 %, and less than 7 % of what survives
in 95 % of them."""
PAGE_PROMOTION = 0.70
"""A major collection promotes a page as a whole if this share of it lives:
--page-promotion-threshold, 70 in Node.js 8 to 26 (read from their --v8-options)."""


@dataclass(frozen=True)
class YoungRules:
    """`task_trigger`: share of the capacity at which a collection is put off to the next turn of
    the event loop, None where none was seen to begin that way (26, measured; the flag is there).
    `grows_before`: whether it grows at the beginning of a collection, or at its end.
    `separate_phases`: whether no scavenge runs while the old generation is being marked, so that
    new space may outgrow its capacity. `external`: bytes of young
    ArrayBuffers that start a collection.
    """

    task_trigger: float | None
    grows_before: bool
    separate_phases: bool
    external: int


def young_rules(node: str | int | Release) -> YoungRules:
    """The rules of a release. --scavenge-task-trigger (14 to 19), --minor-gc-task-trigger (20 on)
    and --separate-gc-phases (off until 23, on in 24, no flag and always from 25 on) were read from
    the releases' --v8-options; growth is Heap::CheckNewSpaceExpansionCriteria until 19,
    Heap::ExpandNewSpaceSize at the start in 20 to 23, Heap::ResizeNewSpace at the end from 24 on
    (source); ArrayBuffers count twice the largest default semi-space
    (Heap::AllocateExternalBackingStore, source; 26 from newer source)."""
    one = rules(node)
    return YoungRules(
        task_trigger=0.80 if 14 <= one.major < 26 else None,
        grows_before=one.major < 24,
        separate_phases=one.major >= 24,
        external=2 * one.semi_max,
    )


def grown(capacity: int, survived: int, most: int) -> int:
    """The capacity after a collection, bytes: twice as much once more than `capacity` bytes have
    survived since it last grew (source; in all 2434 minor collections of 24 and 26 looked at it is
    what they print). A program whose objects all die young never gets there:
    --max-semi-space-size alone does nothing for it (measured)."""
    return min(capacity * GROWTH, most) if survived > capacity else capacity


def shrunk(capacity: int, survivors: int, least: int) -> int:
    """The capacity once little is allocated (`SHRINKS_BELOW`), bytes: room for twice what
    survived, at least the size it began with (SemiSpaceNewSpace::Shrink, source)."""
    return min(capacity, max(least, 2 * survivors))


def collected_at(capacity: int) -> int:
    """Bytes of objects at which nothing more fits."""
    return int(capacity * USABLE)
