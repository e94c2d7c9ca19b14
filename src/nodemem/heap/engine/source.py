"""Bytes of a snapshot file in order: plain, gzip (any number of members) or Zstandard, told apart
by content. Nothing here holds more than a chunk."""

from __future__ import annotations

import os
import stat
import zlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Protocol

from nodemem import portable
from nodemem.errors import InputError

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_READ = 1 << 18


class Source(Protocol):
    """A stream of the snapshot's text. `compressed` sources cannot be read at a position."""

    compressed: bool

    def read_into(self, view: memoryview) -> int:
        """Fill the front of `view`; 0 at the end. Raises InputError for broken data."""
        ...


class SnapshotFile:
    """An opened snapshot file; `path` is as the user wrote it, `size` in bytes on disk.

    Raises:
        InputError: it is missing, no regular file, empty, or not readable.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = str(path)
        self._fd = -1
        try:
            fd = portable.open_file(path)
        except FileNotFoundError as error:
            raise InputError(
                f"there is no file {self.path}", next=f"ls -l {_folder(self.path)}"
            ) from error
        except PermissionError as error:
            raise InputError(
                f"cannot read {self.path}",
                why="permission denied; Node writes snapshots readable by their owner only",
                next=f"sudo chown $USER {self.path}",
            ) from error
        except (OSError, ValueError) as error:
            raise InputError(f"cannot open {self.path}", why=str(error)) from error
        self._fd = fd
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            kind = "a directory" if stat.S_ISDIR(facts.st_mode) else "no regular file"
            raise InputError(
                f"{self.path} is {kind}, not a heap snapshot",
                next="name a .heapsnapshot file, plain, .gz or .zst",
            )
        self.size = facts.st_size
        if self.size == 0:
            raise InputError(
                f"{self.path} is empty",
                why="the snapshot was never written, or the disk was full",
                next="take the snapshot again: nodemem snapshot PID -o FILE",
            )
        self.magic = self.read_at(0, 4)

    @property
    def plain(self) -> bool:
        """Whether it is not compressed."""
        return not self.magic.startswith((_GZIP, _ZSTD))

    @property
    def fd(self) -> int:
        """Its descriptor, -1 when it is closed."""
        return self._fd

    def read_at(self, position: int, size: int) -> bytes:
        """Up to `size` bytes from `position`. Raises InputError when the disk refuses."""
        try:
            return portable.read_at(self._fd, size, position)
        except OSError as error:
            raise InputError(f"cannot read {self.path}", why=str(error)) from error

    def source(self) -> Source:
        """A stream from the beginning."""
        if self.magic.startswith(_GZIP):
            return _Gzip(self)
        if self.magic == _ZSTD:
            return _Zstd(self)
        return _Plain(self)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()


def _folder(path: str) -> str:
    return str(Path(path).parent)


class _Plain:
    compressed = False

    def __init__(self, file: SnapshotFile) -> None:
        self._file = file
        self._position = 0

    def read_into(self, view: memoryview) -> int:
        try:
            count = portable.read_into(self._file._fd, view, self._position)
        except OSError as error:
            raise InputError(f"cannot read {self._file.path}", why=str(error)) from error
        self._position += count
        return count


class _Compressed(ABC):
    """Feeds a decompressor that gives at most what is asked for, so that a bomb cannot fill
    memory."""

    compressed = True
    kind = ""

    def __init__(self, file: SnapshotFile) -> None:
        self._file = file
        self._position = 0
        self._input = b""
        self._ended = False

    def read_into(self, view: memoryview) -> int:
        done = 0
        while done < len(view):
            data = self._next(len(view) - done)
            if not data:
                break
            view[done : done + len(data)] = data
            done += len(data)
        return done

    @abstractmethod
    def _next(self, limit: int) -> bytes:
        """More text, at most `limit` bytes; empty at the end. Raises InputError for broken data."""

    def _more(self) -> bytes:
        data = self._file.read_at(self._position, _READ)
        self._position += len(data)
        return data

    def _cut(self) -> InputError:
        return InputError(
            f"{self._file.path} is cut short",
            why=f"the {self.kind} data ends early, at byte {self._position:,}",
            next="copy the file again, or take the snapshot again",
        )

    def _broken(self, error: Exception) -> InputError:
        return InputError(
            f"{self._file.path} is damaged",
            why=f"the {self.kind} data before byte {self._position:,} is invalid ({error})",
            next="copy the file again, or take the snapshot again",
        )


class _Gzip(_Compressed):
    kind = "gzip"

    def __init__(self, file: SnapshotFile) -> None:
        super().__init__(file)
        self._member: Any = zlib.decompressobj(wbits=31)
        self._started = False

    def _next(self, limit: int) -> bytes:
        while not self._ended:
            if not self._input:
                self._input = self._more()
                if not self._input:
                    if self._started:
                        raise self._cut()
                    self._ended = True
                    break
            if not self._started:
                # Zero bytes may pad the space behind a member (RFC 1952 readers allow it).
                self._input = self._input.lstrip(b"\0")
                if not self._input:
                    continue
                self._started = True
            try:
                data: bytes = self._member.decompress(self._input, limit)
            except zlib.error as error:
                raise self._broken(error) from error
            if self._member.eof:
                self._input = self._member.unused_data
                self._member = zlib.decompressobj(wbits=31)
                self._started = False
            else:
                self._input = self._member.unconsumed_tail
            if data:
                return data
        return b""


class _Zstd(_Compressed):
    kind = "Zstandard"

    def __init__(self, file: SnapshotFile) -> None:
        super().__init__(file)
        from nodemem.records.compression import zstd

        self._zstd = zstd()
        self._frame = self._zstd.ZstdDecompressor()
        self._started = False

    def _next(self, limit: int) -> bytes:
        while not self._ended:
            if self._frame.eof:
                self._input = self._frame.unused_data
                self._frame = self._zstd.ZstdDecompressor()
                self._started = False
            if self._frame.needs_input and not self._input:
                self._input = self._more()
                if not self._input:
                    if self._started:
                        raise self._cut()
                    self._ended = True
                    break
            try:
                data: bytes = self._frame.decompress(self._input, limit)
            except self._zstd.ZstdError as error:
                raise self._broken(error) from error
            self._input = b""
            self._started = True
            if data:
                return data
        return b""
