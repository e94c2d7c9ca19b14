"""What `--trace-gc-verbose` adds: the spaces after each collection, in KiB, a line each."""

from __future__ import annotations

import re
from functools import lru_cache
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
_ROW = rb"(?m)^[^\n]{0,200}?\[%s(?::\d{1,10})?\] ([^\n]{1,200})\n"
_SPACE = re.compile(
    rb"([A-Z][A-Za-z -]{3,30}), +used: *(\d{1,12}) KB, available:\*? *\d{1,20} KB\*?, "
    rb"committed: *(\d{1,12}) KB"
)
_EXTERNAL = re.compile(rb"External memory reported: *(\d{1,15}) KB")
_NEXT_RECORD = re.compile(rb" *\d+(?:\.\d+)? ms: ")
_ENDS = re.compile(rb"Total time spent in GC *: *\d")
_LIMIT = re.compile(rb"\[HeapController\] Limit: old size: \d{1,12} KB, new limit: (\d{1,12}) KB")


def begins(after: bytes) -> bool:
    """Whether right behind a record its spaces are told."""
    return BEGINS in after[:_REACH]


def columns_of(after: bytes, pid: int, isolate: str) -> tuple[dict[str, Any], bool | None]:
    """The columns that the lines of an isolate right behind its record give, and whether those end
    as they do; None if there are none. Lines of others may stand between them."""
    spaces: dict[str, GcSpace] = {}
    columns: dict[str, Any] = {}
    begun = None
    for line in _rows(pid, isolate).finditer(after, 0, _REACH):
        row = line[1]
        if _NEXT_RECORD.match(row):
            break
        if row.startswith(BEGINS[1:]):
            begun = False
        elif space := _SPACE.match(row):
            name, used, size = _NAMES.get(space[1]), int(space[2]) << 10, int(space[3]) << 10
            if name is not None:
                spaces.setdefault(name, GcSpace(name, used_after=used, size_after=size))
        elif external := _EXTERNAL.match(row):
            columns["external_after"] = int(external[1]) << 10
        elif _ENDS.match(row):
            return columns | {"spaces": list(spaces.values())}, True
    return columns | {"spaces": list(spaces.values())}, False if spaces else begun


@lru_cache(maxsize=1000)
def _rows(pid: int, isolate: str) -> re.Pattern[bytes]:
    return re.compile(_ROW % b"%d:%s" % (pid, re.escape(isolate.encode())), re.IGNORECASE)


def limit_of(body: bytes) -> int | None:
    """The limit of old space that a line of the heap controller announces, bytes."""
    match = _LIMIT.match(body)
    return None if match is None else int(match[1]) << 10
