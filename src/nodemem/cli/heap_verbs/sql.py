"""nodemem heap sql FILE "select ...": any question, in SQL."""

from __future__ import annotations

from pathlib import Path

import click

from nodemem.cli._frame import Output, verb
from nodemem.cli._snapshots import opened, source_root

_MOST = 1_000_000


@verb(
    "heap-sql",
    example=[
        'nodemem heap sql a.heapsnapshot "select * from classes"',
        "nodemem heap sql a.heapsnapshot --schema",
        "nodemem heap sql a.heapsnapshot \"from nodes where type = 'closure'\" -o f.parquet",
    ],
)
@click.argument("words", nargs=-1, metavar="FILE [FILE] QUERY")
@click.option("--schema", is_flag=True, help="List the views and their columns instead")
@click.option(
    "--top",
    type=click.IntRange(1, _MOST),
    help="Rows to show  [default: 100; with -o all, at most 1,000,000]",
)
@click.option("--memory", default="2GiB", help="Most that DuckDB may take  [default: 2GiB]")
@source_root
def command(
    out: Output,
    words: tuple[str, ...],
    schema: bool,
    top: int | None,
    memory: str,
    source_roots: tuple[str, ...],
) -> None:
    """Ask any question of a heap snapshot in SQL.

    QUERY is one SELECT over views such as nodes, edges, classes and strings; --schema lists them.
    With two files their views are a.nodes and b.nodes. Needs DuckDB: pip install 'nodemem[sql]'.
    """
    if schema:
        from nodemem.heap.sql import schema_table

        out.emit(schema_table(), subject={})
        return
    if not 2 <= len(words) <= 3:
        raise click.UsageError("heap sql takes one or two snapshot files and a query")
    *files, text = words
    from nodemem.heap.sql import Database
    from nodemem.heap.sql.database import TOP
    from nodemem.units import parse_size

    rows = top or (_MOST if out.path else TOP)
    with opened(out, map(Path, files), source_roots) as snapshots:
        table = Database(snapshots, memory=parse_size(memory), progress=out.progress).query(
            text, rows
        )
    out.emit(table, subject={"files": files, "query": text})
