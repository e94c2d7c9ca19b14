"""Memory for columns: typed, zeroed, private, in huge pages where they help."""

from __future__ import annotations

import mmap
import os
import sys
from typing import Literal, cast

from nodemem.errors import InputError

_HUGE = 4 << 20
_MAPPED = 1 << 16
# AddressSanitizer sees the borders of heap memory only, so a run under it asks for that.
_PLAIN = os.environ.get("NODEMEM_PLAIN_MEMORY") == "1"

Code = Literal["B", "I", "i", "Q", "q"]
ITEM_SIZES: dict[Code, int] = {"B": 1, "I": 4, "i": 4, "Q": 8, "q": 8}


def zeros(code: Code, count: int) -> memoryview:
    """`count` zeroed items of the struct code B, I, i, Q or q. Pages cost nothing until touched.

    Raises:
        InputError: the machine has not as much address space as the file asks for.
    """
    size = count * ITEM_SIZES[code]
    if size < _MAPPED or _PLAIN:
        return memoryview(bytearray(size)).cast(code)
    try:
        pages = _pages(size + mmap.PAGESIZE)
    except (OSError, OverflowError, ValueError) as error:
        raise InputError(
            f"the snapshot needs a column of {size:,} bytes, more than can be had here",
            why=str(error),
            next="free memory, or check the file: its header may be damaged",
        ) from error
    if sys.platform == "linux" and size >= _HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        pages.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(pages)[:size].cast(code)


def _pages(size: int) -> mmap.mmap:
    if sys.platform == "win32":
        return mmap.mmap(-1, size)
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def grown(view: memoryview, count: int) -> memoryview:
    """A copy of `view` with room for `count` items."""
    larger = zeros(cast("Code", view.format), count)
    larger[: len(view)] = view
    return larger


def copied(view: memoryview) -> memoryview:
    """A copy of `view`."""
    return grown(view, len(view))
