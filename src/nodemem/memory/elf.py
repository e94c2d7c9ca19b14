"""Program files: where their parts are put in memory, and what they publish by name.

Only 64-bit little-endian ELF files are understood, which is what Node.js runs on under Linux.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO

from nodemem.errors import InputError
from nodemem.memory import elf_segments

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL_SIZE = 24
_LOAD = 1
_SYMBOLS, _DYNAMIC_SYMBOLS = 2, 11
_EXECUTABLE, _WRITABLE = 1, 2  # flags of a segment
_IN_MEMORY = 2  # flag of a section


@dataclass(frozen=True)
class Part:
    """A range of addresses [start, end), as the file counts them."""

    start: int
    end: int
    executable: bool
    writable: bool
    offset: int = 0


@dataclass(frozen=True)
class Layout:
    """`loads` are what is put into memory, `sections` its finer parts, none where they were not
    read; `build_id` names this build, None where the file does not say."""

    loads: list[Part]
    sections: list[Part]
    build_id: str | None


def loads(head: bytes) -> list[Part]:
    """What a program puts into memory, from the first bytes of its file or of its image.

    Raises:
        InputError: it is no such file, or they are too few.
    """
    try:
        fields = _header(head)
        table = head[fields[5] : fields[5] + _SEGMENT.size * fields[10]]
        if len(table) < _SEGMENT.size * fields[10]:
            raise ValueError("it ends too early")
        return _parts(list(_SEGMENT.iter_unpack(table)))
    except (struct.error, ValueError) as error:
        raise InputError("this cannot be read as ELF", why=str(error)) from None


def layout(file: BinaryIO) -> Layout:
    """How a program file is laid out in memory.

    Raises:
        InputError: as `published`.
    """
    try:
        header = _header(_at(file, 0, _HEADER.size))
        segments = _table(file, _SEGMENT, offset=header[5], count=header[10])
        sections = _table(file, _SECTION, offset=header[6], count=header[12])
        return Layout(
            _parts(segments),
            [
                Part(at, at + size, bool(flags & 4), bool(flags & 1), offset)
                for _, _, flags, at, offset, size, *_ in sections
                if flags & _IN_MEMORY and at and size
            ],
            elf_segments.build_id(elf_segments.reader(file)),
        )
    except (struct.error, ValueError, OverflowError) as error:
        raise _unreadable(file, error) from None


def symbols(file: BinaryIO, wanted: Iterable[str]) -> dict[str, tuple[int, int]]:
    """(address, size) of those symbols that the file has, also of local ones, by name. A `*` at
    the end of a name stands for any more digits and letters; the first that fits is taken.

    Raises:
        InputError: as `published`.
    """
    try:
        header = _header(_at(file, 0, _HEADER.size))
        sections = _table(file, _SECTION, offset=header[6], count=header[12])
        found: dict[str, tuple[int, int]] = {}
        for kind in (_SYMBOLS, _DYNAMIC_SYMBOLS):
            for section in sections:
                left = [name for name in wanted if name not in found]
                if section[1] == kind and left:
                    found |= _named(file, section, sections[section[6]], left)
        return found
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise _unreadable(file, error) from None


def published(file: BinaryIO, prefix: str) -> dict[str, int]:
    """The 32-bit integers whose names start with `prefix`, without it.

    Raises:
        InputError: it is no such file, or its tables cannot be what they should be.
    """
    try:
        return _published(file, prefix.encode())
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise _unreadable(file, error) from None


def _unreadable(file: BinaryIO, error: Exception) -> InputError:
    name = getattr(file, "name", "")
    return InputError(f"the program file {name} cannot be read as ELF", why=str(error))


def _header(head: bytes) -> tuple[Any, ...]:
    header = _HEADER.unpack_from(head)
    if header[0][:6] != b"\x7fELF\x02\x01":
        raise ValueError("it is no 64-bit little-endian ELF file")
    return header


def _parts(segments: list[tuple[int, ...]]) -> list[Part]:
    return [
        Part(at, at + in_memory, bool(flags & _EXECUTABLE), bool(flags & _WRITABLE), offset)
        for type_, flags, offset, at, _, _, in_memory, _ in segments
        if type_ == _LOAD and in_memory
    ]


def _named(
    file: BinaryIO, section: tuple[int, ...], names: tuple[int, ...], wanted: list[str]
) -> dict[str, tuple[int, int]]:
    text = _at(file, names[4], names[5])
    places: dict[int, str] = {}
    for name in wanted:
        start = b"\0" + name.rstrip("*").encode() + (b"" if name.endswith("*") else b"\0")
        at = text.find(start)
        if at >= 0:
            places[at + 1] = name
    table = _at(file, section[4], section[5] // _SYMBOL_SIZE * _SYMBOL_SIZE) if places else b""
    offsets = memoryview(table).cast("I")[:: _SYMBOL_SIZE // 4].tolist() if table else []
    return {
        places[offset]: struct.unpack_from("<QQ", table, index * _SYMBOL_SIZE + 8)
        for index, offset in enumerate(offsets)
        if offset in places
    }


def _published(file: BinaryIO, prefix: bytes) -> dict[str, int]:
    header = _header(_at(file, 0, _HEADER.size))
    loads = [
        segment
        for segment in _table(file, _SEGMENT, offset=header[5], count=header[10])
        if segment[0] == _LOAD
    ]
    sections = _table(file, _SECTION, offset=header[6], count=header[12])
    found: dict[str, int] = {}
    for section in sections:
        if section[1] == _DYNAMIC_SYMBOLS:
            names = sections[section[6]]
            text = _at(file, names[4], names[5])
            wanted = _names(text, prefix)
            symbols = _at(file, section[4], section[5] // _SYMBOL_SIZE * _SYMBOL_SIZE)
            offsets = memoryview(symbols).cast("I")[:: _SYMBOL_SIZE // 4].tolist()
            for index, offset in enumerate(offsets):
                if offset in wanted:
                    (address,) = struct.unpack_from("<Q", symbols, index * _SYMBOL_SIZE + 8)
                    value = _integer(file, loads, address)
                    if value is not None:
                        found[wanted[offset]] = value
    return found


def _names(text: bytes, prefix: bytes) -> dict[int, str]:
    """Where the names start that begin with `prefix`, and the rest of each."""
    found = {}
    at = text.find(b"\0" + prefix)
    while at >= 0:
        end = text.index(b"\0", at + 1)
        found[at + 1] = text[at + 1 + len(prefix) : end].decode("ascii", "replace")
        at = text.find(b"\0" + prefix, end)
    return found


def _integer(file: BinaryIO, loads: list[tuple[int, ...]], address: int) -> int | None:
    for _, _, offset, start, _, in_file, in_memory, _ in loads:
        if start <= address < start + in_memory:
            if address + 4 > start + in_file:
                return 0  # .bss
            return int.from_bytes(_at(file, offset + address - start, 4), "little", signed=True)
    return None


def _table(
    file: BinaryIO, entry: struct.Struct, *, offset: int, count: int
) -> list[tuple[int, ...]]:
    return list(entry.iter_unpack(_at(file, offset, entry.size * count)))


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    return elf_segments.reader(file)(offset, length)
