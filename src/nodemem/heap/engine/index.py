"""The index of a snapshot: its columns in one file, mapped into memory when it is opened again.

    page 0      magic, format version; inode, size and modification time of this very file; place
                and digest of the table
    sections    one column each, from a page border on, in the byte order of the machine
    table       JSON: the key of the snapshot, facts, and for each section its place

Sections are only ever added behind the end; then a new table, then the new page 0. What is mapped
never moves and never changes, and a table that is not finished is not there.

**What an index is trusted for.** Kernels run over its columns without looking at each number, so
the file must be what this user wrote here: it belongs to the user, nobody else may write to it, and
its inode, size and time of modification are those that page 0 says. A file that was copied, sent,
unpacked, truncated or written to by anything else is not; it is written anew. `nodemem cache check`
compares every byte with the snapshot, for disks that forget.
"""

from __future__ import annotations

import json
import mmap
import os
import stat
import struct
import sys
import threading
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

from nodemem import portable
from nodemem.heap.engine.memory import ITEM_SIZES, Code, zeros

FORMAT = 1
"""To be raised by whatever changes the layout, the meaning of a column or an analysis behind it."""

_MAGIC = b"nodemem\n"
_HEAD = struct.Struct("=8sIIQQqQQ16s")
_PAGE = max(4096, mmap.ALLOCATIONGRANULARITY)
_TABLE_LIMIT = 64 << 20
_SAMPLES = 16
_SAMPLE_BYTES = 4096


class Section(NamedTuple):
    """A column in the file: its struct code, how many items it has, where it begins."""

    code: Code
    length: int
    offset: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.length * ITEM_SIZES[self.code]


class IndexUnusable(Exception):
    """The file is no index of the snapshot at hand; says why."""


def key_of(fd: int) -> dict[str, Any]:
    """What tells that an opened snapshot is the one an index was made of: size, inode, times in
    nanoseconds and a digest of blocks from all over the file."""
    facts = os.fstat(fd)
    digest = blake2b(digest_size=16)
    last = max(0, facts.st_size - _SAMPLE_BYTES)
    for number in range(_SAMPLES):
        digest.update(portable.read_at(fd, _SAMPLE_BYTES, last * number // (_SAMPLES - 1)))
    return {
        "size": facts.st_size,
        "inode": facts.st_ino,
        "mtime": facts.st_mtime_ns,
        "ctime": facts.st_ctime_ns,
        "samples": digest.hexdigest(),
        "byteorder": sys.byteorder,
    }


class IndexFile:
    """An opened index. Sections are put in once and never change; views of them are mapped.

    Several threads may put sections in; of several processes only one, which holds a lock (see
    engine/filestore.py).
    """

    def __init__(self, fd: int, key: dict[str, Any] | None) -> None:
        self._fd = fd
        self.key = key
        self.sections: dict[str, Section] = {}
        self.facts: dict[str, Any] = {}
        self._end = _PAGE
        self._allotting = threading.Lock()
        self._maps: dict[tuple[str, int], tuple[mmap.mmap, memoryview]] = {}

    @classmethod
    def open(cls, path: Path, key: dict[str, Any] | None) -> Self:
        """The index at `path` of the snapshot with `key`, None for whichever it is of.

        Raises:
            IndexUnusable: it is not there, not whole, not ours, or of something else.
        """
        try:
            fd = portable.open_file(path, os.O_RDWR | portable.NO_LINK)
        except OSError as error:
            raise IndexUnusable(error.strerror) from error
        index = cls(fd, key)
        try:
            index.read_table()
        except BaseException:
            index.close()
            raise
        return index

    def read_table(self) -> None:
        """Take over sections and facts as the file has them now. Raises IndexUnusable."""
        try:
            facts = os.fstat(self._fd)
            head = portable.read_at(self._fd, _HEAD.size + 16, 0)
            if len(head) < _HEAD.size + 16 or _digest(head[: _HEAD.size]) != head[_HEAD.size :]:
                raise IndexUnusable("its first page is damaged")
            magic, version, page, inode, size, mtime, at, length, digest = _HEAD.unpack(
                head[: _HEAD.size]
            )
            if (magic, version, page) != (_MAGIC, FORMAT, _PAGE):
                raise IndexUnusable("it is of another format")
            if sys.platform == "win32":
                raise IndexUnusable("whose it is cannot be told here")
            if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
                raise IndexUnusable("it belongs to somebody else")
            if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise IndexUnusable("others may write to it")
            if (inode, size, mtime) != (facts.st_ino, facts.st_size, facts.st_mtime_ns):
                raise IndexUnusable("it was copied or written to")
            if length > _TABLE_LIMIT or at + length > size:
                raise IndexUnusable("its table is not inside it")
            text = portable.read_at(self._fd, length, at)
            if _digest(text) != digest:
                raise IndexUnusable("its table is damaged")
        except OSError as error:
            raise IndexUnusable(error.strerror) from error
        table = json.loads(text)
        if self.key is None:
            self.key = table["key"]
        if table["key"] != self.key:
            raise IndexUnusable("it is of another file, or the file changed")
        sections = {name: Section(*place) for name, place in table["sections"].items()}
        for section in sections.values():
            end = section.offset + section.size
            if section.offset % _PAGE or not _PAGE <= section.offset <= end <= size:
                raise IndexUnusable("a section is not inside it")
        self.sections, self.facts, self._end = sections, table["facts"], _paged(size)

    def begin(self, name: str, code: Code, count: int) -> None:
        """Room for a section that `write` fills piece by piece."""
        self._unmap(name)
        self.sections[name] = self._room(code, count)

    def write(self, name: str, first: int, items: memoryview) -> None:
        """Put `items` into a section that was begun, from item `first` on. Raises OSError."""
        code, _, offset = self.sections[name]
        _write(self._fd, items.cast("B"), offset + first * ITEM_SIZES[code])

    def put(self, name: str, items: memoryview) -> None:
        """A whole section. Raises OSError; then there is none."""
        section = self._room(cast("Code", items.format), len(items))
        _write(self._fd, items.cast("B"), section.offset)
        self._unmap(name)
        self.sections[name] = section

    def _room(self, code: Code, count: int) -> Section:
        with self._allotting:
            section = Section(code, count, self._end)
            self._end += _paged(section.size)
            return section

    def view(self, name: str) -> memoryview:
        """A section, mapped: pages are read when touched. Raises OSError."""
        # Private and writable, because kernels take writable views; nobody writes.
        return self._mapped(name, mmap.ACCESS_COPY)

    def changeable(self, name: str) -> memoryview:
        """A section that was written as a whole, mapped so that changes get into the file."""
        return self._mapped(name, mmap.ACCESS_WRITE)

    def _mapped(self, name: str, access: int) -> memoryview:
        section = self.sections[name]
        if not section.length:
            return zeros(section.code, 0)
        if (name, access) not in self._maps:
            pages = mmap.mmap(self._fd, section.size, access=access, offset=section.offset)
            self._maps[name, access] = pages, memoryview(pages).cast(section.code)
        return self._maps[name, access][1]

    def _unmap(self, name: str) -> None:
        for access in (mmap.ACCESS_COPY, mmap.ACCESS_WRITE):
            self._maps.pop((name, access), None)

    def release_pages(self) -> None:
        """Let go of the memory of what is mapped; it comes back when it is touched."""
        if sys.platform == "linux":
            for pages, _ in list(self._maps.values()):
                pages.madvise(mmap.MADV_DONTNEED)

    def commit(self) -> None:
        """Write the table with all that is in `sections` and `facts`. Raises OSError."""
        table = {"key": self.key, "sections": self.sections, "facts": self.facts}
        text = json.dumps(table, separators=(",", ":")).encode()
        size = self._end + len(text)
        _write(self._fd, memoryview(text), self._end)
        os.ftruncate(self._fd, size)
        # The system keeps times as finely as it can: ask which it makes of ours.
        now = os.fstat(self._fd).st_mtime_ns + 1
        os.utime(self._fd, ns=(now, now))
        facts = os.fstat(self._fd)
        head = _HEAD.pack(
            _MAGIC, FORMAT, _PAGE, facts.st_ino, size, facts.st_mtime_ns,
            self._end, len(text), _digest(text),
        )  # fmt: skip
        _write(self._fd, memoryview(head + _digest(head)), 0)
        os.utime(self._fd, ns=(facts.st_mtime_ns, facts.st_mtime_ns))
        self._end = _paged(size)

    def reread(self, path: Path) -> bool:
        """Take over what others put in since; False when `path` names another file by now."""
        try:
            if not os.path.samestat(path.stat(), os.fstat(self._fd)):
                return False
            self.read_table()
        except (OSError, IndexUnusable):
            return False
        return True

    def close(self) -> None:
        """What is mapped stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()


def _paged(size: int) -> int:
    return -(-size // _PAGE) * _PAGE


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def _write(fd: int, data: memoryview, offset: int) -> None:
    done = 0
    while done < len(data):
        done += portable.write_at(fd, data[done:], offset + done)
