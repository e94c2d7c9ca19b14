"""nodemem heap redact FILE -o OUT: a copy of a snapshot that can be given away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nodemem.cli._frame import Output, verb


@verb(
    "heap-redact",
    example=[
        "nodemem heap redact a.heapsnapshot -o shared.heapsnapshot.gz",
        "nodemem heap redact a.heapsnapshot -o shared.heapsnapshot --names none",
    ],
    output=False,
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    help="Write the copy here; compressed if the name ends in .gz or .zst",
)
@click.option(
    "--names",
    type=click.Choice(["code", "all", "none"]),
    default="code",
    help="Which names of properties stay: those that code names, all, or none  [default: code]",
)
@click.option("--keep-numbers", is_flag=True, help="Keep the values of numbers, where it has them")
@click.option("--force", is_flag=True, help="Replace an existing file")
def command(
    out: Output, file: Path, target: Path, names: Any, keep_numbers: bool, force: bool
) -> None:
    """Write a copy of a heap snapshot without the texts of the program.

    Strings become tokens of the same length, equal ones equal tokens; objects, sizes, references
    and the names that code gave stay. What remains readable is said in the docs of this command.
    """
    from nodemem.heap.redaction import redact
    from nodemem.results import Column, Table

    try:
        done = redact(
            file, target, names=names, numbers=keep_numbers, force=force, progress=out.progress
        )
    finally:
        out.progress.finish()
    warnings = tuple(f"the section '{name}' is not known and was left out" for name in done.dropped)
    columns = (
        Column("file", role="name"),
        Column("replaced", unit="count"),
        Column("kept", unit="count"),
        Column("bytes", unit="bytes"),
    )
    record = (str(target), done.replaced, done.kept, target.stat().st_size)
    subject = {"file": str(file), "names": names, "numbers": keep_numbers}
    out.emit(Table(columns, [record], warnings=warnings), subject=subject)
