"""Where the index of a snapshot is: beside it, in the cache folder, or nowhere.

Beside, `NAME.nodemem-index`; where that folder cannot be written to, or by setting, in
`$XDG_CACHE_HOME/nodemem`. Small snapshots have none: reading them again is as fast.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from nodemem import paths, portable
from nodemem.config import Cache, load_config
from nodemem.heap.engine.filestore import FileStore, lock
from nodemem.heap.engine.index import IndexFile, IndexUnusable, key_of
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.engine.store import MemoryStore, Store

SUFFIX = ".nodemem-index"
FOLDER_LIMIT = 10 << 30
"""Bytes in the cache folder, beyond which the indexes written longest ago are removed."""


def places(snapshot: Path, cache: Cache) -> Iterator[Path]:
    """Where the index of a snapshot may be, the first choice first; nowhere on systems where a file
    does not say whose it is."""
    if not portable.OWNERS:
        return
    if cache == "beside":
        yield snapshot.with_name(snapshot.name + SUFFIX)
    if cache != "off":
        folder = paths.cache_folder()
        if folder is not None:
            where = blake2b(os.fsencode(snapshot.resolve()), digest_size=6).hexdigest()
            yield folder / f"{snapshot.name[:100]}-{where}{SUFFIX}"


def open_store(file: SnapshotFile, cache: Cache | None) -> Store:
    """The store for a snapshot's columns, which has them already where there is an index.

    While another process writes the index, and where none may be written, it is a file without a
    name. `cache` None: as the settings say.
    """
    key = key_of(file.fd)
    found = list(places(Path(file.path), cache or load_config().cache))
    index = _existing(found, key)
    if index is None and found and lock(file.fd):
        # Whoever had the lock until now may have written it.
        index = _existing(found, key)
        if index is None:
            for path in found:
                with contextlib.suppress(OSError):
                    return _new(path, Path(file.path), file.fd, key)
    if index is not None:
        return FileStore(index[0], file.fd, index[1])
    try:
        with tempfile.TemporaryFile() as nameless:
            return FileStore(IndexFile(os.dup(nameless.fileno()), key), file.fd)
    except OSError:
        return MemoryStore()


def _existing(found: list[Path], key: dict[str, Any]) -> tuple[IndexFile, Path] | None:
    for path in found:
        with contextlib.suppress(IndexUnusable):
            return IndexFile.open(path, key), path
    return None


def _new(path: Path, file: Path, snapshot: int, key: dict[str, Any]) -> Store:
    """A store that becomes the index `path` when it is complete. The caller holds the lock, so
    what other builders left behind is nobody's any more."""
    for left in path.parent.glob(f".{_escaped(path.name)}.*"):
        with contextlib.suppress(OSError):
            left.unlink()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = portable.new_file(temporary, os.O_RDWR)
    index = IndexFile(fd, key)
    index.facts["file"] = str(file.resolve())
    if path.parent != file.parent:
        _bound(path.parent)
    return FileStore(index, snapshot, path, temporary)


def _bound(folder: Path) -> None:
    """Remove the indexes in the cache folder that were written longest ago, beyond its limit."""
    kept: list[tuple[int, int, Path]] = []
    for path in folder.glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError):
            facts = path.stat()
            kept.append((facts.st_mtime_ns, facts.st_size, path))
    excess = sum(size for _, size, _ in kept) - FOLDER_LIMIT
    for _, size, path in sorted(kept):
        if excess <= 0:
            break
        with contextlib.suppress(OSError):
            path.unlink()
        excess -= size


def _escaped(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
