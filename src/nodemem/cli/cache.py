"""nodemem cache list | check | clear"""

from __future__ import annotations

from pathlib import Path

import click

from nodemem.cli._frame import Output, verb


@verb(
    "cache",
    example=[
        "nodemem cache list",
        "nodemem cache check a.heapsnapshot",
        "nodemem cache clear a.heapsnapshot",
        "nodemem cache clear --max-size 2g",
    ],
)
@click.argument("action", type=click.Choice(["list", "check", "clear"]))
@click.argument("files", nargs=-1, metavar="[FILE...]", type=click.Path(path_type=Path))
@click.option(
    "--max-size",
    help="With clear: remove only the indexes written longest ago, until the others have at most "
    "this size, like 500m or 2g",
)
def command(out: Output, action: str, files: tuple[Path, ...], max_size: str | None) -> int:
    """What nodemem keeps of large heap snapshots, so that they need not be read again.

    FILE is a snapshot; without any, all indexes in the cache folder and beside the snapshots of
    the current folder are meant. `check` reads the snapshots anew and compares every byte; its exit
    code is 1 where something differs.
    """
    from nodemem.heap import indexes
    from nodemem.units import parse_size

    if max_size is not None and action != "clear":
        raise click.UsageError("--max-size goes with clear")
    kept, without = indexes.found_indexes(files), indexes.without_index(files)
    if action == "clear":
        if max_size is not None:
            kept = indexes.beyond(kept, parse_size(max_size))
        indexes.clear(kept)
    table = indexes.table(kept, without)
    code = 0
    if action == "check":
        try:
            table, code = indexes.checked(kept, without, out.progress)
        finally:
            out.progress.finish()
    subject = {"action": action, "files": [str(file) for file in files]}
    out.emit(table, subject=subject)
    return code
