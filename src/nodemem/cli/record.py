"""nodemem record PID -o FILE"""

from __future__ import annotations

from pathlib import Path

import click

from nodemem.cli._frame import Output, verb
from nodemem.cli._recording import recording_options, say_end, table_of, values


@verb(
    "record",
    output=False,
    example=[
        "nodemem record 4242 -o day.ndjson.zst",
        "nodemem record 4242 -o day.ndjson.zst --every 10s --rotate 100MB",
    ],
)
@click.argument("pid", type=int, metavar="PID")
@click.option(
    "-o",
    "--output",
    "path",
    required=True,
    type=click.Path(path_type=Path),
    help="The recording to write (.ndjson, or .ndjson.zst)",
)
@click.option("--count", type=click.IntRange(min=1), help="Stop after this many readings")
@recording_options
def command(
    out: Output,
    pid: int,
    path: Path,
    count: int | None,
    every: str,
    rotate: str | None,
    keep: int,
    attach: bool,
    force: bool,
) -> None:
    """Record what can be observed of a Node.js process without disturbing it: memory by kind, its
    container, files, threads, processor time.

    It goes on until Ctrl-C or until the process ends; the last record then says how. Nothing is
    sent to the process unless --attach is given.
    """
    from nodemem.api.recording import record

    recorded = record(
        pid,
        path,
        count=count,
        keep=keep,
        attached=attach,
        force=force,
        begun=lambda: out.note(out.texts("record.begins", pid=pid, file=str(path), every=every)),
        **values(every, rotate),
    )
    say_end(out, pid, recorded)
    if out.format != "text":
        out.emit(table_of(recorded), subject={"pid": pid})
