"""Where nodemem keeps files, and how it writes them: private (0600) and whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nodemem.errors import OutputError, OutputExists

PARTIAL_SUFFIX = ".partial"


def state_dir() -> Path:
    """Folder for what is remembered between runs, e.g. how large past snapshots came out."""
    return _xdg("NODEMEM_STATE_DIR", "XDG_STATE_HOME", ".local/state")


def _xdg(own: str, standard: str, fallback: str) -> Path:
    if value := os.environ.get(own):
        return Path(value)
    base = os.environ.get(standard)
    return (Path(base) if base else Path.home() / fallback) / "nodemem"


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise before any work is done if `path` cannot become an output file.

    Raises:
        OutputExists: it is there already and `force` is not set.
        OutputError: its folder is missing, or it names a folder.
    """
    if path.is_dir():
        raise OutputError(f"cannot write {path}", why="it is a directory", next="name a file")
    if not path.parent.is_dir():
        raise OutputError(
            f"cannot write {path}",
            why=f"there is no directory {path.parent}",
            next=f"mkdir -p {path.parent}",
        )
    if path.exists() and not force:
        raise OutputExists(
            f"{path} exists already", next="choose another name, or add --force to replace it"
        )


@contextlib.contextmanager
def whole_file(path: Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """A file, mode 0600, that appears under its name only when it is complete.

    Until then it is `<name>.partial`, which stays behind when the block fails: half a snapshot
    may be all that is left of a process.

    Raises:
        OutputExists, OutputError: see `refuse_existing`; also when the disk refuses a write.
    """
    refuse_existing(path, force=force)
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    try:
        # A partial file of an earlier run may be open to others or be a link: start afresh.
        partial.unlink(missing_ok=True)
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}",
            why=error.strerror or str(error),
            next="check the free space and permissions there (df -h, ls -ld), or choose another -o",
        ) from error
