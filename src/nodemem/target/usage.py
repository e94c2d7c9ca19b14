"""process.memoryUsage() and V8's own statistics, asked from outside."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from nodemem.errors import TargetError, TargetTimeout
from nodemem.records import ActiveResources, HeapSpace, MemorySample, WorkerUsage
from nodemem.target import workers
from nodemem.target.isolate import Isolate
from nodemem.target.probe_answer import read_answer
from nodemem.target.session import Session
from nodemem.target.worker_events import Worker

_THREAD = re.compile(r"\[worker (\d{1,9})\]")


# What answers may be anything that listens; such numbers are none of memory.
_Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
_Statistic = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]  # limits can be set beyond all reason
_Name = Annotated[str, msgspec.Meta(max_length=100)]


class _Usage(msgspec.Struct, rename="camel"):
    rss: _Size
    heap_total: _Size
    heap_used: _Size
    external: _Size
    array_buffers: _Size | None = None


class _Space(msgspec.Struct):
    space_name: _Name
    space_size: _Size
    space_used_size: _Size
    space_available_size: _Size
    physical_space_size: _Size


class _Isolate(msgspec.Struct):
    """What the probe `memory_usage` returns. Fields of the statistics differ by release."""

    usage: _Usage
    thread: _Size | None = None
    statistics: Annotated[dict[_Name, _Statistic], msgspec.Meta(max_length=100)] = {}
    limits: Annotated[dict[_Name, float], msgspec.Meta(max_length=100)] = {}
    spaces: Annotated[list[_Space], msgspec.Meta(max_length=100)] = []


def read_memory(session: Session, *, time: float) -> MemorySample:
    """One sample, taken `time` seconds into the observation. `rss` is that of the process, all
    else that of the main thread; workers stand apart in `workers`.

    Raises:
        TargetError: see `Session.call`.
    """
    return msgspec.structs.replace(read_isolate(session, time=time), workers=_workers(session))


def read_isolate(isolate: Isolate, *, time: float) -> MemorySample:
    """One sample of one isolate, be it a worker's. `rss` is that of the process.

    Raises:
        TargetError: see `Session.call`.
    """
    return _sample(isolate.ask("memory_usage", _Isolate), time)


def read_isolates(session: Session) -> dict[str, MemorySample]:
    """A sample of each isolate at this moment, by the names that a memory map gives them: `main`,
    then `worker 1`, `worker 2`... in the order of their start. A worker that does not answer is
    left out.

    Raises:
        TargetError: see `Session.call`.
    """
    samples = {"main": read_isolate(session, time=0.0)}
    answers = [one for _, one in _answers(session) if one is not None]
    for number, one in enumerate(sorted(answers, key=lambda one: one.thread or 0), 1):
        samples[f"worker {number}"] = _sample(one, 0.0)
    return samples


def _sample(answer: _Isolate, time: float) -> MemorySample:
    usage = answer.usage
    return MemorySample(
        time=time,
        rss=usage.rss,
        heap_total=usage.heap_total,
        heap_used=usage.heap_used,
        external=usage.external,
        array_buffers=usage.array_buffers,
        heap_limit=answer.statistics.get("heap_size_limit"),
        spaces=[
            HeapSpace(
                name=space.space_name,
                size=space.space_size,
                used=space.space_used_size,
                available=space.space_available_size,
                physical=space.physical_space_size,
            )
            for space in answer.spaces
        ],
        statistics=answer.statistics,
    )


class _Resources(msgspec.Struct):
    counts: Annotated[dict[_Name, _Size], msgspec.Meta(max_length=1000)] | None = None


def read_resources(session: Session, *, time: float) -> ActiveResources | None:
    """What keeps the event loop alive, `time` seconds into the observation; None where this
    release cannot tell (before 17.3). The process makes a list of all of it for that.

    Raises:
        TargetError: see `Session.call`.
    """
    answer: _Resources = session.ask("resources", _Resources)
    return None if answer.counts is None else ActiveResources(time=time, counts=answer.counts)


def _workers(session: Session) -> list[WorkerUsage]:
    found = [_worker(worker, isolate) for worker, isolate in _answers(session)]
    return sorted(found, key=lambda worker: worker.id or 0)


def _answers(session: Session) -> list[tuple[Worker, _Isolate | None]]:
    """What each worker says of itself, None where it does not."""
    try:
        answers = workers.call_each(session, "Runtime.evaluate", session.probe_call("memory_usage"))
    except TargetTimeout:
        return []
    found: list[tuple[Worker, _Isolate | None]] = []
    for worker, answer in answers:
        try:
            found.append((worker, read_answer(answer or {}, _Isolate, worker.title)))
        except TargetError:
            found.append((worker, None))
    return found


def _worker(worker: Worker, isolate: _Isolate | None) -> WorkerUsage:
    title = worker.title or None
    named = _THREAD.match(worker.title)
    if isolate is None:
        return WorkerUsage(id=int(named[1]) if named else None, title=title)
    return WorkerUsage(
        id=isolate.thread,
        heap_total=isolate.usage.heap_total,
        heap_used=isolate.usage.heap_used,
        external=isolate.usage.external,
        array_buffers=isolate.usage.array_buffers,
        heap_limit=isolate.statistics.get("heap_size_limit"),
        title=title,
        resource_limits=isolate.limits,
    )
