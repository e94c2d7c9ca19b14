"""HeapProfile: what people and programs ask of a sampling heap profile."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property

from nodemem.heap.profile import views
from nodemem.heap.profile.calls import CallTree
from nodemem.heap.profile.reading import read_profile
from nodemem.results import SILENT, Progress, Table
from nodemem.source.files import SourceRoots

ALL_LEVELS, FEW_LEVELS = 40, 4


class HeapProfile:
    """Which functions allocated what was alive at the end, as V8 estimates it from samples. Sizes
    are bytes. `function` is a name, or `file:line:column` of a function."""

    def __init__(self, path: str, calls: CallTree) -> None:
        self.path_on_disk = path
        self._calls = calls

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path_on_disk}: {self.total_bytes:,} bytes>"

    @cached_property
    def total_bytes(self) -> int:
        """All that was alive, estimated."""
        return round(self._calls.totals[0])

    def functions(self, *, builtin: bool = True, top: int = 20) -> Table:
        """A row for each function, by the bytes that it allocated itself. Without `builtin` only
        functions of the program and its packages."""
        return views.by_function(self._calls, builtin=builtin, top=top)

    def tree(
        self,
        function: str | None = None,
        *,
        depth: int = ALL_LEVELS,
        share: float = 0.01,
        top: int = 200,
    ) -> Table:
        """The calls from the root, or from `function`, down; those with less than `share` of all
        bytes are left out.

        Raises:
            UsageError: no function has that name.
        """
        return views.tree(self._calls, function=function, depth=depth, share=share, top=top)

    def callers(
        self,
        function: str | None = None,
        *,
        depth: int = FEW_LEVELS,
        share: float = 0.01,
        top: int = 200,
    ) -> Table:
        """For each function, or for `function` only, who called it, and who called that one.

        Raises:
            UsageError: no function has that name.
        """
        return views.callers(self._calls, function=function, depth=depth, share=share, top=top)


def open_profile(
    path: str | os.PathLike[str],
    progress: Progress = SILENT,
    *,
    source_roots: SourceRoots | Iterable[str] = (),
) -> HeapProfile:
    """Read a `.heapprofile` file, plain, gzip or Zstandard. `source_roots` is as for
    `open_snapshot`.

    Raises:
        InputError: it cannot be read, or is no sampling heap profile.
        UsageError: there is no such folder.
    """
    roots = source_roots
    if not isinstance(roots, SourceRoots):
        roots = SourceRoots.parse(roots)
    return HeapProfile(str(path), CallTree(read_profile(path, progress), roots))
