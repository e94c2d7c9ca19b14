"""Heap limits together with the container around them: what ends the process, what to set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nodemem.errors import UsageError
from nodemem.gc.policy import HeapLimits
from nodemem.records import GroupMemory, ProcessFacts, WorkerUsage
from nodemem.results import Finding
from nodemem.sizing.doubts import doubts
from nodemem.sizing.ending import Ending, ending
from nodemem.sizing.outside import ESTIMATE, Outside
from nodemem.sizing.recommend import Recommendation, recommend

MOST = 1000


@dataclass(frozen=True)
class WorkerLimit:
    """A worker thread: the limit that it has, and the one that the rules give (None where its
    `resourceLimits` are not known)."""

    usage: WorkerUsage
    limits: HeapLimits | None


@dataclass(frozen=True)
class Share:
    """What one of several processes in a container should have, bytes; `live` is what V8 has in
    memory now."""

    pid: int | None
    live: int | None
    budget: int


@dataclass(frozen=True)
class LimitsReport:
    """`container` is the limit that the kernel holds the process to, the smallest of its group and
    those above, and `container_source` that group. `real` is the limit that V8 itself told, where
    it was asked. `options` are the words that set limits, with where they stand."""

    limits: HeapLimits
    container: int | None
    outside: Outside
    ending: Ending
    recommendation: Recommendation | None
    findings: tuple[Finding, ...]
    container_source: str | None = None
    facts: ProcessFacts | None = None
    options: tuple[str, ...] = ()
    groups: tuple[GroupMemory, ...] = ()
    real: int | None = None
    workers: tuple[WorkerLimit, ...] = ()
    shares: tuple[Share, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """The JSON form; sizes in bytes."""
        return {
            **self.limits.to_data(),
            "container": self.container,
            "container_source": self.container_source,
            "groups": list(self.groups),
            "options": list(self.options),
            "real_heap_size_limit": self.real,
            "workers": [_worker_data(one) for one in self.workers],
            "outside": {
                "low": self.outside.low,
                "high": self.outside.high,
                "measured": self.outside.measured,
                "parts": dict(self.outside.parts),
                "heap": self.outside.heap,
            },
            "at_the_limit": {
                "first": self.ending.first,
                "needs": {"low": self.ending.needs[0], "high": self.ending.needs[1]},
                "allowed": self.ending.allowed,
                "by": self.ending.where,
                "slows": self.ending.slows,
            },
            "recommendation": None if self.recommendation is None else _advice(self.recommendation),
            "shares": [
                {"pid": one.pid, "live": one.live, "budget": one.budget} for one in self.shares
            ],
            "findings": list(self.findings),
        }


def report(
    limits: HeapLimits,
    machine: int,
    container: int | None = None,
    *,
    budget: int | None = None,
    processes: int = 1,
) -> LimitsReport:
    """The hypothetical case: `limits` in a container (None for none) on a machine of so many bytes.
    `budget` is what to recommend limits for, by default the container, shared by `processes` alike.

    Raises:
        UsageError: there are too many processes.
    """
    check(processes)
    budget = container if budget is None else budget
    beside = Outside(ESTIMATE.low * processes, ESTIMATE.high * processes)
    end = ending(limits.heap_size_limit * processes, container, beside, machine=machine)
    chosen = (
        None
        if budget is None
        else recommend(limits.node, budget // processes, ESTIMATE, bits=limits.bits)
    )
    shares: tuple[Share, ...] = ()
    if budget is not None and processes > 1:
        shares = (Share(None, None, budget // processes),) * processes
    return LimitsReport(
        limits=limits,
        container=container,
        outside=ESTIMATE,
        ending=end,
        recommendation=chosen,
        findings=tuple(doubts(limits, end)),
        shares=shares,
    )


def check(processes: int) -> None:
    """
    Raises:
        UsageError: so many processes cannot share a container.
    """
    if not 1 <= processes <= MOST:
        raise UsageError(f"{processes} processes cannot share a container", next="name 1 to 1000")


def _worker_data(one: WorkerLimit) -> dict[str, Any]:
    return {
        "id": one.usage.id,
        "title": one.usage.title,
        "heap_size_limit": one.usage.heap_limit,
        "resource_limits": one.usage.resource_limits,
        "computed": None if one.limits is None else one.limits.to_data(),
    }


def _advice(one: Recommendation) -> dict[str, Any]:
    return {
        "budget": one.budget,
        "reserve": one.reserve,
        "heap_size_limit": one.heap_size_limit,
        "flags": [] if one.flags is None else one.flags.words(),
        "node_options": " ".join(one.node_options),
        "command_line": one.command_line,
        "reasons": [why.to_data() for why in one.reasons],
    }
