"""nodemem snapshot TARGET... -o FILE"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodemem.cli._frame import Output, verb
from nodemem.cli._live import attached, subject_of
from nodemem.cli._tree import exit_code, members_of, refusals
from nodemem.cli._tree import subject_of as member_subject

if TYPE_CHECKING:
    from nodemem.capture.forecast import Forecast
    from nodemem.capture.ranges import Range
    from nodemem.capture.snapshot import SnapshotFile
    from nodemem.results import Table


@verb(
    "snapshot",
    output=False,
    example=[
        "nodemem snapshot 4242 -o a.heapsnapshot",
        "nodemem snapshot 4242 --worker 1 -o worker.heapsnapshot.zst",
        "nodemem snapshot 4242 4243 -o snapshots/ --json",
        "nodemem snapshot 4242 --tree -o snapshots/",
    ],
)
@click.argument("targets", metavar="PID|HOST:PORT|URL...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    "path",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write, or a directory; a name in .gz or .zst is compressed",
)
@click.option(
    "--tree", is_flag=True, help="Also of the processes that it has started, one after another"
)
@click.option("--worker", type=click.IntRange(min=1), help="Of this worker thread instead")
@click.option("--numeric", is_flag=True, help="Put the values of numbers in; it can cost double")
@click.option("--internals", is_flag=True, help="Name the fields of V8's own objects")
@click.option(
    "--force",
    is_flag=True,
    help="Replace an existing file, and go on where the forecast does not fit",
)
def command(
    out: Output,
    targets: tuple[str, ...],
    path: Path,
    tree: bool,
    worker: int | None,
    numeric: bool,
    internals: bool,
    force: bool,
) -> int:
    """Stream a heap snapshot of a running Node.js process to a file that only you can read: it
    holds the program's data.

    The program stands still meanwhile and needs more memory. A forecast is printed first; where its
    upper end does not fit the container's limit or the disk, nothing is done without --force.

    Several processes are taken one after another, into a directory; the first failure ends it, but
    with --tree.
    """
    from nodemem import paths
    from nodemem.api.family import visit_each

    members = [member for target in targets for member in members_of(target)] if tree else []
    if tree:
        targets = tuple(str(member.pid) for member in members)
    files = dict(zip(targets, _files(targets, path, worker, tree=tree), strict=True))
    for file in files.values():
        paths.refuse_existing(file, force=force)

    def take(target: str) -> _Row:
        with attached(out, target) as node:
            subject = subject_of(node)
            try:
                taken = node.take_heap_snapshot(
                    files[target],
                    worker=worker,
                    numeric=numeric,
                    internals=internals,
                    force=force,
                    progress=out.progress,
                    announce=lambda forecast: out.note(_told(out, forecast)),
                )
            finally:
                out.progress.finish()
        if taken.paused:
            out.note(out.texts("snapshot.paused", waited=taken.waited))
        if taken.replaced is not None:
            out.note(out.texts("snapshot.replaced", size=taken.replaced))
        out.note(_compared(out, taken))
        if out.json:
            out.write(out.envelope(_data(taken, worker), subject))
        return _row(taken)

    visits = list(visit_each(members, lambda member: take(str(member.pid))))
    if tree:
        rows = [visit.answer for visit in visits if visit.answer is not None]
    else:
        rows = [take(target) for target in targets]
    for visit in visits:
        if out.json and visit.refusal is not None:
            out.write(out.envelope(None, member_subject(visit.member), warnings=refusals(visit)))
    if not out.json:
        out.emit(_table(rows, refusals(*visits)), subject={})
    if out.format == "text" and rows:
        out.note(out.texts("snapshot.next", path=rows[-1][0]))
    return exit_code(visits) if tree else 0


def _files(
    targets: tuple[str, ...], path: Path, worker: int | None, *, tree: bool = False
) -> list[Path]:
    """The file for each target: `path` itself, or `<target>.heapsnapshot` in that directory."""
    from nodemem.errors import UsageError

    if not path.is_dir():
        if len(targets) > 1 or tree:
            raise UsageError(
                f"several snapshots need a directory, and {path} is none",
                next=f"mkdir -p {path}",
            )
        return [path]
    thread = "" if worker is None else f"-worker-{worker}"
    names = [re.sub(r"\W+", "-", target.removeprefix("ws://")).strip("-") for target in targets]
    if len(set(names)) < len(names):
        raise UsageError("the same process is named twice", next="name each process once")
    return [path / f"{name}{thread}.heapsnapshot" for name in names]


_Row = tuple[str, int, float, int, int | None]


def _row(taken: SnapshotFile) -> _Row:
    return (str(taken.path), taken.size, taken.seconds, taken.rss_before, taken.rss_after)


def _table(rows: list[_Row], warnings: tuple[str, ...] = ()) -> Table:
    from nodemem.results import Column, Table

    return Table(
        columns=(
            Column("file", role="name"),
            Column("size", unit="bytes"),
            Column("pause", unit="s"),
            Column("rss_before", unit="bytes"),
            Column("rss_after", unit="bytes"),
        ),
        records=rows,
        warnings=warnings,
    )


def _data(taken: SnapshotFile, worker: int | None) -> dict[str, Any]:
    return {
        "file": str(taken.path),
        "size": taken.size,
        "uncompressed": taken.uncompressed,
        "worker": worker,
        "pause": taken.seconds,
        "rss_before": taken.rss_before,
        "rss_after": taken.rss_after,
        "waited": taken.waited,
        "paused": taken.paused,
        "replaced": taken.replaced,
        "nodes": taken.nodes,
        "edges": taken.edges,
        "forecast": _forecast(taken.forecast),
        "measured": {
            "pause": taken.seconds,
            "cpu": taken.cpu,
            "extra_rss": taken.extra_rss,
            "file_size": taken.size,
        },
    }


_BASES = {
    "census": "on_census",
    "earlier snapshot": "on_earlier",
    "heap statistics": "on_statistics",
}


def _told(out: Output, forecast: Forecast) -> str:
    basis = out.texts(f"snapshot.{_BASES[forecast.basis]}")
    lines = [
        out.texts("snapshot.forecast", basis=basis),
        out.texts("snapshot.pause", low=forecast.pause.low, high=forecast.pause.high),
        out.texts("snapshot.extra_rss", low=forecast.extra_rss.low, high=forecast.extra_rss.high),
        out.texts("snapshot.file_size", low=forecast.file_size.low, high=forecast.file_size.high),
    ]
    if forecast.memory_limit is not None:
        lines.append(
            out.texts(
                "snapshot.memory_room", room=forecast.memory_room, limit=forecast.memory_limit
            )
        )
    if not forecast.fits_machine:
        lines.append(out.texts("snapshot.machine_room", room=forecast.machine_room))
    lines.append(out.texts("snapshot.disk_room", room=forecast.disk_room))
    return "\n".join(lines)


def _compared(out: Output, taken: SnapshotFile) -> str:
    """What it cost beside what was forecast."""
    lines = [out.texts("snapshot.measured")]
    for name, value, range_ in (
        ("pause", taken.seconds, taken.forecast.pause),
        ("extra_rss", taken.extra_rss, taken.forecast.extra_rss),
        ("file_size", taken.size, taken.forecast.file_size),
    ):
        key = f"snapshot.measured_{name}"
        lines.append(out.texts(key, value=value, low=range_.low, high=range_.high))
    return "\n".join(lines)


def _forecast(forecast: Forecast) -> dict[str, Any]:
    def pair(range_: Range) -> dict[str, float]:
        return {"low": range_.low, "high": range_.high}

    return {
        "estimate": True,
        "basis": forecast.basis,
        "pause": pair(forecast.pause),
        "extra_rss": pair(forecast.extra_rss),
        "file_size": pair(forecast.file_size),
        "memory_room": forecast.memory_room,
        "memory_limit": forecast.memory_limit,
        "machine_room": forecast.machine_room,
        "disk_room": forecast.disk_room,
    }
