"""A heap snapshot of a live process, streamed to a file.

No more than a few chunks are in our memory at any time, whatever the size. What it was forecast to
cost and what it did cost is kept for the next forecast.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nodemem import paths, units
from nodemem.capture import contents, history, refusal
from nodemem.capture.cost_model import least_file_size
from nodemem.capture.forecast import Forecast, forecast_snapshot
from nodemem.capture.history import Past
from nodemem.capture.measured import Watch
from nodemem.errors import NodememError, OutputError, TargetError
from nodemem.records import MemorySample
from nodemem.records.compression import by_name, is_compressed
from nodemem.results import SILENT, Progress
from nodemem.target import heap_profiler, usage
from nodemem.target.isolate import Isolate
from nodemem.target.session import Session
from nodemem.target.worker_thread import visit

_COUNTS = re.compile(rb'"node_count":(\d{1,12}),"edge_count":(\d{1,12})')
_HEAD = 1 << 14  # bytes within which a snapshot tells its counts


@dataclass(frozen=True)
class SnapshotFile:
    """A complete snapshot: the file's size in bytes (`uncompressed`: what is in it), and what
    taking it cost, as measured, beside the `forecast`.

    `seconds` is how long the program stood still at most, `cpu` the processor time that its main
    thread used for it; `waited`, in seconds, how long its event loop was busy before (it was then
    paused inside its loop: `paused`). `extra_rss` is by how many bytes the target's resident memory
    rose at the peak; `rss_before` and `rss_after` are that memory, the latter None if it ended
    right afterwards. `cpu` and `extra_rss` are None where the process is out of sight. `nodes` and
    `edges` are what the file says it holds. `replaced` is the size of an unfinished file of an
    earlier run that was in the way, None if there was none.
    """

    path: Path
    size: int
    uncompressed: int
    seconds: float
    waited: float
    paused: bool
    rss_before: int
    rss_after: int | None
    forecast: Forecast
    cpu: float | None = None
    extra_rss: int | None = None
    nodes: int | None = None
    edges: int | None = None
    replaced: int | None = None


def forecast_isolate(
    session: Session,
    isolate: Isolate,
    sample: MemorySample,
    folder: Path,
    *,
    worker: int | None = None,
    numeric: bool = False,
    compressed: bool = False,
) -> Forecast:
    """What a snapshot of an isolate of the attached process, of which `sample` was taken just now,
    would cost; see `forecast_snapshot`."""
    return forecast_snapshot(
        sample,
        version=session.version,
        pid=session.pid,
        folder=folder,
        numeric=numeric,
        compressed=compressed,
        counted=contents.count(session.pid, sample.heap_used, main=worker is None),
        program=_program(session, worker),
        past=history.load(),
    )


def take_snapshot(
    session: Session,
    path: Path,
    *,
    worker: int | None = None,
    numeric: bool = False,
    internals: bool = False,
    force: bool = False,
    progress: Progress = SILENT,
    announce: Callable[[Forecast], object] | None = None,
) -> SnapshotFile:
    """Write the heap of the attached process's main thread to `path`, mode 0600, compressed if it
    ends in `.gz` or `.zst`.

    `worker` is the `threadId` of a worker thread whose heap is wanted instead; `numeric` puts in
    the values of numbers, `internals` names V8's own fields. `announce` gets the forecast before
    anything happens. `force` replaces an existing file and goes on where the forecast does not fit.

    Until it is complete the file is `<path>.partial`; that stays if the target dies half-way.

    Raises:
        OutputExists, OutputError: see `paths.whole_file`; also when it turns out that it will not
            fit on the disk.
        TargetNotFound: there is no such worker.
        UnsafeTarget: the upper end of the forecast does not fit the container's limit, the
            machine's memory or the disk.
        TargetError: see `Session.call`; the file's name is in `next` where a part of it is left.
    """
    paths.refuse_existing(path, force=force)
    with contextlib.nullcontext(session) if worker is None else visit(session, worker) as isolate:
        sample = usage.read_isolate(isolate, time=0.0)
        forecast = forecast_isolate(
            session,
            isolate,
            sample,
            path.parent,
            worker=worker,
            numeric=numeric,
            compressed=is_compressed(path),
        )
        if announce is not None:
            announce(forecast)
        if not force:
            refusal.refuse_unsafe(forecast, session, sample, numeric=numeric)
        isolate.forget_console()
        watch = Watch(session.pid)
        written = _Written(progress, watch, None if force or is_compressed(path) else path)
        replaced = _size(paths.partial_of(path))
        begun = time.monotonic()
        with paths.whole_file(path, force=force) as file, by_name(path, file) as packed:
            stream = heap_profiler.Stream(
                isolate,
                lambda data: written.add(data, packed.write),
                written.objects,
                numeric=numeric,
                internals=internals,
            )
            try:
                stream.run()
            except NodememError as error:
                kept = units.format_bytes(written.size)
                error.next = (
                    f"{kept} were written to {paths.partial_of(path)}; {error.next or 'try again'}"
                )
                raise
            seconds = time.monotonic() - begun - stream.waited
            extra_rss = watch.extra_rss()
            cpu = watch.main_thread_cpu() if worker is None else None
        rss_after = None
        with contextlib.suppress(TargetError):  # it may end now: the snapshot is whole
            rss_after = usage.read_isolate(isolate, time=seconds).rss
    taken = SnapshotFile(
        path=path,
        size=path.stat().st_size,
        uncompressed=written.size,
        seconds=seconds,
        waited=stream.waited,
        paused=stream.paused,
        rss_before=sample.rss,
        rss_after=rss_after,
        forecast=forecast,
        cpu=cpu,
        extra_rss=extra_rss,
        nodes=written.nodes,
        edges=written.edges,
        replaced=replaced,
    )
    _remember(taken, sample, session.version, _program(session, worker), numeric=numeric)
    return taken


def _program(session: Session, worker: int | None) -> str:
    kind = "" if worker is None else " worker"
    return history.program_of(session.identity.argv, session.identity.exec_argv) + kind


def _remember(
    taken: SnapshotFile, sample: MemorySample, version: str, program: str, *, numeric: bool
) -> None:
    expected = taken.forecast.expected
    history.add(
        Past(
            version=version,
            program=program,
            basis=taken.forecast.basis,
            heap_used=sample.heap_used,
            nodes=taken.nodes or 0,
            edges=taken.edges or 0,
            pause=taken.seconds,
            file_size=taken.uncompressed,
            cpu=taken.cpu,
            extra_rss=taken.extra_rss,
            expected_cpu=None if expected is None else expected.cpu,
            expected_extra_rss=None if expected is None else expected.extra_rss,
            expected_file_size=None if expected is None else expected.file_size,
            numeric=numeric,
        )
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size or None
    except OSError:
        return None


class _Written:
    """Counts, watches, and reports: first V8 walks the heap, then the file comes.

    Its head tells how much there will be. If that cannot fit beside `path` it is no use to go on
    until the disk is full; None is not asked.
    """

    def __init__(self, progress: Progress, watch: Watch, path: Path | None) -> None:
        self.size = 0
        self.nodes: int | None = None
        self.edges: int | None = None
        self._progress = progress
        self._watch = watch
        self._path = path
        self._total: int | None = None
        self._head = b""

    def objects(self, done: int, total: int) -> None:
        if total != self._total:
            self._total = total
            self._progress.phase("walking the heap", total, "objects")
        self._watch.look()
        self._progress.update(done)

    def add(self, data: bytes, write: Callable[[bytes], object]) -> None:
        if self.size == 0:
            self._progress.phase("writing")
        if self.nodes is None and self.size < _HEAD:
            self._head = (self._head + data)[:_HEAD]
            self._read_head()
        write(data)
        self.size += len(data)
        self._watch.look()
        self._progress.update(self.size)

    def _read_head(self) -> None:
        found = _COUNTS.search(self._head)
        if found is None:
            return
        self.nodes, self.edges = int(found[1]), int(found[2])
        if self._path is None:
            return
        least = least_file_size(self.nodes, self.edges)
        free = shutil.disk_usage(self._path.parent).free
        if least > free:
            raise OutputError(
                f"the snapshot will not fit beside {self._path}",
                why=f"its {self.nodes:,} objects and {self.edges:,} references take at least "
                f"{units.format_bytes(least)}, {units.format_bytes(free)} are free",
                next=f"choose another place with -o, or a compressed file: -o {self._path}.zst",
            )
