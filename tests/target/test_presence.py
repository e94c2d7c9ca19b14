"""Which pages are present: each is told once, however they are scattered."""

from __future__ import annotations

import ctypes
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
        present, anonymous = asked.count(start + first * PAGE, length * PAGE)
    told = [
        n for at, size in runs for n in range((at - start) // PAGE, (at - start + size) // PAGE)
    ]
    assert told == wanted
    assert present == len(wanted) * PAGE
    assert anonymous in (0, present)
