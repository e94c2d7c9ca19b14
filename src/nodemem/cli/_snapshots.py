"""What verbs about snapshot files share: opening them, and where their programs' files are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodemem.errors import InputError

if TYPE_CHECKING:
    from nodemem.cli._frame import Output
    from nodemem.heap import HeapSnapshot
    from nodemem.results import Table

source_root: Callable[[Any], Any] = click.option(
    "--source-root",
    "source_roots",
    multiple=True,
    metavar="[FROM=]DIR",
    help="folder with the program's files and source maps, when they are not where the "
    "process had them; FROM is what their paths begin with there (may be repeated)",
)


@contextlib.contextmanager
def opened(
    out: Output, files: Iterable[Path], source_roots: tuple[str, ...] = ()
) -> Iterator[list[HeapSnapshot]]:
    """The snapshots in `files`, while the work on them goes on; says where no index could be
    kept."""
    from nodemem.heap import open_snapshot
    from nodemem.source.files import SourceRoots

    roots = SourceRoots.parse(source_roots, out.config.sources)
    with contextlib.ExitStack() as opening:
        opening.callback(out.progress.finish)
        snapshots = [
            opening.enter_context(open_snapshot(path, out.progress, source_roots=roots))
            for path in files
        ]
        try:
            yield snapshots
        except IndexError as error:
            if not any(snapshot.indexed for snapshot in snapshots):
                raise
            raise InputError(
                "an index does not hold what was written into it",
                why=f"the disk changed it ({error})",
                next="nodemem cache clear",
            ) from error
    for snapshot in snapshots:
        if snapshot.warning is not None:
            file = str(snapshot.path_on_disk)
            out.note(out.texts("cache.not_kept", file=file, why=snapshot.warning))


def left_of(out: Output, file: Path) -> Table:
    """What can be said of a snapshot that is not whole.

    Raises:
        InputError: nothing can.
    """
    from nodemem.heap.partial import partial_summary

    try:
        return partial_summary(file, out.progress)
    finally:
        out.progress.finish()
