"""nodemem heap profile FILE: which functions allocated what is alive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodemem.cli._frame import Output, verb
from nodemem.cli._snapshots import source_root

if TYPE_CHECKING:
    from nodemem.results import Table

_TOP = {"function": 20, "tree": 200, "callers": 200}


@verb(
    "heap-profile",
    example=[
        "nodemem heap profile a.heapprofile",
        "nodemem heap profile a.heapprofile --by tree",
        "nodemem heap profile a.heapprofile --by callers --function loadOrder",
    ],
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--by",
    type=click.Choice(list(_TOP)),
    default="function",
    help="a row for each function; the call tree from the top down; from functions up to their "
    "callers  [default: function]",
)
@click.option(
    "--function",
    metavar="NAME",
    help="with tree or callers: only this function, by name or file:line:column",
)
@click.option(
    "--builtin/--no-builtin",
    default=None,
    help="with function: functions of Node.js itself as well  [default: builtin]",
)
@click.option(
    "--depth",
    type=click.IntRange(0),
    help="levels to show  [default: 40 of a tree, 4 of callers]",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1),
    help="leave out what has less than this part of all bytes  [default: 0.01]",
)
@click.option("--top", type=click.IntRange(1), help="rows to show  [default: 20; 200 of trees]")
@source_root
def command(
    out: Output,
    file: Path,
    by: str,
    function: str | None,
    builtin: bool | None,
    depth: int | None,
    share: float | None,
    top: int | None,
    source_roots: tuple[str, ...],
) -> None:
    """Which functions allocated what is alive, from a sampling heap profile.

    FILE is a .heapprofile of node --heap-prof, Chrome DevTools, the inspector or
    v8.startHeapProfile(), plain or compressed (.gz, .zst). Its sizes are estimates from samples.
    """
    given: dict[str, Any] = {
        "function": function,
        "depth": depth,
        "share": share,
        "builtin": builtin,
    }
    given = {key: value for key, value in given.items() if value is not None}
    known = {"builtin"} if by == "function" else {"function", "depth", "share"}
    for key in given.keys() - known:
        raise click.UsageError(f"--{key} does not go with --by {by}")
    from nodemem.heap.profile.opened import open_profile
    from nodemem.source.files import SourceRoots

    roots = SourceRoots.parse(source_roots, out.config.sources)
    try:
        profile = open_profile(file, out.progress, source_roots=roots)
    finally:
        out.progress.finish()
    given["top"] = top or _TOP[by]
    views: dict[str, Callable[..., Table]] = {
        "function": profile.functions,
        "tree": profile.tree,
        "callers": profile.callers,
    }
    out.emit(views[by](**given), subject={"file": str(file), "by": by, "options": given})
