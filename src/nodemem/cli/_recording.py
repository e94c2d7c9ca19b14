"""What the verbs that record share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from nodemem.cli._frame import Output

if TYPE_CHECKING:
    from nodemem.capture.recorder import Recorded
    from nodemem.results import Table

_OPTIONS = (
    click.option(
        "--every", default="1s", show_default=True, metavar="INTERVAL", help="Time between readings"
    ),
    click.option(
        "--rotate", metavar="SIZE", help="Begin a new file at this size; FILE.1 is the older one"
    ),
    click.option(
        "--keep",
        type=click.IntRange(min=1),
        default=5,
        show_default=True,
        help="Keep so many older files with --rotate",
    ),
    click.option(
        "--attach", is_flag=True, help="Open the inspector, for process.memoryUsage() and spaces"
    ),
    click.option("--force", is_flag=True, help="Replace existing files"),
)


def recording_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--every`, `--rotate`, `--keep`, `--attach`, `--force`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def values(every: str, rotate: str | None) -> dict[str, Any]:
    """The two options that carry units, in seconds and bytes.

    Raises:
        UsageError: they cannot be read.
    """
    from nodemem.units import parse_duration, parse_size

    return {
        "every": parse_duration(every),
        "rotate": None if rotate is None else parse_size(rotate),
    }


def table_of(recorded: Recorded) -> Table:
    """What was recorded, in one row."""
    from nodemem.results import Column, Table

    columns = (
        Column("file", role="name"),
        Column("readings", unit="count"),
        Column("seconds", unit="s"),
        Column("ended"),
    )
    ended = None if recorded.end is None else recorded.end.how
    row = (str(recorded.path), recorded.samples, recorded.seconds, ended)
    return Table(columns=columns, records=[row])


def say_end(out: Output, pid: int, recorded: Recorded) -> None:
    """On stderr: where the recording is, and how the process ended if it did."""
    if recorded.end is not None:
        out.note(out.texts("record.ended", pid=pid, how=recorded.end.how))
    out.note(
        out.texts(
            "record.wrote",
            file=str(recorded.path),
            count=recorded.samples,
            seconds=recorded.seconds,
        )
    )
