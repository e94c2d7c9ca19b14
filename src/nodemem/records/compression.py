"""Compression while writing, chosen by the name of the file."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

# The fastest level. What reads from a live process must keep pace with it: what we do not take
# piles up in the memory of the process.
_GZIP_LEVEL = 1
_ZSTD_LEVEL = 3


def is_compressed(path: Path) -> bool:
    """Whether a file of this name is compressed: `.gz`, `.zst`."""
    return path.suffix in (".gz", ".zst")


@contextlib.contextmanager
def by_name(path: Path, file: BinaryIO) -> Iterator[BinaryIO]:
    """What is written to the result goes to `file`, compressed if the name `path` asks for it.

    `file` stays open. The same input gives the same bytes: no name and no time are kept.
    """
    if path.suffix == ".gz":
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
            yield cast("BinaryIO", packed)
    elif path.suffix == ".zst":
        with zstd().ZstdFile(file, "wb", level=_ZSTD_LEVEL) as packed:
            yield packed
    else:
        yield file


def zstd() -> Any:
    """The standard module where Python has it (3.14), else its backport."""
    try:
        from compression import zstd as module
    except ImportError:  # before Python 3.14
        from backports import zstd as module
    return module
