"""A log as bytes, whatever it stands in: a file, a pipe, standard input; compressed; UTF-16."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nodemem import portable
from nodemem.errors import InputError
from nodemem.records.compression import zstd

UNREADABLE: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error, zstd().ZstdError)
"""What reading may raise."""
STDIN = "-"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # what > of Windows PowerShell writes
_BUFFER = 1 << 16


def open_raw(path: Path) -> io.BufferedReader:
    """The bytes as they are; `-` is standard input.

    Raises:
        InputError: it cannot be opened, or is neither a file nor a pipe.
    """
    try:
        descriptor = os.dup(0) if str(path) == STDIN else portable.open_file(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {path}", why=why) from error
    mode = os.fstat(descriptor).st_mode
    if os.isatty(descriptor) or not (
        stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or str(path) == STDIN
    ):
        os.close(descriptor)
        raise InputError(f"cannot read {path}", why="it is no regular file and no pipe")
    if stat.S_ISREG(mode):
        return open(descriptor, "rb")
    if sys.platform != "win32":
        os.set_blocking(descriptor, True)
    file = open(descriptor, "rb", buffering=0)
    # Formats are told by how a file begins, of which a pipe may hand out a few bytes at first.
    return io.BufferedReader(_Filled(lambda size: _whole(file, size), file.close), _BUFFER)


def decoded(raw: io.BufferedReader, damaged: Callable[[], None]) -> Any:
    """The text of `raw`: decompressed, and as ASCII or UTF-8. `damaged` is called where what is
    compressed breaks off or is damaged; the text ends there, then.

    Raises:
        any of UNREADABLE: there is nothing before that.
    """
    magic = raw.peek(4)[:4]
    file: Any = raw
    if magic.startswith(_GZIP):
        file = _decompressed(gzip.open(raw, "rb"), damaged)
    elif magic == _ZSTD:
        file = _decompressed(zstd().open(raw, "rb"), damaged)
    if not file.peek(2)[:2].startswith(_UTF16):
        return file
    decoder = codecs.getincrementaldecoder("utf-16")("replace")

    def read(size: int) -> bytes:
        block = file.read(size // 2 + 2)
        return decoder.decode(block, not block).encode("utf-8", "replace")

    return io.BufferedReader(_Filled(read, file.close), _BUFFER)


def _decompressed(file: Any, damaged: Callable[[], None]) -> io.BufferedReader:
    begun = False

    def read(size: int) -> bytes:
        nonlocal begun
        try:
            block: bytes = file.read1(size)
        except UNREADABLE:
            if not begun:
                raise
            damaged()
            return b""
        begun = True
        return block

    return io.BufferedReader(_Filled(read, file.close), _BUFFER)


class _Filled(io.RawIOBase):
    """Reads what `read` gives for a number of bytes, about as many; nothing means the end."""

    def __init__(self, read: Callable[[int], bytes], close: Callable[[], object]) -> None:
        self._read, self._close, self._left = read, close, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        text = self._left or self._read(len(buffer))
        block, self._left = text[: len(buffer)], text[len(buffer) :]
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if not self.closed:
            self._close()
        super().close()


def _whole(file: io.RawIOBase | io.FileIO, size: int) -> bytes:
    """`size` bytes, fewer only at the end."""
    parts, left = [], size
    while left > 0 and (block := file.read(left)):
        parts.append(block)
        left -= len(block)
    return b"".join(parts)
