"""nodemem run -- PROGRAM"""

from __future__ import annotations

from pathlib import Path

import click

from nodemem.cli._frame import Output, verb
from nodemem.cli._recording import recording_options, say_end, table_of, values


@verb(
    "run",
    output=False,
    example=["nodemem run -- node app.js", "nodemem run -o app.ndjson.zst -- node app.js --port 1"],
)
@click.argument("program", nargs=-1, required=True, metavar="-- PROGRAM [ARGUMENTS]")
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(path_type=Path),
    help="The recording to write  [default: nodemem-<pid>.ndjson]",
)
@recording_options
def command(
    out: Output,
    program: tuple[str, ...],
    path: Path | None,
    every: str,
    rotate: str | None,
    keep: int,
    attach: bool,
    force: bool,
) -> int:
    """Run a Node.js program as if nodemem were not there, and record it from the start.

    It has the terminal to itself: its input and output are passed through, Ctrl-C and SIGTERM
    reach it, and its exit code is ours (128 and the number of the signal that ended it).
    """
    from nodemem.api.recording import run

    finished = run(
        program,
        path,
        keep=keep,
        attached=attach,
        force=force,
        started=lambda pid, file: out.note(
            out.texts("record.begins", pid=pid, file=str(file), every=every)
        ),
        **values(every, rotate),
    )
    if finished.recorded is None:
        out.note(out.texts("record.too_short", pid=finished.pid))
    else:
        say_end(out, finished.pid, finished.recorded)
        if out.format != "text":
            out.emit(table_of(finished.recorded), subject={"pid": finished.pid})
    code = finished.exit_code
    return code if code >= 0 else 128 - code


# What follows the program's name is the program's, with or without `--`.
command.context_settings["allow_interspersed_args"] = False
