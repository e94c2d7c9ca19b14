"""The diagnosis: two snapshots, samples over time and the load, joined into one verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from nodemem.heap.findings.growth import Growth, GrowthPoint, growth
from nodemem.heap.findings.pairing import same_process
from nodemem.heap.findings.told import (
    GROWTH_COLUMNS,
    growth_record,
    holder_params,
    source_evidence,
    where_of,
)
from nodemem.heap.naming.chains import shortest_chain
from nodemem.heap.naming.contents import content_of
from nodemem.heap.naming.holders import path_steps
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.path import path_text, retaining_path
from nodemem.heap.snapshot import HeapSnapshot
from nodemem.leaks.evidence import Trend, floor_trend
from nodemem.leaks.rules import STEADY_SHARE, confidence, judge
from nodemem.records import MemorySample
from nodemem.results import Evidence, Finding, Table

Verdict = Literal["leak", "bounded growth", "steady", "insufficient evidence"]
_SHORTEST = 1.0
_FEWEST_REQUESTS = 50
_RISING_LATE = 0.2


@dataclass(frozen=True)
class Observation:
    """One process under load. Both snapshots must be taken in one inspector session.

    `samples` are in order of time; `before_time` and `after_time` are seconds on their clock;
    `requests` were answered between the snapshots. What is not known is None.
    """

    before: HeapSnapshot
    after: HeapSnapshot
    samples: Sequence[MemorySample] = ()
    before_time: float | None = None
    after_time: float | None = None
    requests: int | None = None

    @property
    def seconds(self) -> float | None:
        """Time between the snapshots."""
        if self.before_time is None or self.after_time is None:
            return None
        return self.after_time - self.before_time


@dataclass(frozen=True)
class Diagnosis:
    """`reason` is the key of a text (`leaks.reason.<reason>`) that says why this verdict.

    `growth` is the table of growth points, `path` the retaining path of one object of the first
    finding, through its holder. `growth_bytes` is that of the whole heap, garbage excluded
    (snapshots have none).
    """

    verdict: Verdict
    reason: str
    findings: tuple[Finding, ...] = ()
    growth: Table = field(default_factory=lambda: Table(GROWTH_COLUMNS, []))
    path: Table | None = None
    growth_bytes: int = 0
    trend: Trend | None = None


def diagnose(seen: Observation) -> Diagnosis:
    """Say whether the process leaks, what, and who holds it. The rules are in leaks/rules.py."""
    if not same_process(seen.before, seen.after):
        return Diagnosis("insufficient evidence", "other_process")
    if seen.seconds is not None and seen.seconds < _SHORTEST:
        return Diagnosis("insufficient evidence", "too_short")
    names = Names(seen.after)
    found = growth(seen.before, seen.after, names)
    total = found.total_after - found.total_before
    trend = floor_trend(seen.samples)
    judged = [
        (point, judge(point, requests=seen.requests, heap_growth=total)) for point in found.points
    ]
    leaks = [point for point, judgement in judged if judgement == "leak"]
    bounded = [point for point, judgement in judged if judgement == "bounded"]
    verdict, reason = _verdict(seen, found, leaks, bounded)
    findings = tuple(_finding(names, seen, point, total, trend) for point in leaks)
    return Diagnosis(
        verdict=verdict,
        reason=reason,
        findings=findings if verdict == "leak" else (),
        growth=Table(GROWTH_COLUMNS, [growth_record(names, point) for point in found.points]),
        path=_path(names, leaks[0]) if leaks else None,
        growth_bytes=total,
        trend=trend,
    )


def _verdict(
    seen: Observation, found: Growth, leaks: list[GrowthPoint], bounded: list[GrowthPoint]
) -> tuple[Verdict, str]:
    if leaks:
        return "leak", "kept"
    if seen.requests is not None and seen.requests < _FEWEST_REQUESTS:
        return "insufficient evidence", "too_few_requests"
    if bounded:
        return "bounded growth", "replaced"
    if found.total_after - found.total_before <= STEADY_SHARE * found.total_before:
        return "steady", "same_size"
    return "steady", "no_holder"


def _path(names: Names, point: GrowthPoint) -> Table:
    """The path to one of the new objects and what makes it big, when the shortest one leads through
    the holder; else the holder's own."""
    snapshot, holder = names.snapshot, point.suspect.holder.ordinal
    for example in point.examples:
        content = content_of(names, example)
        target = example if content is None else content
        if any(edge.source == holder for edge in shortest_chain(names, target)):
            return retaining_path(snapshot, target, names)
    return retaining_path(snapshot, holder, names)


def _finding(
    names: Names, seen: Observation, point: GrowthPoint, total: int, trend: Trend | None
) -> Finding:
    suspect = point.suspect
    path = path_text(names, path_steps(names, suspect.holder.ordinal))
    grown = point.added_bytes + point.own_bytes
    rising = None if trend is None else trend.slope > 0 and trend.late > _RISING_LATE
    seconds, requests = seen.seconds, seen.requests
    evidence = [
        Evidence("added", point.added, "count", "snapshots"),
        Evidence("removed", point.removed, "count", "snapshots"),
        Evidence("grown", grown, "bytes", "snapshots"),
    ]
    if total > 0:
        evidence.append(Evidence("share_of_growth", min(1.0, grown / total), "share", "snapshots"))
    if seconds:
        evidence.append(Evidence("growth_per_second", grown / seconds, "bytes/s", "snapshots"))
    if requests:
        evidence.append(Evidence("added_per_request", point.added / requests, None, "snapshots"))
        evidence.append(Evidence("growth_per_request", grown / requests, "bytes", "snapshots"))
    if trend is not None:
        evidence.append(Evidence("floor_slope", trend.slope, "bytes/s", "samples"))
        evidence.append(Evidence("floor_r2", trend.r2, None, "samples"))
    evidence += source_evidence(suspect.declared)
    own = "own" if point.added == 0 else suspect.kind
    return Finding(
        id=f"leak.{own}",
        params=holder_params(suspect)
        | {
            "added": point.added,
            "removed": point.removed,
            "grown": grown,
            "count": suspect.count,
            "per_second": None if not seconds else grown / seconds,
        },
        where=where_of(suspect.declared, path),
        evidence=tuple(evidence),
        saving_bytes=suspect.retained,
        confidence=confidence(point, requests=requests, heap_growth=total, rising=rising),
        next=f"nodemem heap path {names.snapshot.path_on_disk} "
        f"--id {names.snapshot.node_id(suspect.holder.ordinal)}",
    )
