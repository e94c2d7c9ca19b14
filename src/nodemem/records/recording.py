"""The recording: one file for all that is observed over time.

Newline-delimited JSON: a header, then records as they came. Compressed with zstd when the name
ends in `.zst`; what was packed with gzip later is read, too. Each record is flushed, so that a
crash of either side costs at most the last one; a reader stops at the last whole record and says
so.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import msgspec

from nodemem import paths, portable
from nodemem.errors import InputError
from nodemem.records.compression import zstd
from nodemem.records.types import Record

FORMAT = 1
MAX_LINE = 16 << 20
_encoder = msgspec.json.Encoder()
_ZSTD_MAGIC, _GZIP_MAGIC = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
_PACKED = (_ZSTD_MAGIC, _GZIP_MAGIC)
_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decoder = msgspec.json.Decoder(Record)


class Header(msgspec.Struct, frozen=True, rename={"format": "nodemem-recording"}):
    """First line of a recording. `started` is seconds since the epoch."""

    format: int
    started: float


class RecordingWriter:
    """Writes records to a new file, mode 0600. A context manager.

    Raises:
        OutputExists, OutputError: the file cannot be created or the disk refuses a write.
    """

    def __init__(self, path: Path, *, started: float, force: bool = False) -> None:
        paths.refuse_existing(path, force=force)
        self.path = path
        try:
            path.unlink(missing_ok=True)
            self._raw: BinaryIO = os.fdopen(portable.new_file(path), "wb")
        except OSError as error:
            raise paths.cannot_write(path, error) from error
        self._file: Any = zstd().open(self._raw, "wb") if path.suffix == ".zst" else self._raw
        self._line(Header(format=FORMAT, started=started))

    def write(self, record: Record) -> None:
        """Append one record and hand it to the operating system."""
        self._line(record)

    def close(self) -> None:
        """End the file. Raises OutputError when the disk refuses what is still to be written."""
        try:
            try:
                self._file.close()
            finally:
                self._raw.close()
        except OSError as error:
            raise paths.cannot_write(self.path, error) from error

    def _line(self, value: object) -> None:
        try:
            self._file.write(_encoder.encode(value) + b"\n")
            if self._file is not self._raw:
                # A zstd frame is readable up to its last flushed block.
                self._file.flush(zstd().ZstdCompressor.FLUSH_BLOCK)
            self._raw.flush()
        except OSError as error:
            raise paths.cannot_write(self.path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def is_recording(path: Path) -> bool:
    """Whether a file begins as recordings do.

    Raises:
        InputError: it cannot be read.
    """
    with _open(path) as raw:
        begin = _begin(raw, path)
    return begin.startswith(_PACKED) or b'"nodemem-recording"' in begin


class RecordingReader:
    """Iterates over the records of a file. `truncated` is set after a file that ends too early.

    Raises:
        InputError: the file cannot be opened, is no recording, or a line of it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.truncated = False
        self._raw = _open(path)
        self._file: Any = _unpacked(self._raw, path)
        self._number = 0
        try:
            self.header = msgspec.json.decode(self._next_line() or b"", type=Header)
        except _MALFORMED as error:
            self.close()
            raise InputError(
                f"{path} is not a recording",
                why="its first line is not a recording's header",
                next="recordings are written by nodemem, e.g. nodemem usage PID --watch -o FILE",
            ) from error
        if self.header.format > FORMAT:
            self.close()
            raise InputError(
                f"{path} was written by a newer nodemem",
                why=f"format {self.header.format}, this version reads up to {FORMAT}",
                next="pip install --upgrade nodemem",
            )

    def __iter__(self) -> Iterator[Record]:
        while (line := self._next_line()) is not None:
            try:
                yield _decoder.decode(line)
            except _MALFORMED as error:
                raise InputError(
                    f"{self.path}:{self._number} is not a record", why=str(error)
                ) from error

    def close(self) -> None:
        self._file.close()
        self._raw.close()

    def _next_line(self) -> bytes | None:
        try:
            line: bytes = self._file.readline(MAX_LINE)
        except _breaks():
            line = b""
            self.truncated = True
        except OSError as error:
            raise InputError(f"cannot read {self.path}", why=str(error)) from error
        self._number += 1
        if line.endswith(b"\n"):
            return line
        if len(line) >= MAX_LINE:
            raise InputError(
                f"{self.path}:{self._number} is not a record",
                why=f"the line is longer than {MAX_LINE >> 20} MiB",
            )
        self.truncated = self.truncated or bool(line)
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _begin(raw: io.BufferedReader, path: Path) -> bytes:
    """The first bytes of a file, which stay to be read."""
    try:
        return raw.peek(64)[:64]
    except OSError as error:
        raise InputError(f"cannot read {path}", why=error.strerror) from error


def _open(path: Path) -> io.BufferedReader:
    try:
        fd = portable.open_file(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {path}", why=why) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise InputError(f"cannot read {path}", why="it is no regular file")
    return open(fd, "rb")


def _unpacked(raw: io.BufferedReader, path: Path) -> Any:
    begin = _begin(raw, path)
    if begin.startswith(_GZIP_MAGIC):
        return gzip.open(raw, "rb")
    return zstd().open(raw, "rb") if begin.startswith(_ZSTD_MAGIC) else raw


def _breaks() -> tuple[type[Exception], ...]:
    """Where what is compressed breaks off, or is damaged."""
    return EOFError, gzip.BadGzipFile, zlib.error, zstd().ZstdError
