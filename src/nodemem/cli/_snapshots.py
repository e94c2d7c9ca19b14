"""What verbs about snapshot files share: opening them, and where their programs' files are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nodemem.cli._frame import Output
    from nodemem.heap import HeapSnapshot

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
    """The snapshots in `files`, while the work on them goes on."""
    from nodemem.heap import open_snapshot
    from nodemem.source.files import SourceRoots

    roots = SourceRoots.parse(source_roots, out.config.sources)
    try:
        yield [open_snapshot(path, progress=out.progress, source_roots=roots) for path in files]
    finally:
        out.progress.finish()
