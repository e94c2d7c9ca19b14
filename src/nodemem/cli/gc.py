"""nodemem gc PID|LOG...|RECORDING"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nodemem.cli._frame import Output, verb

if TYPE_CHECKING:
    from nodemem.api.gc import GcReport
    from nodemem.results import Table


@verb(
    "gc",
    example=[
        "nodemem gc trace.log",
        "nodemem gc trace.log --json",
        "nodemem gc trace.log --events --csv",
    ],
)
@click.argument("targets", nargs=-1, required=True, metavar="LOG...|RECORDING")
@click.option("--events", is_flag=True, help="One row a collection, instead of the figures")
@click.option("--csv", "as_csv", is_flag=True, help="Same as --format csv: one row a collection")
def command(out: Output, targets: tuple[str, ...], events: bool, as_csv: bool) -> None:
    """Show what the garbage collector did: pauses, rates, survival, and what triggered it.

    LOG is what node --trace-gc, --trace-gc-nvp or --trace-gc-verbose wrote, alone or between the
    program's own output, from any Node.js; several files are parts of one log.
    """
    if as_csv:
        out.format = "csv"
    subject = {"files": list(targets)}
    if events or out.format == "csv":
        out.emit(_events(targets), subject=subject)
        return
    from nodemem.api.gc import summarize_gc_logs

    report = summarize_gc_logs(targets, progress=out.progress)
    out.progress.finish()
    show(out, report, subject)


def _events(targets: tuple[str, ...]) -> Table:
    from nodemem.api.gc import read_gc_log

    return read_gc_log(targets[0])


def show(out: Output, report: GcReport, subject: dict[str, Any]) -> None:
    """The figures, as text or JSON."""
    from nodemem.gc.table import pauses_table

    if out.json:
        out.write(out.envelope(report.to_data(), subject))
        return
    out.emit(pauses_table(report.collected.all), subject=subject)
