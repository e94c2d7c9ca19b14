"""Allocators other than glibc's, told by the libraries that a process has mapped.

One that is linked into the program itself is not seen.
"""

from __future__ import annotations

from collections.abc import Iterable

from nodemem.records import Mapping

_LIBRARIES = {
    "libjemalloc": "jemalloc",
    "libmimalloc": "mimalloc",
    "libtcmalloc": "tcmalloc",
    "ld-musl-": "musl",
    "libc.musl-": "musl",
}


def allocators(mappings: Iterable[Mapping]) -> list[str]:
    """Their names, in alphabetical order: jemalloc, mimalloc, musl, tcmalloc."""
    names = {one.file.rpartition("/")[2] for one in mappings if one.file.startswith("/")}
    return sorted(
        {
            allocator
            for name in names
            for prefix, allocator in _LIBRARIES.items()
            if name.startswith(prefix)
        }
    )
