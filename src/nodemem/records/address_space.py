"""The small protocol through which memory is read: a live process, a core file, a test's bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Mapping(msgspec.Struct, frozen=True):
    """One range of addresses, [start, end). `access` is the kernel's four letters (`rw-p`);
    `file` is a path, a name in brackets, or empty for anonymous memory; `flags` are the kernel's
    two-letter VmFlags, None where they were not read; `offset` is where in its file it begins."""

    start: int
    end: int
    access: str
    file: str = ""
    flags: frozenset[str] | None = None
    offset: int = 0
    inode: int = 0


class AddressSpace(Protocol):
    """Memory of a program, as bytes at addresses. Reading never changes it."""

    def mappings(self) -> Sequence[Mapping]:
        """The ranges that are mapped now, by ascending address."""

    def read(self, address: int, length: int) -> bytes | None:
        """`length` bytes from `address`; None unless all of them are in physical memory."""

    def read_sparse(self, address: int, length: int) -> bytes | None:
        """`length` bytes from `address`, zeros where they are not in physical memory; None where
        none of them is."""

    def resident(self, address: int, length: int) -> list[tuple[int, int]]:
        """The parts of a range that are in physical memory, as (address, length), ascending and
        apart from each other. What is there whole pages at a time is cut to the range. The
        kernel's one page of zeros, which counts for nobody, is left out where it can be told."""
