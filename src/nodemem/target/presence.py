"""Which pages of a process are in physical memory, without bringing any in.

/proc/PID/pagemap has eight bytes a page. Since Linux 6.7 it also answers for a range at once, which
is much faster for big ones and tells the page of zeros that all programs share from pages of their
own (Documentation/admin-guide/mm/pagemap.rst).
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import re
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence

from nodemem import portable

if sys.platform != "win32":
    import fcntl

PAGE = mmap.PAGESIZE
"""Bytes of a page on this machine."""

_ENTRY = 8  # bytes of pagemap a page
_PRESENT, _OF_FILE = 0x80, 0x20  # in the highest byte of an entry
_HIGHEST = 1 << 64
_IS_PRESENT = bytes(1 if value & _PRESENT else 0 for value in range(256))
_RUN = re.compile(rb"\x01+")
_AT_ONCE = 1 << 17  # pages: 512 MiB, 1 MiB of pagemap

# struct pm_scan_arg of linux/fs.h: size, flags, start, end, walk_end, vec, vec_len, max_pages,
# category_inverted, category_mask, category_anyof_mask, return_mask.
_SCAN = struct.Struct("12Q")
_PAGEMAP_SCAN = 0xC0606610
_CATEGORY_FILE, _CATEGORY_PRESENT, _CATEGORY_ZEROS = 1 << 2, 1 << 3, 1 << 5
_REGIONS = 1 << 12  # taken up in one call
_STEP = 512  # present pages that are looked for in one call: 2 MiB, one page of page tables
_STEP_RUNS = 1 << 13  # the same where it need not be so little: 32 MiB, less than a millisecond


@contextlib.contextmanager
def of_process(pid: int) -> Iterator[Presence]:
    """Asks the pagemap of process `pid` in a `with` statement.

    Raises:
        OSError: it is gone, or we may not.
    """
    pagemap = portable.open_file(f"/proc/{pid}/pagemap")
    try:
        yield Presence(pagemap)
    finally:
        os.close(pagemap)


class Presence:
    """Asks the pagemap of one process, an open file that stays the caller's."""

    def __init__(self, pagemap: int) -> None:
        self._pagemap = pagemap
        self._scans = True
        self._regions = array("Q", bytes(3 * 8 * _REGIONS))

    def runs(self, address: int, length: int) -> list[tuple[int, int]]:
        """The parts of a range that are present, as (address, length); none where it cannot be
        asked. The page of zeros is left out if the kernel tells it."""
        if address < 0 or length <= 0 or address + length >= _HIGHEST:
            return []
        first, last = address // PAGE, (address + length - 1) // PAGE
        found = self._scanned(first, last + 1) if self._scans else None
        if found is None:
            found = self._listed(first, last + 1)
        bounds = ((max(address, a * PAGE), min(address + length, b * PAGE)) for a, b in found)
        return [(start, end - start) for start, end in bounds]

    def all_there(self, address: int, length: int) -> bool:
        """Whether every page of a short range is present."""
        if address < 0 or length <= 0 or address + length >= _HIGHEST:
            return False
        first = address // PAGE
        pages = (address + length - 1) // PAGE - first + 1
        entries = self._entries(first, pages)
        return len(entries) == pages and min(entries) >= _PRESENT

    def count(self, ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """How many bytes of each of some ranges [start, end) are present, and how many of them
        belong to no file; asked in steps of at most 2 MiB of memory, so that the process is never
        held up for long. The ranges are of whole pages, ascend and do not overlap."""
        counted = [[0, 0] for _ in ranges]
        place = 0
        for start, end, of_file in self._counted(ranges):
            while ranges[place][1] <= start:
                place += 1
            at = place
            while at < len(ranges) and ranges[at][0] < end:
                size = min(ranges[at][1], end) - max(ranges[at][0], start)
                counted[at][0] += size
                counted[at][1] += 0 if of_file else size
                at += 1
        return [(present, anonymous) for present, anonymous in counted]

    def _counted(self, ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, bool]]:
        """What is present at least of some ranges, as [start, end), and whether it is of a file."""
        if not ranges:
            return
        # What is between the ranges has no memory, or is new: the kernel is done with it at once.
        at, last = ranges[0][0] // PAGE, ranges[-1][1] // PAGE
        while self._scans and at < last:
            found = self._scan(at, last, _STEP, _CATEGORY_FILE)
            if found is None:
                break
            regions, at = found
            for start, end, categories in regions:
                yield start * PAGE, end * PAGE, bool(categories & _CATEGORY_FILE)
        if self._scans:
            return  # all of it, or the process is gone
        for start, end in ranges:
            for at in range(start // PAGE, end // PAGE, _STEP):
                for n, entry in enumerate(self._entries(at, min(end // PAGE - at, _STEP)), at):
                    if entry & _PRESENT:
                        yield n * PAGE, (n + 1) * PAGE, bool(entry & _OF_FILE)

    def _listed(self, first: int, end: int) -> list[tuple[int, int]]:
        """Runs of pages from pagemap's entries."""
        found: list[tuple[int, int]] = []
        for at in range(first, end, _AT_ONCE):
            flags = self._entries(at, min(end - at, _AT_ONCE)).translate(_IS_PRESENT)
            for run in _RUN.finditer(flags):
                _append(found, at + run.start(), at + run.end())
        return found

    def _entries(self, first: int, pages: int) -> bytes:
        """The highest byte of the entry of each page."""
        try:
            return portable.read_at(self._pagemap, pages * _ENTRY, first * _ENTRY)[
                _ENTRY - 1 :: _ENTRY
            ]
        except (OSError, OverflowError):
            return b""

    def _scanned(self, first: int, end: int) -> list[tuple[int, int]] | None:
        """Runs of pages as the kernel tells them; None if it cannot."""
        runs: list[tuple[int, int]] = []
        at = first
        while at < end:
            found = self._scan(at, end, _STEP_RUNS, 0)
            if found is None:
                return runs if self._scans else None
            regions, at = found
            for start, stop, _ in regions:
                _append(runs, start, stop)
        return runs

    def _scan(
        self, at: int, end: int, at_most: int, more: int
    ) -> tuple[list[tuple[int, int, int]], int] | None:
        """The first regions of present pages in a range as (page, end, categories), and the page up
        to which it was looked through; None if it cannot be asked. `at_most` present pages are
        looked for; `more` are categories to tell besides."""
        regions = self._regions
        request = bytearray(
            _SCAN.pack(
                _SCAN.size, 0, at * PAGE, end * PAGE, 0, regions.buffer_info()[0], _REGIONS,
                at_most, _CATEGORY_ZEROS, _CATEGORY_PRESENT | _CATEGORY_ZEROS, 0,
                _CATEGORY_PRESENT | more,
            )
        )  # fmt: skip
        try:
            count = _ioctl(self._pagemap, request)
        except OSError as error:
            if error.errno in (errno.ENOTTY, errno.EINVAL, errno.EOPNOTSUPP):
                self._scans = False
            return None
        found = [
            (regions[3 * n] // PAGE, regions[3 * n + 1] // PAGE, regions[3 * n + 2])
            for n in range(count)
        ]
        # Where it tells more than 512 regions, the kernel may say that it ended before the last of
        # them (seen on 6.18); asked from there, it would tell some pages twice.
        reached = max(_SCAN.unpack(request)[4] // PAGE, found[-1][1] if found else at)
        return found, reached if reached > at else end


def _ioctl(pagemap: int, request: bytearray) -> int:
    if sys.platform != "win32":
        count: int = fcntl.ioctl(pagemap, _PAGEMAP_SCAN, request)
        return count
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def _append(runs: list[tuple[int, int]], start: int, end: int) -> None:
    """Add a run after the others, as part of the last one where it follows that directly."""
    if runs and runs[-1][1] == start:
        runs[-1] = (runs[-1][0], end)
    else:
        runs.append((start, end))
