"""Values that a program file publishes by name: integers in its dynamic symbol table.

Only 64-bit little-endian ELF files are understood, which is what Node.js runs on under Linux.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from nodemem.errors import InputError

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL_SIZE = 24
_LOAD, _DYNAMIC_SYMBOLS = 1, 11
_MAX_TABLE = 256 << 20  # bytes; the largest build of Node.js has 8 MB of names


def published(file: BinaryIO, prefix: str) -> dict[str, int]:
    """The 32-bit integers whose names start with `prefix`, without it.

    Raises:
        InputError: it is no such file, or its tables cannot be what they should be.
    """
    try:
        return _published(file, prefix.encode())
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise InputError(
            f"the program file {getattr(file, 'name', '')} cannot be read as ELF", why=str(error)
        ) from None


def _published(file: BinaryIO, prefix: bytes) -> dict[str, int]:
    header = _HEADER.unpack(_at(file, 0, _HEADER.size))
    if header[0][:6] != b"\x7fELF\x02\x01":
        raise ValueError("it is no 64-bit little-endian ELF file")
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
    if length > _MAX_TABLE:
        raise ValueError("a table in it is too big")
    file.seek(offset)
    data = file.read(length)
    if len(data) != length:
        raise ValueError("it ends too early")
    return data
