"""nodemem heap partial FILE: what is left of a snapshot that is not whole."""

from __future__ import annotations

from pathlib import Path

import click

from nodemem.cli._frame import Output, verb


@verb(
    "heap-partial",
    example=[
        "nodemem heap partial cut.heapsnapshot",
        "nodemem heap partial cut.heapsnapshot --json",
    ],
)
@click.argument("file", type=click.Path(path_type=Path))
def command(out: Output, file: Path) -> None:
    """What is left of a heap snapshot that is cut short or does not add up.

    Says where it stops and why, and counts the nodes that could be read by V8's type. Every other
    query refuses such a file.
    """
    from nodemem.heap.partial import partial_summary

    try:
        table = partial_summary(file, out.progress)
    finally:
        out.progress.finish()
    out.emit(table, subject={"file": str(file)})
