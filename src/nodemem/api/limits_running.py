"""The heap limits of a process that runs, from what can be seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from nodemem.api.limits import NEWEST, machine
from nodemem.api.limits_report import MOST, LimitsReport, Share, WorkerLimit, check
from nodemem.api.memory_map import memory_map
from nodemem.api.node import attach
from nodemem.capture.sampler import Sampler
from nodemem.errors import NotPermitted, TargetError, TargetLost, UsageError
from nodemem.gc import policy
from nodemem.gc.policy import HeapLimits, Release, WorkerLimits
from nodemem.gc.policy.flags import NAMES
from nodemem.records import GroupMemory, MemorySample, ProcessSample
from nodemem.results import Evidence, Finding
from nodemem.sizing import headroom
from nodemem.sizing.doubts import doubts
from nodemem.sizing.ending import ending
from nodemem.sizing.headroom import Situation
from nodemem.sizing.outside import ESTIMATE, Outside, outside_of
from nodemem.sizing.recommend import recommend
from nodemem.sizing.share import Heap, split
from nodemem.target import cgroup as groups_of
from nodemem.target import commandline, constrained, discover, procfs

_BIG = 1 << 30
"""Bytes of RSS above which memory is read in the way that holds a process up least."""


class Running:
    """The limits of a process that runs, from what it was started with and is told of its memory.
    It is not touched. `limits` is None where they cannot be known, `unknown` says why: `version`,
    `title` (which hides the options), `permission`, `electron` (whose V8 is built otherwise)."""

    def __init__(self, process: discover.NodeProcess) -> None:
        self.pid = process.pid
        self.version = process.version
        self.told = constrained.constrained(process.pid)
        self.unknown = _why_unknown(process)
        environ = procfs.environ(process.pid) or {}
        self.options = [
            option
            for option in commandline.given_options(process.argv, environ.get("NODE_OPTIONS", ""))
            if option.name.replace("-", "_").removeprefix("no").removeprefix("_") in NAMES
            or option.name.replace("-", "_") in NAMES
        ]
        self.flags, self.odd = policy.flags.read((one.name, one.value) for one in self.options)
        self.limits: HeapLimits | None = None
        self.node: Release | None = None
        if self.unknown is None:
            self.node = policy.release(process.version or NEWEST)
            self.limits = self.compute()

    def assume(self) -> HeapLimits | None:
        """The limits by what can be seen, where a title hides the command line: NODE_OPTIONS."""
        if self.limits is None and self.unknown == "title" and self.version is not None:
            self.node = policy.release(self.version)
            self.limits = self.compute()
        return self.limits

    def compute(
        self,
        *,
        cgroup: int | Literal["max"] | None = None,
        worker: WorkerLimits | None = None,
    ) -> HeapLimits | None:
        """Its limits, or those that one of its workers, or in another control group, it would
        have; None where its flags are none that its release starts with."""
        if self.node is None:
            return None
        told = self.told
        bits: Any = procfs.bits(self.pid) or 64
        own = told.own if policy.sees(self.node) == "own group" else told.root
        asked = None if cgroup == "max" else cgroup
        try:
            return policy.heap_limits(
                self.node,
                told.total or machine(),
                (own or None) if cgroup is None else asked,  # 0 counts as no limit in libuv
                flags=self.flags,
                cgroup_version=1 if cgroup is None else told.version or 2,
                bits=bits,
                worker=worker,
            )
        except UsageError:
            return None

    @property
    def source(self) -> str | None:
        """The option that decides the old generation's limit; `v8` where none does."""
        if self.limits is None:
            return None
        names = ["max-old-space-size-percentage", "max-old-space-size", "max-heap-size"]
        for name in names:
            value = getattr(self.flags, name.replace("-", "_"))
            word = next((one for one in reversed(self.options) if one.name == name), None)
            if value and word is not None:
                return str(word)
        return "v8"


def _why_unknown(process: discover.NodeProcess) -> str | None:
    if process.electron:
        return "electron"
    if not process.readable:
        return "permission"
    if commandline.title(process.argv) is not None:
        return "title"
    if process.version is None:
        return "version"
    try:
        policy.release(process.version)
    except UsageError:
        return "version"
    return None


def limits(
    pid: int,
    *,
    cgroup: int | Literal["max"] | None = None,
    processes: int | None = None,
    attached: bool = False,
) -> LimitsReport:
    """The limits of a process that runs, from /proc and its control groups alone.

    `cgroup` asks what would be if it had a group of its own with that limit (bytes, or none),
    `processes` what if that many like it shared its group; by default those that do are found. With
    `attached` its inspector is opened for a moment, for the limit in force and its worker threads'.

    Raises:
        TargetNotFound, TargetLost: there is no such process any more, or it is not Node.js.
        NotPermitted: it belongs to somebody else.
        TargetError: its release is not known, or see `attach`.
        UsageError: there are too many processes.
    """
    check(1 if processes is None else processes)
    sampler = Sampler(pid)
    running = Running(sampler.process)
    found = running.assume()
    if cgroup is not None:
        found = running.compute(cgroup=cgroup)
    if found is None:
        raise _unknown(running)
    sample = sampler.sample(0.0, detailed=None)
    if sample is None:
        raise TargetLost(f"process {pid} ended while we looked at it", next="nodemem ps")
    usage = _ask(pid) if attached else None
    asked = GroupMemory("--cgroup", None if cgroup == "max" else cgroup)
    groups = list(sample.groups) if cgroup is None else [asked]
    seen = _situation(pid, found, sample, groups)
    mapped = memory_map(pid, gentle=sample.resident.rss > _BIG, ask=attached)
    beside = outside_of(mapped)
    outside = beside if sample.resident.v8 is None else headroom.outside(seen)
    smallest = min(groups, key=lambda one: one.limit or 0, default=None)
    container = None if smallest is None else smallest.limit
    threads = [] if usage is None else usage.workers
    # Heaps of workers, as they are while the main one grows.
    others = sum(one.heap_total or 0 for one in threads) or sum(beside.heaps[1:])
    grown = Outside(outside.low + others, outside.high + others, outside.measured)
    slows = smallest is not None and smallest.slows
    total = running.told.total
    end = ending(found.heap_size_limit, container, grown, machine=total, slows=slows)
    alone = processes or (1 if cgroup is not None else None)
    shares = () if container is None else _shares(container, pid, sample, alone)
    budget = next((one.budget for one in shares if one.pid in (pid, None)), container)
    advice = None
    if budget is not None:
        beside = outside_of(mapped, max(1, len(shares)))
        advice = recommend(
            found.node,
            budget,
            beside,
            live=max(beside.heaps, default=beside.heap),
            isolates=max(1 + len(threads), len(beside.heaps)),
            bits=found.bits,
        )
    workers = () if usage is None else _workers(running, usage)
    real = None if usage is None or cgroup is not None else usage.heap_limit
    report = LimitsReport(
        limits=found,
        container=container,
        container_source=None if smallest is None else smallest.path,
        outside=beside,
        ending=end,
        recommendation=advice,
        findings=tuple(doubts(found, end)),
        facts=sampler.facts(),
        options=tuple(str(one) for one in running.options),
        groups=tuple(groups),
        real=real,
        workers=workers,
        shares=shares,
    )
    return replace(report, findings=(*report.findings, *_seen(running, report)))


def _seen(running: Running, found: LimitsReport) -> list[Finding]:
    """What looks wrong about this very process."""
    seen = []
    limit = found.limits.heap_size_limit
    if found.real is not None and found.real != limit:
        params = {"real": found.real, "computed": limit}
        seen.append(Finding(id="limits.differs", params=params, confidence=0.9))
    if running.unknown == "title":
        seen.append(Finding(id="limits.options_hidden", params={"pid": running.pid}))
    if running.odd:
        seen.append(Finding(id="limits.odd_options", params={"words": " ".join(running.odd)}))
    told = found.limits.memory
    if told is not None and found.container is not None and found.container < told:
        evidence = (Evidence("limit_source", found.container_source),)
        unseen = {"container": found.container, "memory": told}
        seen.append(
            Finding(id="limits.unseen_group", params=unseen, evidence=evidence, confidence=0.95)
        )
    for worker in found.workers:
        asked = (worker.usage.resource_limits or {}).get("maxOldGenerationSizeMb")
        given = None if worker.limits is None else worker.limits.max_old_space_size
        if asked is not None and given is not None and _overruled(found.limits, asked, given):
            who = {"worker": worker.usage.id, "asked": int(asked * (1 << 20)), "given": given}
            seen.append(Finding(id="limits.worker_overruled", params=who, confidence=0.9))
    return seen


def _overruled(limits: HeapLimits, asked: float, given: int) -> bool:
    """Whether a worker asked for less than half of what a flag of the process gives it."""
    return bool(limits.flags.given()) and asked * (1 << 20) < given / 2


def _situation(
    pid: int, found: HeapLimits, sample: ProcessSample, groups: Sequence[GroupMemory]
) -> Situation:
    """One reading, in the groups that are asked about."""
    one = ProcessSample(time=sample.time, resident=sample.resident, groups=list(groups))
    return Situation(pid=pid, before=one, after=one, heap_limit=found.heap_size_limit)


def _beside(sample: ProcessSample, sharers: int) -> Outside:
    """What one of several processes has outside its heap, from its totals. The files of Node.js are
    in memory once for all `sharers`."""
    resident = sample.resident
    if resident.v8 is None:
        return ESTIMATE
    files = resident.file or 0
    size = max(0, resident.rss - resident.v8 - files) + files // sharers
    return Outside(size, size, measured=True, heap=resident.v8)


def _shares(
    container: int, pid: int, sample: ProcessSample, processes: int | None
) -> tuple[Share, ...]:
    """How the container is shared: by `processes` alike, or by those that are in it."""
    if processes is not None:
        if processes == 1:
            return ()
        live = sample.resident.v8
        return (Share(None, live, container // processes),) * processes
    members = _members(pid, sample)
    if len(members) < 2:
        return ()
    # What is outside of the heaps is set aside first, each process's own; the rest is split.
    count = len(members)
    kept = [_beside(one, count).reserve(container // count) for _, one in members]
    heaps = [Heap(one.resident.v8 or 0) for _, one in members]
    parts = split(max(0, container - sum(kept)), heaps)
    return tuple(
        Share(member, one.resident.v8, part + reserve)
        for (member, one), part, reserve in zip(members, parts, kept, strict=True)
    )


def _members(pid: int, sample: ProcessSample) -> list[tuple[int, ProcessSample]]:
    """The Node.js processes in the process's own control group."""
    own = groups_of.memory_groups(pid)[:1]
    found = [(pid, sample)]
    for other in discover.processes():
        if other.pid == pid or len(found) >= MOST:
            continue
        if groups_of.memory_groups(other.pid)[:1] == own:
            reading = Sampler(other.pid).sample(0.0, detailed=None)
            if reading is not None:
                found.append((other.pid, reading))
    return sorted(found, key=lambda one: one[0])


def _workers(running: Running, usage: MemorySample) -> tuple[WorkerLimit, ...]:
    found = []
    for one in usage.workers:
        given = one.resource_limits or {}
        worker = WorkerLimits(
            given.get("maxOldGenerationSizeMb"), given.get("maxYoungGenerationSizeMb")
        )
        found.append(WorkerLimit(one, running.compute(worker=worker) if given else None))
    return tuple(found)


def _ask(pid: int) -> MemorySample:
    with attach(pid) as node:
        return node.memory_usage()


def _unknown(running: Running) -> TargetError:
    pid = running.pid
    if running.unknown == "permission":
        return NotPermitted(
            f"the options of process {pid} may not be read",
            why="it belongs to another user",
            next=f"sudo nodemem limits {pid}",
        )
    why = "its release is not known"
    if running.unknown == "electron":
        why = "Electron's V8 is built with other limits"
    elif running.unknown is None:
        why = "its release does not start with the options that it seems to have"
    return TargetError(
        f"the heap limits of process {pid} cannot be worked out",
        why=why,
        next=f"nodemem usage {pid} asks V8 itself",
    )
