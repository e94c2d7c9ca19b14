"""Which pages are present: each is told once, however they are scattered."""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodemem.target import presence
from nodemem.target.presence import PAGE

PAGES = 9000


@pytest.fixture(scope="module", params=[2, 3, 7])
def scattered(request: pytest.FixtureRequest) -> Iterator[tuple[int, list[int]]]:
    """Where memory of ours begins, and which of its pages are present: one of every so many."""
    area = mmap.mmap(-1, PAGES * PAGE)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        area.madvise(mmap.MADV_NOHUGEPAGE)
    touched = list(range(1, PAGES, request.param))
    for n in touched:
        area[n * PAGE] = 1
    view = (ctypes.c_char * len(area)).from_buffer(area)
    yield ctypes.addressof(view), touched
    del view
    area.close()


@settings(max_examples=30, deadline=None)
@given(first=st.integers(0, PAGES - 1), length=st.integers(1, PAGES))
def test_runs_are_the_pages_in_memory(
    scattered: tuple[int, list[int]], first: int, length: int
) -> None:
    start, touched = scattered
    length = min(length, PAGES - first)
    wanted = [n for n in touched if first <= n < first + length]
    with presence.of_process(os.getpid()) as asked:
        runs = asked.runs(start + first * PAGE, length * PAGE)
    told = [
        n for at, size in runs for n in range((at - start) // PAGE, (at - start + size) // PAGE)
    ]
    assert told == wanted


@settings(max_examples=30, deadline=None)
@given(bounds=st.sets(st.integers(0, PAGES), max_size=20), scans=st.booleans())
def test_counted_by_range(scattered: tuple[int, list[int]], bounds: set[int], scans: bool) -> None:
    start, touched = scattered
    ordered = sorted(bounds)
    ranges = list(itertools.pairwise(ordered))[:: 1 + len(bounds) % 2]
    with presence.of_process(os.getpid()) as asked:
        asked._scans = scans and asked._scans  # else as on a kernel before 6.7
        found = asked.count([(start + a * PAGE, start + b * PAGE) for a, b in ranges])
    assert [size for size, _ in found] == [
        PAGE * sum(a <= n < b for n in touched) for a, b in ranges
    ]
    assert all(anonymous in (0, size) for size, anonymous in found)
