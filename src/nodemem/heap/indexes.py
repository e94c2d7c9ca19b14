"""The indexes of heap snapshots that are on this machine: which there are, whether they are right,
and their removal."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nodemem import paths
from nodemem.errors import InputError, OutputError
from nodemem.heap.classes import group_records
from nodemem.heap.engine.index import IndexFile, IndexUnusable, key_of
from nodemem.heap.engine.placing import SUFFIX, places
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.node_process import read_version
from nodemem.heap.statistics import bytes_by_kind
from nodemem.results import SILENT, Column, Progress, Table

_BLOCK = 1 << 24
_RESULT = "result "
_RESULTS: dict[str, Callable[[Snapshot], object]] = {
    "node version": read_version,
    "classes None": partial(group_records, compat=None),
    "classes devtools": partial(group_records, compat="devtools"),
    "statistics None": partial(bytes_by_kind, compat=None),
    "statistics devtools": partial(bytes_by_kind, compat="devtools"),
}
"""How what `Snapshot.remembered` keeps is worked out, by its name."""
_COLUMNS = (
    Column("file"),
    Column("state", role="kind"),
    Column("bytes", unit="bytes"),
    Column("index"),
)


@dataclass(frozen=True)
class Kept:
    """An index. `file` is its snapshot, None where the index does not say; `state` is `current`,
    `outdated` (its file changed, or it is of another version of nodemem), or `orphan` (its file is
    gone); `used` is when it was last written, in nanoseconds."""

    index: Path
    file: Path | None
    state: str
    size: int
    used: int


def found_indexes(files: Iterable[Path]) -> list[Kept]:
    """The indexes of `files`; without any, those in the cache folder and beside the snapshots of
    the current folder. Those written longest ago first."""
    chosen = list(files)
    if chosen:
        candidates = [place for file in chosen for place in places(file, "beside")]
    else:
        folder = paths.cache_folder()
        folders = [Path(), *([] if folder is None else [folder])]
        candidates = [path for one in folders for path in one.glob(f"*{SUFFIX}")]
    kept = [_kept(path) for path in candidates if path.is_file()]
    return sorted(kept, key=lambda one: (one.used, one.index))


def without_index(files: Iterable[Path]) -> list[Path]:
    """Those of `files` that have no index.

    Raises:
        InputError: one of them is not there, or no file.
    """
    none = [file for file in files if not any(place.is_file() for place in places(file, "beside"))]
    for file in none:
        SnapshotFile(file)
    return none


def _kept(path: Path) -> Kept:
    facts = path.stat()
    file: Path | None = None
    state = "outdated"
    with contextlib.suppress(IndexUnusable, OSError, InputError):
        index = IndexFile.open(path, None)
        file = Path(str(index.facts.get("file")))
        opened = SnapshotFile(file)
        state = "current" if index.key == key_of(opened.fd) else "outdated"
    if file is not None and not file.exists():
        state = "orphan"
    return Kept(path, file, state, facts.st_size, facts.st_mtime_ns)


def table(kept: Iterable[Kept], without: Iterable[Path] = ()) -> Table:
    """Rows `file, state, bytes, index`; a warning for each of the files `without` an index."""
    records = [
        (None if one.file is None else str(one.file), one.state, one.size, str(one.index))
        for one in kept
    ]
    return Table(
        _COLUMNS,
        records,
        summary={"bytes": sum(record[2] for record in records)},
        warnings=tuple(f"{file} has no index" for file in without),
    )


def clear(kept: Iterable[Kept]) -> None:
    """Remove indexes; whoever is using one keeps what it has.

    Raises:
        OutputError: one cannot be removed.
    """
    for one in kept:
        try:
            one.index.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot remove {one.index}", why=error.strerror, next=f"ls -ld {one.index.parent}"
            ) from error


def beyond(kept: list[Kept], limit: int) -> list[Kept]:
    """Those to remove, first of all written longest ago, so that what stays has at most `limit`
    bytes."""
    excess = sum(one.size for one in kept) - limit
    gone: list[Kept] = []
    for one in kept:
        if excess <= 0:
            break
        gone.append(one)
        excess -= one.size
    return gone


def checked(
    kept: Iterable[Kept], without: Iterable[Path] = (), progress: Progress = SILENT
) -> tuple[Table, int]:
    """A table as `table` makes it of indexes that were compared with their files: of those that are
    current `state` is `identical`, or `differs`. 1 when one differs, else 0."""
    found = [
        replace(one, state="identical" if identical(one, progress) else "differs")
        if one.state == "current"
        else one
        for one in kept
    ]
    return table(found, without), int(any(one.state == "differs" for one in found))


def identical(one: Kept, progress: Progress = SILENT) -> bool:
    """Whether each section of an index is what its file gives when it is read anew, to the byte.

    Raises:
        InputError: the file cannot be read.
    """
    assert one.file is not None
    with Snapshot(one.file, progress, cache="off") as fresh:
        # All that an index may hold is worked out.
        _ = fresh.graph.retained_sizes, fresh.graph.distances, fresh.graph.retainers
        try:
            index = IndexFile.open(one.index, None)
        except IndexUnusable:
            return False
        return all(_equal(index.view(name), _anew(fresh, name)) for name in index.sections)


def _anew(fresh: Snapshot, name: str) -> memoryview | None:
    """What a section must hold; None when nobody knows."""
    if not name.startswith(_RESULT):
        return fresh.kept_column(name)
    work = _RESULTS.get(name.removeprefix(_RESULT))
    return None if work is None else memoryview(json.dumps(work(fresh)).encode())


def _equal(a: memoryview, b: memoryview | None) -> bool:
    if b is None or a.format != b.format or len(a) != len(b):
        return False
    one, other = a.cast("B"), b.cast("B")
    blocks = (slice(at, at + _BLOCK) for at in range(0, len(one), _BLOCK))
    return all(bytes(one[block]) == bytes(other[block]) for block in blocks)
