"""The memory that a process had when it crashed or was copied: a core file as an address space.

A core has a segment for each mapping, with as much of it as was thought worth writing. The kernel
leaves holes in the file where the process had no memory, so what was resident is known; gcore
writes zeros there, so its pages of zeros are taken for absent, which is an estimate. The text of
programs and libraries is in neither: it is in their files.

The file is read piece by piece, never whole, and may be anything: cut short, or no core at all.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import sys
from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Self

from nodemem import portable
from nodemem.errors import InputError
from nodemem.memory import core_notes, elf_segments
from nodemem.memory.core_notes import MappedFile
from nodemem.records import MappedMemory, Observed, ThreadName

_CORE = 4  # e_type
_MANY = 0xFFFF  # e_phnum where there are more: how many, then, is in the first section header
_MOST_SEGMENTS = 1 << 19  # far above vm.max_map_count as it is set anywhere
_MOST_NOTES = 256 << 20  # bytes
_HIGHEST = 1 << 64
_WINDOW = 1 << 20  # bytes that are looked through for zeros at a time
_GAP_AT_MOST = 256 << 20  # bytes between two parts of a program
_BREAK_AT_MOST = 1025 << 20  # bytes from its data to its heap, which start at random
_PACKED = {
    b"\x28\xb5\x2f\xfd": "zstd -d",
    b"\x04\x22\x4d\x18": "lz4 -d",
    b"\x1f\x8b": "gunzip",
    b"\xfd7zXZ": "unxz",
}


class Segment(NamedTuple):
    """Addresses [start, end), of which the first `in_file` bytes are in the file at `offset`."""

    start: int
    end: int
    offset: int
    in_file: int
    access: str


class Core:
    """The `AddressSpace` of the core file at `path`, to be closed or used in a `with` statement.

    `notes` are what it says besides (`core_notes.Notes`). `sparse` says whether it has holes, so
    that what was resident is known and no estimate; `missing` is how many bytes the file is too
    short.

    Raises:
        InputError: it cannot be read, or is no core of a 64-bit little-endian program.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        try:
            self._file = portable.open_file(path)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise InputError(f"{path} cannot be read", why=why) from error
        try:
            self._open()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._file)

    def _open(self) -> None:
        info = os.fstat(self._file)
        if not stat.S_ISREG(info.st_mode):
            raise self._unreadable("it is no file")
        self.size = info.st_size
        try:
            header = elf_segments.header(self._exactly)
            if header.type != _CORE:
                raise self._unreadable("it is an ELF file of another kind")
            if header.segments == _MANY:
                count = struct.unpack("<44xI16x", self._exactly(header.section_offset, 64))[0]
                header = header._replace(segments=count)
            if header.segments > _MOST_SEGMENTS:
                raise self._unreadable("it says that it has too many segments")
            table = elf_segments.segments(self._exactly, header)
        except (struct.error, ValueError) as error:
            raise self._unreadable(str(error)) from None
        loads = [one for one in table if one.type == elf_segments.LOAD and one.in_memory]
        ends = [one.offset + one.in_file for one in table]
        self.missing = max(0, max(ends, default=0) - self.size)
        self._segments = _apart([_segment(one) for one in loads])
        self._starts = [one.start for one in self._segments]
        self.sparse = self._has_holes()
        notes = b"".join(self._whatever(one) for one in table if one.type == elf_segments.NOTE)
        self.notes = core_notes.parse(notes, header.machine)
        self._mappings: list[MappedMemory] | None = None

    def mappings(self) -> list[MappedMemory]:
        """The mapped ranges. What of them is in the core is only in `observed`; their flags are
        unknown, so is whether they were shared. `[heap]` and `[stack]` are told by what they
        hold."""
        if self._mappings is None:
            files = sorted(self.notes.files)
            starts = [one.start for one in files]
            found = []
            for segment in self._segments:
                place = bisect_right(starts, segment.start) - 1
                inside = place >= 0 and segment.start < files[place].end
                found.append(_mapping(segment, files[place] if inside else None))
            names = self._names(found)
            self._mappings = [_renamed(one, names.get(one.start)) for one in found]
        return self._mappings

    def observed(self) -> Observed:
        """All that the core tells of the process. Of memory that belongs to files it has hardly
        any, so there is less than was resident. Of a core without holes all of it is read."""
        found = []
        for segment, one in zip(self._segments, self.mappings(), strict=True):
            there = sum(length for _, length in self.resident(segment.start, segment.in_file))
            # Of a file that the process did not write to, the first page is all there is.
            is_head = one.inode != 0 and segment.in_file < segment.end - segment.start
            found.append(_renamed(one, one.file, rss=there, anonymous=0 if is_head else there))
        return Observed(
            self.notes.pid,
            self.notes.page_size,
            found,
            self.threads(),
            program=self.notes.program_file(),
        )

    def threads(self) -> list[ThreadName]:
        """The threads by their ids in their own pid namespace; names are not told."""
        return [ThreadName(one.tid, one.tid, "thread") for one in self.notes.threads]

    def read(self, address: int, length: int) -> bytes | None:
        parts = self._in_file(address, length)
        if sum(part[1] for part in parts) != length or length <= 0:
            return None
        if self.sparse and sum(part[1] for part in self.resident(address, length)) != length:
            return None
        data = b"".join(self._pread(offset, size) for _, size, offset in parts)
        return data if len(data) == length else None

    def read_sparse(self, address: int, length: int) -> bytes | None:
        parts = self._in_file(address, length)
        if not parts or (self.sparse and not self.resident(address, length)):
            return None
        if parts[0][1] == length:
            data = self._pread(parts[0][2], length)  # holes are read as zeros
            return data if len(data) == length else None
        whole = bytearray(length)
        for start, size, offset in parts:
            piece = self._pread(offset, size)
            whole[start - address : start - address + len(piece)] = piece
        return bytes(whole)

    def resident(self, address: int, length: int) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for start, size, offset in self._in_file(address, length):
            parts = self._data(offset, size) if self.sparse else self._not_zero(offset, size)
            for at, there in parts:
                begins = start + at - offset
                if found and sum(found[-1]) == begins:
                    found[-1] = (found[-1][0], found[-1][1] + there)
                else:
                    found.append((begins, there))
        return found

    def _in_file(self, address: int, length: int) -> list[tuple[int, int, int]]:
        """The parts of a range that the file has, as (address, length, offset)."""
        found: list[tuple[int, int, int]] = []
        if address < 0 or length <= 0 or address + length > _HIGHEST:
            return found
        place = max(0, bisect_right(self._starts, address) - 1)
        while place < len(self._segments) and self._starts[place] < address + length:
            one = self._segments[place]
            ends = one.start + min(one.in_file, max(0, self.size - one.offset))
            start, end = max(address, one.start), min(address + length, ends)
            if start < end:
                found.append((start, end - start, one.offset + start - one.start))
            place += 1
        return found

    def _has_holes(self) -> bool:
        """Whether parts of the file were never written; False where the system does not tell."""
        if sys.platform == "win32" or not self.size:
            return False
        return os.lseek(self._file, 0, os.SEEK_HOLE) < self.size

    def _data(self, offset: int, length: int) -> list[tuple[int, int]]:
        """The parts of a piece of the file that are no holes, as (offset, length)."""
        if sys.platform == "win32":
            return [(offset, length)]
        found = []
        at, end = offset, offset + length
        while at < end:
            try:
                start = os.lseek(self._file, at, os.SEEK_DATA)
                at = os.lseek(self._file, start, os.SEEK_HOLE)
            except OSError as error:
                if error.errno != errno.ENXIO:  # no data after it
                    raise self._unreadable(error.strerror or "") from error
                break
            if start < end:
                found.append((start, min(at, end) - start))
        return found

    def _not_zero(self, offset: int, length: int) -> list[tuple[int, int]]:
        """The same by pages that hold something else than zeros."""
        unit = self.notes.page_size
        nothing = bytes(unit)
        found: list[tuple[int, int]] = []
        end = offset + length
        at = offset
        while at < end:
            data = self._pread(at, min(_WINDOW, end - at))
            if not data:
                break
            for place in range(0, len(data), unit):
                size = min(unit, len(data) - place)
                if data[place : place + size] != nothing[:size]:
                    if found and sum(found[-1]) == at + place:
                        found[-1] = (found[-1][0], found[-1][1] + size)
                    else:
                        found.append((at + place, size))
            at += len(data)
        return found

    def _names(self, found: list[MappedMemory]) -> dict[int, str]:
        """The names that the kernel gives to the main thread's stack and to the heap that grows
        behind the program's data, by the addresses of the mappings."""
        stacks = (one.stack_pointer for one in self.notes.threads if one.tid == self.notes.pid)
        stack = next(stacks, 0)
        program = self.notes.program_file()
        names: dict[int, str] = {}
        after: int | None = None  # end of the program's data
        for one in found:
            if program and one.file == program:
                # V8 shows parts of it a second time, far away.
                if after is None or one.start - after <= _GAP_AT_MOST:
                    after = one.end
            elif one.file or one.access[:2] != "rw":
                continue
            elif one.start <= stack < one.end:
                names[one.start] = "[stack]"
            elif after is not None and one.start == after:
                after = one.end  # what the program has beyond its file
            elif after is not None and self._is_heap(one, after):
                names[one.start], after = "[heap]", None
        return names

    def _is_heap(self, one: MappedMemory, after: int) -> bool:
        """Whether a mapping is malloc's heap behind address `after`: it begins with a chunk, in
        use, of a size that fits."""
        head = self.read(one.start, 16) if 0 < one.start - after <= _BREAK_AT_MOST else None
        before, size = struct.unpack("<2Q", head) if head else (1, 0)
        return bool(before == 0 and size & 7 == 1 and 32 <= size <= one.end - one.start)

    def _whatever(self, one: elf_segments.Segment) -> bytes:
        if one.in_file > _MOST_NOTES:
            raise self._unreadable("it says that its notes are too long")
        return self._pread(one.offset, one.in_file)

    def _exactly(self, offset: int, length: int) -> bytes:
        data = self._pread(offset, length)
        if len(data) != length:
            raise ValueError("it ends too early")
        return data

    def _pread(self, offset: int, length: int) -> bytes:
        try:
            return portable.read_at(self._file, length, offset)
        except (OSError, OverflowError):
            return b""

    def _unreadable(self, why: str) -> InputError:
        head = self._pread(0, 8)
        for magic, command in _PACKED.items():
            if head.startswith(magic):
                return InputError(
                    f"{self.path} is compressed", next=f"unpack it first: {command} {self.path}"
                )
        return InputError(f"{self.path} cannot be read as a core file", why=why)


def _segment(one: elf_segments.Segment) -> Segment:
    allowed = (("r", 4), ("w", 2), ("x", 1))
    access = "".join(letter if one.flags & bit else "-" for letter, bit in allowed)
    end = min(one.address + one.in_memory, _HIGHEST)
    return Segment(one.address, end, one.offset, min(one.in_file, one.in_memory), access + "p")


def _mapping(one: Segment, file: MappedFile | None) -> MappedMemory:
    if file is None:
        return MappedMemory(one.start, one.end, one.access)
    return MappedMemory(
        one.start,
        one.end,
        one.access,
        file.path,
        offset=file.offset + one.start - file.start,
        inode=1,  # that of the file is not told
    )


def _renamed(
    one: MappedMemory, name: str | None, *, rss: int = 0, anonymous: int = 0
) -> MappedMemory:
    return MappedMemory(
        one.start,
        one.end,
        one.access,
        name or one.file,
        offset=one.offset,
        inode=one.inode,
        rss=rss,
        anonymous=anonymous,
    )


def _apart(segments: list[Segment]) -> list[Segment]:
    """By address, and apart from each other both there and in the file: what overlaps one before
    is left out or cut."""
    written = sorted((one for one in segments if one.in_file), key=lambda one: one.offset)
    behind = {id(one): later.offset for one, later in pairwise(written)}
    found: list[Segment] = []
    for one in sorted(segments):
        if not found or one.start >= found[-1].end:
            room = behind.get(id(one), one.offset + one.in_file) - one.offset
            found.append(one._replace(in_file=min(one.in_file, room)))
    return found
