"""The memory of a live process, read through /proc without stopping or changing it.

Reading a page through /proc/PID/mem that is not in memory would make the kernel bring it in, and
the target grow. So /proc/PID/pagemap is asked first, and only what is present is read. Both files
are opened once and stay with the memory they were opened on: when the process ends or its id is
used again, reads fail and never give another program's bytes.
"""

from __future__ import annotations

import os
from typing import Self

from nodemem import portable
from nodemem.errors import NotPermitted, TargetLost, TargetNotFound
from nodemem.records import MappedMemory
from nodemem.target import discover, mappings, procfs
from nodemem.target.presence import Presence


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
        self._presence = Presence(self._pagemap)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for descriptor in (self._memory, self._pagemap):
            os.close(descriptor)

    def mappings(self) -> list[MappedMemory]:
        """The mapped ranges; their `flags` and sizes are unknown, because only smaps has them and
        reading that holds up a big process.

        Raises:
            TargetLost: the process has ended.
        """
        try:
            found = mappings.read_plain(self.pid)
        except OSError as error:
            raise lost(self.pid) from error
        if not found:
            raise lost(self.pid)
        return found

    def read(self, address: int, length: int) -> bytes | None:
        if not self._presence.all_there(address, length):
            return None
        got = self._pread(address, length)
        return got if len(got) == length else None

    def read_sparse(self, address: int, length: int) -> bytes | None:
        runs = self._presence.runs(address, length)
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

    def resident(self, address: int, length: int) -> list[tuple[int, int]]:
        return self._presence.runs(address, length)

    def _pread(self, address: int, length: int) -> bytes:
        try:
            return portable.read_at(self._memory, length, address)
        except (OSError, OverflowError):
            return b""  # unmapped since


def program_file(pid: int) -> str:
    """Where the file can be opened that holds V8: the executable, or the libnode.so it loads."""
    folder = procfs.PROC / str(pid)
    for mapped in procfs.mapped_files(pid) or []:
        if "/libnode.so" in mapped:
            return f"{folder}/root{mapped}"
    return f"{folder}/exe"


def _open(pid: int, name: str) -> int:
    try:
        return portable.open_file(procfs.PROC / str(pid) / name)
    except PermissionError as error:
        raise NotPermitted(
            f"the memory of process {pid} may not be read",
            why=reason(pid),
            next="run nodemem with sudo, give it the capability CAP_SYS_PTRACE, or start the "
            "program with: nodemem run -- node app.js",
        ) from error
    except OSError as error:
        raise TargetNotFound(f"there is no process {pid}", next="nodemem ps") from error


def reason(pid: int) -> str:
    """Why we may not read or hold a process, as far as the system tells."""
    status = procfs.status(pid)
    if status is not None and not discover.is_ours(status):
        return "it belongs to another user"
    try:
        scope = (procfs.PROC / "sys/kernel/yama/ptrace_scope").read_text().strip()
    except OSError:
        scope = "0"
    if scope == "0":
        return "the kernel refuses it: a container without ptrace, or a program that guards itself"
    return f"kernel.yama.ptrace_scope is {scope}: only a parent may read a program's memory"


def lost(pid: int) -> TargetLost:
    """The error to raise where a process is gone half-way."""
    return TargetLost(f"process {pid} ended while its memory was read", next="nodemem ps")
