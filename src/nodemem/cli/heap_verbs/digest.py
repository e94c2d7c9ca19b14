"""nodemem heap digest FILE...: a small summary to keep, of one snapshot or of many."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodemem.cli._frame import Output, verb
from nodemem.cli._snapshots import opened

if TYPE_CHECKING:
    from nodemem.results import Table
    from nodemem.results.digest import Digest


@verb(
    "heap-digest",
    example=[
        "nodemem heap digest a.heapsnapshot -o a.digest.json",
        "nodemem heap digest a.digest.json b.digest.json c.heapsnapshot -o all.digest.json",
    ],
    output=False,
)
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path),
    help="Write the digest to this file",
)
@click.option("--top", type=click.IntRange(1), help="Classes and holders to show  [default: 25]")
@click.option("--force", is_flag=True, help="Replace an existing file")
def command(
    out: Output, files: tuple[Path, ...], target: Path | None, top: int | None, force: bool
) -> None:
    """Sum up what snapshots hold: classes, and holders by what they are called in every snapshot.

    Each FILE is a heap snapshot or a digest; several become one. A digest has at most a megabyte,
    no ids and no texts, and is enough to compare thousands of snapshots by.
    """
    from nodemem import paths
    from nodemem.results.digest import merge, to_bytes

    if target is not None:
        paths.refuse_existing(target, force=force)
    total = merge(_digest(out, file) for file in files)
    if target is not None:
        with paths.whole_file(target, force=force) as file:
            file.write(to_bytes(total))
        out.note(f"wrote {target}")
        return
    subject = {"files": [str(path) for path in files]}
    out.emit(_table(total, top or out.config.top), subject=subject, data=total)


def _digest(out: Output, path: Path) -> Digest:
    from nodemem.heap.digest import digest
    from nodemem.results.digest import MARK, MOST_BYTES, from_bytes

    try:
        with path.open("rb") as file:
            start = file.read(len(MARK))
            if start == MARK:
                return from_bytes(start + file.read(5 * MOST_BYTES), str(path))
    except OSError:
        pass  # opening it as a snapshot says what is wrong
    with opened(out, [path]) as snapshots:
        return digest(snapshots[0])


def _table(digest: Digest, top: int) -> Table:
    from nodemem.results import Column, Table, Truncated

    records = [
        (kind, *(getattr(entry, key) for key in entry.__struct_fields__))
        for kind, entries in (("class", digest.classes), ("holder", digest.holders))
        for entry in entries[:top]
    ]
    columns = (
        Column("kind", role="kind"),
        Column("name", role="name"),
        Column("snapshots", unit="count"),
        Column("count", unit="count"),
        Column("shallow", unit="bytes"),
        Column("retained", unit="bytes"),
        Column("most_retained", unit="bytes"),
    )
    total = len(digest.classes) + len(digest.holders)
    cut = Truncated(len(records), total, "--top N shows more, -o FILE has all")
    return Table(columns, records, truncated=cut if len(records) < total else None)
