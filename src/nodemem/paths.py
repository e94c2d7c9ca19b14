"""Where nodemem keeps files, and how it writes them: private (0600) and whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nodemem import portable
from nodemem.errors import OutputError, OutputExists

PARTIAL_SUFFIX = ".partial"


# Below the home folder, by system: what is remembered, and what can be made again.
_STATE = {"darwin": "Library/Application Support", "win32": "AppData/Local"}
_CACHE = {"darwin": "Library/Caches", "win32": "AppData/Local"}


def state_folder() -> Path | None:
    """Where nodemem keeps what it remembers from run to run: `$XDG_STATE_HOME/nodemem`, else
    `~/.local/state/nodemem` (macOS `~/Library/Application Support`, Windows `%LOCALAPPDATA%`), made
    (mode 0700) if it is missing. None where nothing can be written: then nothing is remembered.
    """
    return _folder("XDG_STATE_HOME", _STATE.get(sys.platform, ".local/state"))


def cache_folder() -> Path | None:
    """Where nodemem keeps what it can make again: `$XDG_CACHE_HOME/nodemem`, else
    `~/.cache/nodemem` (macOS `~/Library/Caches`, Windows `%LOCALAPPDATA%`), made (mode 0700) if it
    is missing. None where nothing can be written.
    """
    return _folder("XDG_CACHE_HOME", _CACHE.get(sys.platform, ".cache"))


def _folder(variable: str, below_home: str) -> Path | None:
    variables = (variable, "LOCALAPPDATA") if sys.platform == "win32" else (variable,)
    try:
        named = (Path(os.environ.get(one, "")) for one in variables)
        given = next((path for path in named if path.is_absolute()), None)
        folder = (given or Path.home() / below_home) / "nodemem"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError, ValueError):  # no home, no right to write there, no path at all
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


def partial_of(path: Path) -> Path:
    """What `path` is called until it is complete."""
    return path.with_name(path.name + PARTIAL_SUFFIX)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise before any work is done if `path` cannot become an output file.

    Raises:
        OutputExists: it is there already and `force` is not set.
        OutputError: its folder is missing or may not be written to, or it names a folder, a device
            or a pipe.
    """
    mode = _mode(path)
    if mode is not None and stat.S_ISDIR(mode):
        raise OutputError(f"cannot write {path}", why="it is a directory", next="name a file")
    if mode is not None and not stat.S_ISREG(mode):
        # Writing replaces what has the name: as root even /dev/null.
        raise OutputError(
            f"cannot write {path}",
            why="it is a device, a pipe or a socket, which a file would replace",
            next="name a file; what a command prints can be piped without -o",
        )
    above = _mode(path.parent)
    if above is None or not stat.S_ISDIR(above):
        raise OutputError(
            f"cannot write {path}",
            why=f"there is no directory {path.parent}",
            next=f"mkdir -p {shlex.quote(str(path.parent))}",
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise cannot_write(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    if os.path.lexists(path) and not force:
        raise OutputExists(
            f"{path} exists already", next="choose another name, or add --force to replace it"
        )


def cannot_write(path: Path, error: OSError | ValueError) -> OutputError:
    """The error to raise where the system refuses to write `path`."""
    return OutputError(
        f"cannot write {path}",
        why=getattr(error, "strerror", None) or str(error),
        next="check the free space and permissions there (df -h, ls -ld), or choose another -o",
    )


def _mode(path: Path) -> int | None:
    """Type and permissions of what is there; None where nothing is."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # a name too long, a folder that may not be entered
        raise cannot_write(path, error) from error


def _refuse_unfinished(partial: Path, path: Path) -> None:
    """Raise if another process is writing `partial`; who writes it holds a lock on it."""
    try:
        fd = portable.open_file(partial, os.O_RDONLY | portable.NO_LINK)
    except OSError:
        return
    try:
        portable.lock(fd, shared=True)
    except BlockingIOError:
        raise OutputExists(
            f"{path} is being written by another process",
            next="wait for it, or choose another name",
        ) from None
    except OSError:
        pass
    finally:
        os.close(fd)


@contextlib.contextmanager
def whole_file(path: Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """A file, mode 0600, that appears under its name only when it is complete.

    Until then it is `<name>.partial`, which stays behind when the block fails: half a snapshot
    may be all that is left of a process.

    An unfinished file of an earlier run is replaced, but not one that is being written.

    Raises:
        OutputExists, OutputError: see `refuse_existing`; also when the disk refuses a write.
    """
    refuse_existing(path, force=force)
    partial = partial_of(path)
    try:
        _refuse_unfinished(partial, path)
        # A partial file of an earlier run may be open to others or be a link: start afresh.
        partial.unlink(missing_ok=True)
        fd = portable.new_file(partial)
        with os.fdopen(fd, "wb") as file:
            with contextlib.suppress(OSError):  # a file system without locks
                portable.lock(fd)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        failed = cannot_write(path, error)
        if os.path.lexists(partial):
            failed.next = f"{failed.next}; what was written so far is {partial}"
        raise failed from error
