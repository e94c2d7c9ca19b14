"""A heap snapshot of a live process, streamed to a file.

No more than a few chunks are in our memory at any time, whatever the size.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nodemem import paths, units
from nodemem.capture.forecast import Forecast, forecast_snapshot
from nodemem.errors import NodememError, TargetError, UnsafeTarget
from nodemem.records.compression import by_name, is_compressed
from nodemem.results import SILENT, Progress
from nodemem.target import heap_profiler, usage
from nodemem.target.session import Session
from nodemem.target.worker_thread import visit


@dataclass(frozen=True)
class SnapshotFile:
    """A complete snapshot: the file's size in bytes (`uncompressed`: what is in it), and what
    taking it cost, as measured.

    `seconds` is how long the program stood still at most; `waited`, in seconds, how long its event
    loop was busy before (it was then paused inside its loop: `paused`). `rss_before` and
    `rss_after` are the target's, in bytes, the latter None if it ended right afterwards.
    """

    path: Path
    size: int
    uncompressed: int
    seconds: float
    waited: float
    paused: bool
    rss_before: int
    rss_after: int | None


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
        OutputExists, OutputError: see `paths.whole_file`.
        TargetNotFound: there is no such worker.
        UnsafeTarget: the upper end of the forecast does not fit the container's limit or the disk.
        TargetError: see `Session.call`; the file's name is in `next` where a part of it is left.
    """
    paths.refuse_existing(path, force=force)
    with contextlib.nullcontext(session) if worker is None else visit(session, worker) as isolate:
        sample = usage.read_isolate(isolate, time=0.0)
        forecast = forecast_snapshot(
            sample,
            version=session.version,
            pid=session.pid,
            folder=path.parent,
            numeric=numeric,
            compressed=is_compressed(path),
        )
        if announce is not None:
            announce(forecast)
        if not force:
            _refuse_unsafe(forecast, session)
        isolate.forget_console()
        written = _Written(progress)
        begun = time.monotonic()
        with paths.whole_file(path, force=force) as file, by_name(path, file) as packed:
            stream = heap_profiler.Stream(
                isolate,
                lambda data: written.add(packed.write(data)),
                written.objects,
                numeric=numeric,
                internals=internals,
            )
            try:
                stream.run()
            except NodememError as error:
                partial = path.with_name(path.name + paths.PARTIAL_SUFFIX)
                kept = units.format_bytes(written.size)
                error.next = f"{kept} were written to {partial}; {error.next or 'try again'}"
                raise
            seconds = time.monotonic() - begun - stream.waited
        rss_after = None
        with contextlib.suppress(TargetError):  # it may end now: the snapshot is whole
            rss_after = usage.read_isolate(isolate, time=seconds).rss
    return SnapshotFile(
        path=path,
        size=path.stat().st_size,
        uncompressed=written.size,
        seconds=seconds,
        waited=stream.waited,
        paused=stream.paused,
        rss_before=sample.rss,
        rss_after=rss_after,
    )


class _Written:
    """Counts, and reports: first V8 walks the heap, then the file comes."""

    def __init__(self, progress: Progress) -> None:
        self.size = 0
        self._progress = progress
        self._total: int | None = None

    def objects(self, done: int, total: int) -> None:
        if total != self._total:
            self._total = total
            self._progress.phase("walking the heap", total, "objects")
        self._progress.update(done)

    def add(self, count: int) -> None:
        if self.size == 0:
            self._progress.phase("writing")
        self.size += count
        self._progress.update(self.size)


def _refuse_unsafe(forecast: Forecast, session: Session) -> None:
    need = units.format_bytes(forecast.extra_rss.high)
    if not forecast.fits_memory and forecast.memory_room is not None:
        room = units.format_bytes(forecast.memory_room, binary=True)
        limit = units.format_bytes(forecast.memory_limit or 0, binary=True)
        raise UnsafeTarget(
            f"a heap snapshot could get {session.name} killed",
            why=f"it may need up to {need} more memory (estimate), and its container, limited to "
            f"{limit}, has {room} left",
            next="raise the container's limit, or add --force to take that risk",
        )
    if not forecast.fits_disk and forecast.disk_room is not None:
        raise UnsafeTarget(
            "the snapshot may not fit on the disk",
            why=f"it may take up to {units.format_bytes(forecast.file_size.high)} (estimate), "
            f"{units.format_bytes(forecast.disk_room)} are free",
            next="choose another place with -o, or add --force to try",
        )
