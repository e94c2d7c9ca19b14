"""The segments and notes of ELF files, programs and cores alike, and the build id among them.

Only 64-bit little-endian files are understood. They are read through a function, so that what a
program has of its file in memory can be read like the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

Read = Callable[[int, int], bytes]
"""Gives so many bytes from an offset on, or raises ValueError."""

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
LOAD, NOTE = 1, 4
"""Types of segments."""

_BUILD_ID = 3  # of the notes of GNU
_MAX_TABLE = 256 << 20  # bytes; the largest build of Node.js has 8 MB of names
_MAX_NOTES = 1 << 16  # bytes of a segment of notes in a program


class Header(NamedTuple):
    """`type` and `machine` are the numbers of e_type and e_machine; `segments` how many there are
    by e_phnum; the offsets are where the tables of segments and of sections begin."""

    type: int
    machine: int
    segment_offset: int
    section_offset: int
    segments: int


class Segment(NamedTuple):
    """A program header, field by field (elf(5)); sizes in bytes."""

    type: int
    flags: int
    offset: int
    address: int
    physical: int
    in_file: int
    in_memory: int
    align: int


def header(read: Read) -> Header:
    """The header of an ELF file.

    Raises:
        ValueError: it is none.
    """
    fields = _HEADER.unpack(read(0, _HEADER.size))
    if fields[0][:6] != b"\x7fELF\x02\x01":
        raise ValueError("it is no 64-bit little-endian ELF file")
    return Header(fields[1], fields[2], fields[5], fields[6], fields[10])


def segments(read: Read, head: Header) -> list[Segment]:
    """All segments, in the file's order.

    Raises:
        ValueError: their table is not where it should be.
    """
    table = read(head.segment_offset, _SEGMENT.size * head.segments)
    return [Segment(*fields) for fields in _SEGMENT.iter_unpack(table)]


def notes(data: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """The notes in a segment of them: owner, type, content; those that are whole."""
    at = 0
    while at + 12 <= len(data):
        name_size, size, kind = struct.unpack_from("<3I", data, at)
        start = at + 12 + -(-name_size // 4) * 4
        if start + size > len(data):
            return
        yield data[at + 12 : at + 12 + name_size].rstrip(b"\0"), kind, data[start : start + size]
        at = start + -(-size // 4) * 4


def build_id(read: Read) -> str | None:
    """What the linker noted so that builds can be told apart, in hexadecimal digits; None if there
    is nothing, or it is no ELF file."""
    try:
        for one in segments(read, header(read)):
            if one.type == NOTE and one.in_file <= _MAX_NOTES:
                for owner, kind, content in notes(read(one.offset, one.in_file)):
                    if owner == b"GNU" and kind == _BUILD_ID:
                        return content.hex()
    except (struct.error, ValueError):
        pass
    return None


def reader(file: BinaryIO) -> Read:
    """Reads an open file."""

    def read(offset: int, length: int) -> bytes:
        if length > _MAX_TABLE:
            raise ValueError("a table in it is too big")
        file.seek(offset)
        data = file.read(length)
        if len(data) != length:
            raise ValueError("it ends too early")
        return data

    return read
