"""HeapSnapshot: what `open_snapshot` gives, with the answers that people ask for first."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nodemem.config import Cache
from nodemem.errors import UsageError
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.results.progress import SILENT, Progress

if TYPE_CHECKING:
    from nodemem.heap.sql import Database
    from nodemem.results import Table
    from nodemem.source.files import SourceRoots


class HeapSnapshot(Snapshot):
    """A heap snapshot, with answers about it as Tables. Nodes are spoken of by ordinal, their
    position in the file, in `Snapshot`'s methods, and by V8's id, which people see, in these.
    `source_roots` says where the program's files are on this machine; None: where they were."""

    source_roots: SourceRoots | None = None

    # Each brings its own analysis along only when asked: loading all of them takes as long as
    # answering from a small file.

    def classes(self, compat: str | None = None) -> Table:
        """Rows `class, count, shallow, retained, distance, original, source, generated`, the
        largest retained size first; see nodemem.heap.naming.classes.

        `compat="devtools"` gives Chrome DevTools' Summary to the number, its faults included.
        Raises UsageError for any other word.
        """
        from nodemem.heap.naming.classes import located_classes

        return located_classes(self, compat)

    def statistics(self, compat: str | None = None) -> dict[str, int]:
        """Bytes by kind: `total, native_total, typed_arrays, v8_total, code, strings, js_arrays,
        system`."""
        from nodemem.heap.statistics import statistics

        return statistics(self, compat)

    def path(self, node_id: int) -> Table:
        """What keeps the object with V8's id `node_id` alive, the root first."""
        return self.query("path", id=node_id)

    def suspects(self) -> Table:
        """What holds much of the heap, and from which source line."""
        return self.query("suspects")

    def sql(self, text: str, top: int = 100) -> Table:
        """The answer to one SELECT, at most `top` rows of it, over the views that
        docs/commands/heap-sql.md describes. Needs the extra `sql`.

        Raises:
            MissingExtra: DuckDB is not installed.
            UsageError: it is no SELECT, or no valid one.
        """
        return self._database.query(text, top)

    @cached_property
    def _database(self) -> Database:
        from nodemem.heap.sql import Database

        return Database([self], progress=self._progress)

    def query(self, name: str, /, *others: Snapshot, **params: Any) -> Table:
        """Ask one of `nodemem.heap.queries.QUERIES`; `params` are its options, in Python's spelling
        (`class_="Session"`). `others` are the snapshots that were taken after this one, in order,
        for questions that compare: `before.query("diff", after, by="class")`.

        Raises:
            UsageError: there is no such query, it has no such option, or it takes another number of
                snapshots.
        """
        from nodemem.heap.queries import find_query

        query = find_query(name)
        query.check_count(1 + len(others))
        if strangers := [other for other in others if not isinstance(other, Snapshot)]:
            raise UsageError(
                f"{strangers[0]!r} is no opened snapshot", next="nodemem.open_snapshot(path)"
            )
        return query.run([self, *others], params, self._progress)


def open_snapshot(
    path: str | os.PathLike[str],
    progress: Progress = SILENT,
    *,
    source_roots: SourceRoots | Iterable[str] = (),
    cache: Cache | None = None,
) -> HeapSnapshot:
    """Open a `.heapsnapshot` file, plain, gzip or Zstandard. Only its header is read now.

    `source_roots` says where the scripts of the program and their source maps are on this machine,
    when not where the process had them: folders, or `/path/there=DIR`. `cache` says where an index
    of a large file may be written, so that it need not be read again: "beside" it, in the cache
    "folder", or nowhere ("off"); by default as the settings say.

    Raises:
        InputError: it cannot be read, or is no heap snapshot.
        UsageError: there is no such folder.
    """
    snapshot = HeapSnapshot(path, progress, cache)
    if source_roots != ():
        from nodemem.source.files import SourceRoots

        if not isinstance(source_roots, SourceRoots):
            source_roots = SourceRoots.parse(source_roots)
        snapshot.source_roots = source_roots
    return snapshot
