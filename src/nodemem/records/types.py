"""What was observed of a process: one frozen struct a kind of record, times in seconds.

`time` counts from the start of the recording on a monotonic clock; sizes are bytes; None means
that it could not be observed. JSON spells the fields of process.memoryUsage() as Node does.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import msgspec


class _Record(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, tag_field="record"):
    def to_data(self) -> dict[str, Any]:
        """The JSON form with every field, also those that are empty or unknown."""
        return {
            field.encode_name: getattr(self, field.name) for field in msgspec.structs.fields(self)
        }

    def replaced(self, **fields: Any) -> Self:
        """A copy with some fields changed."""
        return msgspec.structs.replace(self, **fields)


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
    """Memory of one worker thread's isolate; None where it did not answer. `id` is its threadId;
    `resource_limits` are those it was made with (maxOldGenerationSizeMb, ..., in MiB), which a
    flag of the process can override."""

    id: int | None
    heap_total: int | None = None
    heap_used: int | None = None
    external: int | None = None
    array_buffers: int | None = None
    heap_limit: int | None = None
    title: str | None = None
    resource_limits: dict[str, float] | None = None


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


class Resident(msgspec.Struct, frozen=True, rename="camel"):
    """Physical memory of a process by kind of mapping, bytes. `anonymous`, `file` (backed by a
    file) and `shared` (shared memory) add up to `rss`.

    `v8` (reserved by V8, whatever for), `c_heap` (the brk heap of the C library) and `stacks` are
    parts of `anonymous`. `code` is the machine code in mapped files, `data` what else is mapped
    of them, written pages (which are anonymous) included. All of these are None where only the
    totals were read. `swap` and `page_tables` are outside of `rss`; a container pays for both.
    """

    rss: int
    anonymous: int | None = None
    file: int | None = None
    shared: int | None = None
    v8: int | None = None
    c_heap: int | None = None
    stacks: int | None = None
    code: int | None = None
    data: int | None = None
    swap: int | None = None
    page_tables: int | None = None


class GroupMemory(msgspec.Struct, frozen=True, rename="camel"):
    """Memory of one control group, bytes. `used` leaves out page cache that the kernel would give
    up; `limit` is None where nothing is set. At most limits the kernel kills; with `slows` it holds
    the program up instead (`memory.high`)."""

    path: str
    limit: int | None = None
    used: int | None = None
    slows: bool = False

    @property
    def room(self) -> int | None:
        """What can still be allocated before the limit is reached."""
        if self.limit is None or self.used is None:
            return None
        return max(0, self.limit - self.used)


class ProcessSample(_Record, frozen=True, tag="sample"):
    """A process at one moment, from /proc and its control groups alone.

    `cpu` is the processor time it has used since its start, seconds. `groups` are its control
    groups, the own one first, as far as they set a limit; `events` counts what befell the own one
    (`oom_kill`, `max`, ...).
    """

    time: float
    resident: Resident
    threads: int | None = None
    fds: int | None = None
    cpu: float | None = None
    groups: list[GroupMemory] = []
    events: dict[str, int] = {}


class ActiveResources(_Record, frozen=True, tag="resources"):
    """What keeps the event loop of the main thread alive, as process.getActiveResourcesInfo()
    names it (`Timeout`, `TCPSocketWrap`, ...), counted by kind."""

    time: float
    counts: dict[str, int]


GcKind = Literal["minor", "major", "incremental", "weak-callbacks"]
"""`minor` collects new space (scavenge, minor mark-sweep), `major` the whole heap. `incremental` is
the beginning of marking between two major ones, `weak-callbacks` what weak references called."""


class GcSpace(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One V8 heap space around a collection, bytes: `used` by objects, `size` reserved for them."""

    name: str
    used_before: int | None = None
    used_after: int | None = None
    size_before: int | None = None
    size_after: int | None = None


# Logs have millions of them: Python need not look for cycles, which these cannot be part of.
class GcEvent(_Record, frozen=True, tag="gc", gc=False):
    """One collection. Times are seconds, sizes bytes.

    `time` is when it began, on the clock of the source: since the isolate was made in V8's logs,
    since the start of a recording there, since the first event of a trace. `pause` is how long
    JavaScript stood still for it, `cpu` how long its thread used the processor meanwhile.

    `used` counts objects, `size` what V8 had reserved, `external` memory outside the heap that
    objects own. `promoted` moved to old space, `survived` was copied within new space, `allocated`
    came since the collection before. `survival` is the share of new space, as it was filled, that
    was alive in a minor collection. `new_capacity` is how large new space may become now,
    `old_limit` and `global_limit` are where the next major collection begins, `heap_limit` where
    V8 gives up.

    A major collection that was marked in steps has `steps` of them, which took `steps_time` in
    all and `longest_step` at most, over `marking_time`; none of it is in `pause`. `callbacks` is
    the part of `pause` in callbacks of the embedder, those of weak references among them.
    `utilization` is the share of time that was not spent in major collections since the one before,
    `average_utilization` V8's running mean of it.

    `isolate` is its address, as V8 prints it; `thread` the `threadId` of a worker, 0 for the main
    thread.
    """

    kind: GcKind
    time: float | None = None
    pause: float | None = None
    collector: str | None = None
    cause: str | None = None
    collector_cause: str | None = None
    cpu: float | None = None
    reduce: bool | None = None
    forced: bool | None = None
    used_before: int | None = None
    used_after: int | None = None
    size_before: int | None = None
    size_after: int | None = None
    external_before: int | None = None
    external_after: int | None = None
    spaces: list[GcSpace] = []
    promoted: int | None = None
    survived: int | None = None
    allocated: int | None = None
    survival: float | None = None
    new_capacity: int | None = None
    old_limit: int | None = None
    global_limit: int | None = None
    heap_limit: int | None = None
    steps: int | None = None
    steps_time: float | None = None
    longest_step: float | None = None
    marking_time: float | None = None
    callbacks: float | None = None
    utilization: float | None = None
    average_utilization: float | None = None
    isolate: str | None = None
    thread: int | None = None
    pid: int | None = None


class GcWatch(_Record, frozen=True, tag="gc-watch"):
    """That collections of one isolate were watched from `begun` to `time`, seconds.

    `lost` counts those that were seen to happen but could not be kept. `cost` is the time, in
    seconds, that watching took in the target, partly an estimate.
    """

    time: float
    begun: float
    events: int
    lost: int = 0
    cost: float | None = None
    thread: int | None = None
    pid: int | None = None


class ProcessEnd(_Record, frozen=True, tag="end"):
    """The process is gone: `how`, as far as an outsider can know. `exit_code` is that of a child
    of ours, negative for a signal."""

    time: float
    how: str
    exit_code: int | None = None


class Marker(_Record, frozen=True, tag="marker"):
    """Something that happened: a snapshot taken, load begun."""

    time: float
    label: str
    details: dict[str, Any] = {}


Record = (
    ProcessFacts
    | MemorySample
    | ProcessSample
    | ActiveResources
    | GcEvent
    | GcWatch
    | ProcessEnd
    | Marker
)
