"""nodemem heap partial FILE: what is left of a snapshot that is not whole."""

from __future__ import annotations

from pathlib import Path

import click

from nodemem.cli._frame import Output, verb
from nodemem.cli._snapshots import left_of


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
    out.emit(left_of(out, file), subject={"file": str(file)})
