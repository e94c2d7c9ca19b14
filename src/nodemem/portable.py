"""Files as each operating system lets one open, read and lock them.

Windows has no reads at a place, no flock, no owners and no modes, and it changes the ends of lines
unless it is told not to.
"""

from __future__ import annotations

import os
import sys
import threading

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

OWNERS = sys.platform != "win32"
"""Whether a file says whose it is and who else may write to it."""

NO_LINK: int = getattr(os, "O_NOFOLLOW", 0)
"""For `open_file`: a link of that name is refused, where the system can."""

# Without O_NONBLOCK, opening a pipe would wait for somebody to write into it.
_ALWAYS: int = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NEW = os.O_CREAT | os.O_EXCL
_LOCKED = 1 << 62
"""On Windows, the byte whose lock stands for that of the file: who locks one that is there forbids
others to read it."""
_moving = threading.Lock()


def open_file(path: str | os.PathLike[str], flags: int = os.O_RDONLY) -> int:
    """A descriptor of what is there, opened without waiting; a file that is made is ours alone
    (0600; on Windows as its folder has it). Raises OSError."""
    return os.open(path, flags | _ALWAYS, 0o600)


def new_file(path: str | os.PathLike[str], flags: int = os.O_WRONLY) -> int:
    """The descriptor of a file that was not there before, ours alone. Raises OSError."""
    return open_file(path, flags | _NEW)


def read_at(file: int, size: int, place: int) -> bytes:
    """Up to `size` bytes from `place`. Raises OSError."""
    if sys.platform != "win32":
        return os.pread(file, size, place)
    with _moving:
        os.lseek(file, place, os.SEEK_SET)
        return os.read(file, size)


def read_into(file: int, view: memoryview, place: int) -> int:
    """Fill the front of `view` with what is from `place` on; how many bytes. Raises OSError."""
    if sys.platform != "win32":
        return os.preadv(file, [view], place)
    data = read_at(file, len(view), place)
    view[: len(data)] = data
    return len(data)


def write_at(file: int, data: memoryview, place: int) -> int:
    """Write at `place`; how many bytes were written. Raises OSError."""
    if sys.platform != "win32":
        return os.pwrite(file, data, place)
    with _moving:
        os.lseek(file, place, os.SEEK_SET)
        return os.write(file, data)


def lock(file: int, *, shared: bool = False) -> None:
    """Take the lock of an opened file, which ends with the descriptor; on Windows none is shared.

    Raises:
        BlockingIOError: somebody else has it.
        OSError: the file system knows no locks.
    """
    if sys.platform != "win32":
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    else:
        try:
            _lock_byte(file, msvcrt.LK_NBLCK)
        except PermissionError as error:
            raise BlockingIOError(error.errno, error.strerror) from error


def unlock(file: int) -> None:
    """Give it back. Raises OSError."""
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_UN)
    else:
        _lock_byte(file, msvcrt.LK_UNLCK)


if sys.platform == "win32":

    def _lock_byte(file: int, how: int) -> None:
        with _moving:
            before = os.lseek(file, 0, os.SEEK_CUR)
            os.lseek(file, _LOCKED, os.SEEK_SET)
            try:
                msvcrt.locking(file, how, 1)
            finally:
                os.lseek(file, before, os.SEEK_SET)


def processors() -> int:
    """How many this program may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
