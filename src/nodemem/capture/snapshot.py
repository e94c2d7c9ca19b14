"""A heap snapshot of a live process, streamed to a file.

No more than a few chunks are in our memory at any time, whatever the size.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nodemem import paths, units
from nodemem.capture.forecast import Forecast, forecast_snapshot
from nodemem.errors import NodememError, UnsafeTarget
from nodemem.results import SILENT, Progress
from nodemem.target import heap_profiler, usage
from nodemem.target.session import Session


@dataclass(frozen=True)
class SnapshotFile:
    """A complete snapshot: its size in bytes, and what taking it cost, as measured.

    `seconds` is how long the program stood still at most; `waited`, in seconds, how long its event
    loop was busy before (it was then paused inside its loop: `paused`). `rss_before` and
    `rss_after` are the target's, in bytes.
    """

    path: Path
    size: int
    seconds: float
    waited: float
    paused: bool
    rss_before: int
    rss_after: int | None


def take_snapshot(
    session: Session,
    path: Path,
    *,
    force: bool = False,
    progress: Progress = SILENT,
    announce: Callable[[Forecast], object] | None = None,
) -> SnapshotFile:
    """Write the heap of the attached process's main thread to `path`, mode 0600.

    Until it is complete the file is `<path>.partial`; that stays if the target dies half-way.
    `announce` gets the forecast before anything happens. `force` replaces an existing file and
    goes on where the forecast does not fit.

    Raises:
        OutputExists, OutputError: see `paths.whole_file`.
        UnsafeTarget: the upper end of the forecast does not fit the container's limit or the disk.
        TargetError: see `Session.call`; the file's name is in `next` where a part of it is left.
    """
    paths.refuse_existing(path, force=force)
    sample = usage.read_memory(session, time=0.0)
    forecast = forecast_snapshot(
        sample, version=session.version, pid=session.pid, folder=path.parent
    )
    if announce is not None:
        announce(forecast)
    if not force:
        _refuse_unsafe(forecast, session)
    session.forget_console()
    written = _Written(progress)
    with paths.whole_file(path, force=force) as file:
        stream = heap_profiler.Stream(
            session, lambda data: written.add(file.write(data)), written.objects
        )
        begun = time.monotonic()
        try:
            stream.run()
        except NodememError as error:
            partial = path.with_name(path.name + paths.PARTIAL_SUFFIX)
            kept = units.format_bytes(written.size)
            error.next = f"{kept} were written to {partial}; {error.next or 'try again'}"
            raise
        seconds = time.monotonic() - begun - stream.waited
    return SnapshotFile(
        path=path,
        size=written.size,
        seconds=seconds,
        waited=stream.waited,
        paused=stream.paused,
        rss_before=sample.rss,
        rss_after=usage.read_memory(session, time=seconds).rss,
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
