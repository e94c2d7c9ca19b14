"""Allocators other than glibc's: told by the libraries that a process has mapped, or by what the
addons that it has loaded say themselves, into which one may be linked.

One that is linked into the program itself is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO

from nodemem.errors import InputError
from nodemem.memory import elf
from nodemem.records import Mapping

_LIBRARIES = {
    "libjemalloc": "jemalloc",
    "libmimalloc": "mimalloc",
    "libtcmalloc": "tcmalloc",
    "ld-musl-": "musl",
    "libc.musl-": "musl",
}
_ADDON = ".node"
_MESSAGES = {b"mimalloc: warning: ": "mimalloc", b"<jemalloc>: ": "jemalloc"}
"""How their messages begin, among the constants of whatever they are linked into."""
_PIECE = 1 << 20
_MOST = 256 << 20  # bytes of constants that are looked through; the largest addon seen has 60 MB


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


def embedded(mappings: Iterable[Mapping], open_file: Callable[[str], BinaryIO | None]) -> list[str]:
    """Names of the allocators that are linked into addons, in alphabetical order. The files are
    read, so this is for where it explains something."""
    addons = {one.file for one in mappings if one.file.startswith("/")}
    names: set[str] = set()
    for addon in sorted(name for name in addons if name.endswith(_ADDON)):
        file = open_file(addon)
        if file is not None:
            with file:
                names |= _linked_into(file)
    return sorted(names)


def _linked_into(file: BinaryIO) -> set[str]:
    names: set[str] = set()
    left = _MOST
    try:
        for part in elf.layout(file).sections:
            if part.executable or part.writable:
                continue
            file.seek(part.offset)
            size, kept = min(part.end - part.start, left), b""
            left -= size
            while size > 0 and (piece := file.read(min(size, _PIECE))):
                size -= len(piece)
                text = kept + piece
                names |= {name for message, name in _MESSAGES.items() if message in text}
                kept = text[-32:]  # a message may lie across two pieces
    except (InputError, OSError, ValueError):
        pass  # no such file, or a damaged one: it says nothing
    return names
