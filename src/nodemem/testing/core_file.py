"""Core files of running processes, as the kernel writes them of dying ones: with holes where there
is no memory, notes about threads and files, and of what belongs to files only what was written to.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from nodemem.records import MappedMemory
from nodemem.target import mappings, procfs
from nodemem.target.address_space import LiveAddressSpace

_PAGE = mmap.PAGESIZE
_SEIZE, _INTERRUPT, _GET_REGISTERS, _DETACH = 0x4206, 0x4207, 12, 17
_ALL_KINDS = 0x40000000  # __WALL
_REGISTERS = 27  # words of user_regs_struct of x86-64
_PRSTATUS, _PRPSINFO, _AUXV, _FILE = 1, 3, 6, 0x46494C45
_FLAGS = {"r": 4, "w": 2, "x": 1}


def write_core(pid: int, path: Path) -> None:
    """Write the core of process `pid`, a child of ours on x86-64, to `path`. It stands still
    meanwhile."""
    folder = procfs.PROC / str(pid)
    with LiveAddressSpace(pid) as space, open(path, "wb") as file, _stopped(pid) as threads:
        seen = mappings.read(pid)
        notes = _notes(seen, threads, folder)
        count = len(seen) + 1
        head_size = 64 + 56 * count
        offset = -(-(head_size + len(notes)) // _PAGE) * _PAGE
        table = [struct.pack("<2I6Q", 4, 0, head_size, 0, 0, len(notes), 0, 4)]
        for one in seen:
            size = one.end - one.start
            in_file = 0
            if one.access[0] == "r" or one.anonymous:
                is_program = one.offset == 0 and space.read(one.start, 4) == b"\x7fELF"
                in_file = size if one.anonymous or not one.inode else _PAGE if is_program else 0
            flags = sum(flag for letter, flag in _FLAGS.items() if letter in one.access)
            table.append(struct.pack("<2I6Q", 1, flags, offset, one.start, 0, in_file, size, _PAGE))
            for start, length in space.resident(one.start, in_file):
                data = space.read_sparse(start, length)
                if data is not None:
                    file.seek(offset + start - one.start)
                    file.write(data)
            offset += in_file
        file.truncate(offset)
        file.seek(0)
        ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
        file.write(
            struct.pack("<16sHHIQQQI6H", ident, 4, 62, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
        )
        file.write(b"".join(table))
        file.write(notes)


@contextlib.contextmanager
def _stopped(pid: int) -> Iterator[dict[int, bytes]]:
    """All threads stand still; the registers of each by its id, the main thread's first."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    found: dict[int, bytes] = {}
    tasks = procfs.PROC / str(pid) / "task"
    try:
        for name in sorted((one.name for one in tasks.iterdir()), key=int):
            tid = int(name)
            if ptrace(_SEIZE, tid, None, None) or ptrace(_INTERRUPT, tid, None, None):
                raise OSError(ctypes.get_errno(), "the process cannot be traced")
            os.waitpid(tid, _ALL_KINDS)
            registers = ctypes.create_string_buffer(8 * _REGISTERS)
            ptrace(_GET_REGISTERS, tid, None, ctypes.addressof(registers))
            found[tid] = registers.raw
        yield found
    finally:
        for tid in found:
            ptrace(_DETACH, tid, None, None)


def _notes(seen: list[MappedMemory], threads: dict[int, bytes], folder: Path) -> bytes:
    notes = []
    for tid, registers in threads.items():
        status = bytearray(336)
        struct.pack_into("<I", status, 32, tid)
        status[112 : 112 + len(registers)] = registers
        notes.append(_note(_PRSTATUS, bytes(status)))
    info = bytearray(136)
    struct.pack_into("<I", info, 24, int(folder.name))
    name, line = (folder / "comm").read_bytes(), (folder / "cmdline").read_bytes()
    info[40 : 40 + min(15, len(name) - 1)] = name[:-1][:15]
    info[56 : 56 + min(79, len(line))] = line.replace(b"\0", b" ")[:79]
    notes.insert(1, _note(_PRPSINFO, bytes(info)))
    notes.append(_note(_AUXV, (folder / "auxv").read_bytes()))
    files = [one for one in seen if one.inode and one.file.startswith("/")]
    ranges = [struct.pack("<3Q", one.start, one.end, one.offset // _PAGE) for one in files]
    names = b"".join(one.file.encode() + b"\0" for one in files)
    notes.append(_note(_FILE, struct.pack("<2Q", len(files), _PAGE) + b"".join(ranges) + names))
    return b"".join(notes)


def _note(kind: int, content: bytes) -> bytes:
    return (
        struct.pack("<3I", 5, len(content), kind)
        + b"CORE\0\0\0\0"
        + content
        + bytes(-len(content) % 4)
    )
