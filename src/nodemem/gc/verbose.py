"""What `--trace-gc-verbose` adds: the spaces after each collection, in KiB, a line each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from nodemem.records import GcSpace

_NAMES = {
    b"Read-only space": "read_only_space",
    b"New space": "new_space",
    b"New large object space": "new_large_object_space",
    b"Old space": "old_space",
    b"Code space": "code_space",
    b"Map space": "map_space",
    b"Large object space": "large_object_space",
    b"Code large object space": "code_large_object_space",
    b"Shared space": "shared_space",
    b"Shared large object space": "shared_large_object_space",
    b"Trusted space": "trusted_space",
    b"Trusted large object space": "trusted_large_object_space",
}
_REACH = 8192
BEGINS = b" Memory allocator, "
_SPACE = re.compile(
    rb"\] ([A-Z][A-Za-z -]{3,30}), +used: *(\d{1,12}) KB, available:\*? *\d{1,20} KB\*?, "
    rb"committed: *(\d{1,12}) KB"
)
_EXTERNAL = re.compile(rb"\] External memory reported: *(\d{1,15}) KB")
_LIMIT = re.compile(rb"\[HeapController\] Limit: old size: \d{1,12} KB, new limit: (\d{1,12}) KB")


def begins(after: bytes) -> bool:
    """Whether right behind a record its spaces are told."""
    return BEGINS in after


def columns_of(after: bytes) -> dict[str, Any]:
    """The columns that the lines right behind a record give."""
    until = after.find(b" ms: ", 0, _REACH)
    text = after[: until if until >= 0 else _REACH]
    columns: dict[str, Any] = {"spaces": _spaces(_SPACE.findall(text))}
    external = _EXTERNAL.search(text)
    if external is not None:
        columns["external_after"] = int(external[1]) << 10
    return columns


def _spaces(rows: Iterable[tuple[bytes, bytes, bytes]]) -> list[GcSpace]:
    seen: dict[str, GcSpace] = {}
    for title, used, committed in rows:
        name = _NAMES.get(title)
        if name is not None and name not in seen:
            seen[name] = GcSpace(name, used_after=int(used) << 10, size_after=int(committed) << 10)
    return list(seen.values())


def limit_of(body: bytes) -> int | None:
    """The limit of old space that a line of the heap controller announces, bytes."""
    match = _LIMIT.match(body)
    return None if match is None else int(match[1]) << 10
