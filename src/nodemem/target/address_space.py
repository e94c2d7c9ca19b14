"""The memory of a live process, read through /proc without stopping or changing it.

Reading a page through /proc/PID/mem that is not in memory would make the kernel bring it in, and
the target grow. So /proc/PID/pagemap is asked first, and only what is present is read. Both files
are opened once and stay with the memory they were opened on: when the process ends or its id is
used again, reads fail and never give another program's bytes.
"""

from __future__ import annotations

import os
from itertools import groupby
from types import TracebackType
from typing import Self

from nodemem.errors import NotPermitted, TargetLost, TargetNotFound
from nodemem.records import Mapping
from nodemem.target import procfs

_PAGE = os.sysconf("SC_PAGE_SIZE")
_ENTRY = 8  # bytes of pagemap a page
_PRESENT = 0x80  # in the highest byte of an entry


class LiveAddressSpace:
    """The `AddressSpace` of process `pid`, to be closed or used in a `with` statement.

    Raises:
        TargetNotFound: there is no such process.
        NotPermitted: its memory may not be read.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._memory = _open(pid, "mem")
        try:
            self._pagemap = _open(pid, "pagemap")
        except BaseException:
            os.close(self._memory)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        for descriptor in (self._memory, self._pagemap):
            os.close(descriptor)

    def mappings(self) -> list[Mapping]:
        """The mapped ranges; their `flags` are None, because only smaps has them and reading that
        holds up a big process.

        Raises:
            TargetLost: the process has ended.
        """
        try:
            with open(procfs.PROC / str(self.pid) / "maps", errors="replace") as lines:
                found = [_mapping(line) for line in lines]
        except OSError as error:
            raise _lost(self.pid) from error
        if not found:
            raise _lost(self.pid)
        return found

    def read(self, address: int, length: int) -> bytes | None:
        runs = self._present(address, length)
        if runs != [(address, length)]:
            return None
        got = self._pread(address, length)
        return got if len(got) == length else None

    def read_sparse(self, address: int, length: int) -> bytes | None:
        runs = self._present(address, length)
        if runs == [(address, length)]:
            got = self._pread(address, length)
            return got if len(got) == length else None
        if not runs:
            return None
        whole = bytearray(length)
        for start, size in runs:
            piece = self._pread(start, size)
            whole[start - address : start - address + len(piece)] = piece
        return bytes(whole)

    def _pread(self, address: int, length: int) -> bytes:
        try:
            return os.pread(self._memory, length, address)
        except (OSError, OverflowError):
            return b""  # unmapped since

    def _present(self, address: int, length: int) -> list[tuple[int, int]]:
        """The parts of a range that are in memory, as (address, length)."""
        if address < 0 or length <= 0:
            return []
        first = address // _PAGE
        pages = (address + length - 1) // _PAGE - first + 1
        try:
            entries = os.pread(self._pagemap, pages * _ENTRY, first * _ENTRY)
        except (OSError, OverflowError):
            return []
        present = [high & _PRESENT for high in entries[_ENTRY - 1 :: _ENTRY]]
        if len(present) == pages and all(present):
            return [(address, length)]
        runs = []
        for is_present, group in groupby(range(len(present)), key=present.__getitem__):
            if is_present:
                numbers = list(group)
                start = max(address, (first + numbers[0]) * _PAGE)
                end = min(address + length, (first + numbers[-1] + 1) * _PAGE)
                runs.append((start, end - start))
        return runs


def program_file(pid: int) -> str:
    """Where the file can be opened that holds V8: the executable, or the libnode.so it loads."""
    folder = procfs.PROC / str(pid)
    for mapped in procfs.mapped_files(pid) or []:
        if "/libnode.so" in mapped:
            return f"{folder}/root{mapped}"
    return f"{folder}/exe"


def _open(pid: int, name: str) -> int:
    try:
        return os.open(procfs.PROC / str(pid) / name, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError as error:
        raise NotPermitted(
            f"the memory of process {pid} may not be read",
            why=_reason(pid),
            next="run nodemem with sudo, give it the capability CAP_SYS_PTRACE, or start the "
            "program with: nodemem run -- node app.js",
        ) from error
    except OSError as error:
        raise TargetNotFound(f"there is no process {pid}", next="nodemem ps") from error


def _reason(pid: int) -> str:
    status = procfs.status(pid)
    if status is not None and status.uid != os.geteuid():
        return "it belongs to another user"
    try:
        scope = (procfs.PROC / "sys/kernel/yama/ptrace_scope").read_text().strip()
    except OSError:
        scope = "0"
    if scope == "0":
        return "the kernel refuses it: a container without ptrace, or a program that guards itself"
    return f"kernel.yama.ptrace_scope is {scope}: only a parent may read a program's memory"


def _lost(pid: int) -> TargetLost:
    return TargetLost(f"process {pid} ended while its memory was read", next="nodemem ps")


def _mapping(line: str) -> Mapping:
    fields = line.rstrip("\n").split(None, 5)
    start, _, end = fields[0].partition("-")
    return Mapping(int(start, 16), int(end, 16), fields[1], fields[5] if len(fields) == 6 else "")
