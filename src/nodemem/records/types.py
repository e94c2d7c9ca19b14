"""What was observed of a process: one frozen struct a kind of record, times in seconds.

`time` counts from the start of the recording on a monotonic clock; sizes are bytes; None means
that it could not be observed. JSON spells the fields of process.memoryUsage() as Node does.
"""

from __future__ import annotations

from typing import Any

import msgspec


class _Record(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, tag_field="record"):
    def to_data(self) -> dict[str, Any]:
        """The JSON form with every field, also those that are empty or unknown."""
        return {
            field.encode_name: getattr(self, field.name) for field in msgspec.structs.fields(self)
        }


class ProcessFacts(_Record, frozen=True, tag="process"):
    """The process under observation. `limit` is its cgroup's memory limit in bytes."""

    pid: int
    version: str | None = None
    script: str | None = None
    argv: list[str] = []
    limit: int | None = None


class HeapSpace(msgspec.Struct, frozen=True, rename="camel"):
    """One V8 heap space, as v8.getHeapSpaceStatistics() gives it."""

    name: str
    size: int
    used: int
    available: int
    physical: int


class WorkerUsage(msgspec.Struct, frozen=True, rename="camel"):
    """Memory of one worker thread's isolate; None where it did not answer. `id` is its threadId."""

    id: int | None
    heap_total: int | None = None
    heap_used: int | None = None
    external: int | None = None
    array_buffers: int | None = None
    heap_limit: int | None = None
    title: str | None = None


class MemorySample(_Record, frozen=True, tag="memory"):
    """process.memoryUsage() at one moment, with the heap limit and every heap space."""

    time: float
    rss: int
    heap_total: int
    heap_used: int
    external: int
    array_buffers: int | None = None
    heap_limit: int | None = None
    spaces: list[HeapSpace] = []
    workers: list[WorkerUsage] = []
    statistics: dict[str, int] = {}


class Marker(_Record, frozen=True, tag="marker"):
    """Something that happened: a snapshot taken, load begun."""

    time: float
    label: str
    details: dict[str, Any] = {}


Record = ProcessFacts | MemorySample | Marker
