"""What the kernel and gdb note in a core file beside the memory: threads, mapped files, program.

The notes are those of Linux on 64-bit little-endian machines (elf(5), linux/elfcore.h). Where a
thread has its registers is known for x86-64 only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from nodemem.memory import elf_segments

_PRSTATUS, _PRPSINFO, _AUXV, _FILE = 1, 3, 6, 0x46494C45
_THREAD_ID, _REGISTERS = 32, 112  # in elf_prstatus
_SP, _FS_BASE = 19, 21  # in user_regs_struct
_PROCESS_ID, _NAME, _ARGUMENTS, _PSINFO_SIZE = 24, 40, 56, 136  # in elf_prpsinfo
_PAGE_SIZE, _ENTRY = 6, 9  # AT_PAGESZ, AT_ENTRY
_X86_64 = 62
_MOST_FILES = 1 << 20


class CoreThread(NamedTuple):
    """A thread: its id in its own pid namespace, and its stack pointer and thread pointer, 0 where
    the core does not tell."""

    tid: int
    stack_pointer: int
    thread_pointer: int


class MappedFile(NamedTuple):
    """[start, end) shows the file at `path` from `offset` on."""

    start: int
    end: int
    offset: int
    path: str


class Notes(NamedTuple):
    """All of them. `pid` is the id of the process and of its main thread, `program` its name and
    `arguments` the beginning of its command line; `entry` is the address at which the program
    starts, 0 if it is not told."""

    pid: int
    threads: list[CoreThread]
    files: list[MappedFile]
    program: str
    arguments: str
    entry: int
    page_size: int

    def program_file(self) -> str | None:
        """The path of the program: the file that it starts in."""
        starts_in = (one.path for one in self.files if one.start <= self.entry < one.end)
        return next(starts_in, None)


def parse(data: bytes, machine: int) -> Notes:
    """The notes of a core of a program for `machine` (e_machine); what is damaged is left out."""
    threads: list[CoreThread] = []
    files: list[MappedFile] = []
    pid, program, arguments = 0, "", ""
    auxiliary: dict[int, int] = {}
    for owner, kind, content in elf_segments.notes(data):
        if owner != b"CORE":
            continue
        if kind == _PRSTATUS and len(content) >= _THREAD_ID + 4:
            threads.append(_thread(content, machine))
        elif kind == _PRPSINFO and len(content) >= _PSINFO_SIZE:
            (pid,) = struct.unpack_from("<I", content, _PROCESS_ID)
            program = _text(content[_NAME:_ARGUMENTS])
            arguments = _text(content[_ARGUMENTS:_PSINFO_SIZE])
        elif kind == _AUXV:
            auxiliary.update(struct.iter_unpack("<2Q", content[: len(content) // 16 * 16]))
        elif kind == _FILE:
            files = list(_files(content))
    page_size = auxiliary.get(_PAGE_SIZE, 4096)
    return Notes(
        pid=pid or min((one.tid for one in threads), default=0),
        threads=threads,
        files=files,
        program=program,
        arguments=arguments,
        entry=auxiliary.get(_ENTRY, 0),
        page_size=page_size if page_size in (1 << 12, 1 << 14, 1 << 16) else 4096,
    )


def _thread(content: bytes, machine: int) -> CoreThread:
    (tid,) = struct.unpack_from("<I", content, _THREAD_ID)
    if machine != _X86_64 or len(content) < _REGISTERS + 8 * (_FS_BASE + 1):
        return CoreThread(tid, 0, 0)
    registers = struct.unpack_from(f"<{_FS_BASE + 1}Q", content, _REGISTERS)
    return CoreThread(tid, registers[_SP], registers[_FS_BASE])


def _files(content: bytes) -> Iterator[MappedFile]:
    if len(content) < 16:
        return
    count, unit = struct.unpack_from("<2Q", content)
    count = min(count, _MOST_FILES, (len(content) - 16) // 24)
    paths = content[16 + 24 * count :].split(b"\0")
    for i, path in zip(range(count), paths, strict=False):
        start, end, offset = struct.unpack_from("<3Q", content, 16 + 24 * i)
        yield MappedFile(start, end, offset * unit, path.decode("utf-8", "replace"))


def _text(data: bytes) -> str:
    return data.split(b"\0")[0].decode("utf-8", "replace").strip()
