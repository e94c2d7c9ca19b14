"""What a memory map says: categories of four segments and the rest, and how sure each figure is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from nodemem.memory.segments.limits import Limits
from nodemem.results import Finding

Segment = Literal["code", "data", "heap", "stack", "other"]
SEGMENTS: tuple[Segment, ...] = ("code", "data", "heap", "stack", "other")

Exactness = Literal["exact", "estimate"]

UNATTRIBUTED = "unattributed"
"""The category, in `other`, of what no evidence gives a name to."""


class Kind(NamedTuple):
    """What a piece of memory is. `isolate` is `main` or `worker N`, or the name of a thread for its
    stack; None for what is shared."""

    segment: Segment
    category: str
    isolate: str | None = None


@dataclass(frozen=True)
class Category:
    """One part of RSS, bytes. `pss` divides pages among all processes that map them, `uss` is what
    only this one maps; both None where they were not read. `exactness` is `exact` where every
    invariant that bears on the figure holds."""

    segment: Segment
    category: str
    isolate: str | None
    rss: int
    pss: int | None
    uss: int | None
    exactness: Exactness

    @property
    def kind(self) -> Kind:
        return Kind(self.segment, self.category, self.isolate)


@dataclass(frozen=True)
class Check:
    """Something that must be equal if all is as it is taken to be: `found`, what we have added up,
    and `told`, what somebody else says; bytes. `holds` says whether it is."""

    name: str
    found: int
    told: int
    holds: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", self.found == self.told)


@dataclass(frozen=True)
class Refusal:
    """Something that we were not allowed to read: what, why, and the way to it."""

    what: str
    why: str | None
    next: str | None


@dataclass(frozen=True)
class Outside:
    """What belongs to the process but not to its RSS, bytes; None where it could not be seen.

    `reserved` are addresses that it has taken without memory behind them. `group_kernel` is what
    its control group pays for the kernel's own needs, of all its processes together; page tables
    are a part of it.
    """

    page_tables: int | None = None
    swap: int | None = None
    reserved: int | None = None
    group_kernel: int | None = None


@dataclass(frozen=True)
class V8Space:
    """A space of one isolate's heap, named as v8.getHeapSpaceStatistics() does. `size` is what its
    pages have, in memory or not; `committed` what V8 itself says, None where it cannot be read."""

    isolate: str | None
    name: str
    pages: int
    size: int
    committed: int | None


@dataclass(frozen=True)
class Isolate:
    """What `isolate` of a category names: `tid` is the kernel's id of the thread that runs it, None
    if that was not found. Names of workers change when another one ends, ids do not. `thread` is
    what the program calls that thread: the `name` of the worker, since Node.js 24; None where it
    has no name of its own."""

    name: str
    tid: int | None
    thread: str | None = None


@dataclass(frozen=True)
class MemoryMap:
    """Where the RSS of a process is. The `rss` of `categories` add up to `rss` exactly, which is
    the sum over one reading of all its mappings.

    `private` is what only it maps (USS) where that is known of the whole and not of the parts.

    `limits` are those of its control groups and of the machine.

    `isolates` are those of V8 that a thread runs, the main one first, and `spaces` those of their
    heaps. `checks` are what was compared. `refusals` are what we were not allowed to read, and
    `unseen` names what could not be told for that or other reasons:
    `segments`, `pss`, `spaces`, `malloc`, `buffers`, `flags`, ... (texts `map.unseen`).
    """

    rss: int
    categories: list[Category]
    outside: Outside = Outside()
    limits: Limits = field(default_factory=Limits)
    spaces: tuple[V8Space, ...] = ()
    isolates: tuple[Isolate, ...] = ()
    checks: tuple[Check, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    unseen: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    remarks: tuple[Finding, ...] = ()
    private: int | None = None

    @property
    def segments(self) -> dict[Segment, int]:
        """Bytes of RSS in each segment, all five in the order of `SEGMENTS`."""
        sums = dict.fromkeys(SEGMENTS, 0)
        for one in self.categories:
            sums[one.segment] += one.rss
        return sums

    @property
    def pss_by_segment(self) -> dict[Segment, int] | None:
        """The PSS of each segment; None where it was not read."""
        sums = dict.fromkeys(SEGMENTS, 0)
        for one in self.categories:
            if one.pss is None:
                return None
            sums[one.segment] += one.pss
        return sums

    @property
    def pss(self) -> int | None:
        return _sum([one.pss for one in self.categories])

    @property
    def uss(self) -> int | None:
        known = _sum([one.uss for one in self.categories])
        return self.private if known is None else known

    @property
    def unattributed(self) -> int:
        """Bytes that nothing is known of."""
        return sum(one.rss for one in self.categories if one.category == UNATTRIBUTED)

    def to_data(self) -> dict[str, Any]:
        """The JSON form; sizes in bytes."""
        return {
            "rss": self.rss,
            "pss": self.pss,
            "uss": self.uss,
            "segments": dict(self.segments),
            "categories": self.categories,
            "unattributed": self.unattributed,
            "outside": self.outside,
            "groups": self.limits.groups,
            "limit": self.limits.limit,
            "nearest": self.limits.nearest,
            "pressure": self.limits.pressure,
            "machine": self.limits.machine,
            "spaces": self.spaces,
            "isolates": self.isolates,
            "checks": self.checks,
            "refusals": self.refusals,
            "unseen": self.unseen,
            "findings": self.findings,
            "remarks": self.remarks,
        }


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
