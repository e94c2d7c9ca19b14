"""nodemem snapshot TARGET -o FILE"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodemem.cli._frame import Output, verb
from nodemem.cli._live import attached, subject_of

if TYPE_CHECKING:
    from nodemem.capture.forecast import Forecast, Range


@verb(
    "snapshot",
    output=False,
    example=[
        "nodemem snapshot 4242 -o a.heapsnapshot",
        "nodemem snapshot 127.0.0.1:9229 -o a.heapsnapshot --json",
    ],
)
@click.argument("target", metavar="PID|HOST:PORT|URL")
@click.option(
    "-o",
    "--output",
    "path",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write; it holds the program's data, so only you can read it",
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace an existing file, and go on where the forecast does not fit",
)
def command(out: Output, target: str, path: Path, force: bool) -> None:
    """Stream a heap snapshot of a running Node.js process to a file.

    The program stands still meanwhile and needs more memory. A forecast is printed first; where its
    upper end does not fit the container's limit or the disk, nothing is done without --force.
    """
    from nodemem import paths
    from nodemem.results import Column, Table

    paths.refuse_existing(path, force=force)
    forecasts: list[Forecast] = []

    def announce(forecast: Forecast) -> None:
        forecasts.append(forecast)
        out.note(_told(out, forecast))

    with attached(out, target) as node:
        subject = subject_of(node)
        try:
            taken = node.take_heap_snapshot(
                path, force=force, progress=out.progress, announce=announce
            )
        finally:
            out.progress.finish()
    if taken.paused:
        out.note(out.texts("snapshot.paused", waited=taken.waited))
    columns = (
        Column("file", role="name"),
        Column("size", unit="bytes"),
        Column("pause", unit="s"),
        Column("rss_before", unit="bytes"),
        Column("rss_after", unit="bytes"),
    )
    row = (str(taken.path), taken.size, taken.seconds, taken.rss_before, taken.rss_after)
    keys = [column.key for column in columns]
    out.emit(
        Table(columns=columns, records=[row]),
        subject=subject,
        data={
            **dict(zip(keys, row, strict=True)),
            "waited": taken.waited,
            "paused": taken.paused,
            "forecast": _data(forecasts[0]),
        },
    )
    if out.format == "text":
        out.note(out.texts("snapshot.next", path=str(path)))


def _told(out: Output, forecast: Forecast) -> str:
    lines = [
        out.texts("snapshot.forecast"),
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
    lines.append(out.texts("snapshot.disk_room", room=forecast.disk_room))
    return "\n".join(lines)


def _data(forecast: Forecast) -> dict[str, Any]:
    def pair(range_: Range) -> dict[str, float]:
        return {"low": range_.low, "high": range_.high}

    return {
        "estimate": True,
        "pause": pair(forecast.pause),
        "extra_rss": pair(forecast.extra_rss),
        "file_size": pair(forecast.file_size),
        "memory_room": forecast.memory_room,
        "memory_limit": forecast.memory_limit,
        "disk_room": forecast.disk_room,
    }
