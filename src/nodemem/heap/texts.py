"""All strings of a snapshot, in order."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator

from nodemem.errors import InputError
from nodemem.heap.engine.snapshot import Snapshot

_BLOCK = 4 << 20
"""Bytes of the string table that are decoded at a time."""


def decoded(snapshot: Snapshot) -> Iterator[list[str]]:
    """The strings of the file, some at a time. Raises InputError where one is broken."""
    table = snapshot.strings
    offsets, first = table.offsets, 0
    while first < table.count:
        begin = offsets[first]
        last = bisect_right(offsets, begin + _BLOCK, first, table.count + 1) - 1
        last = max(last, first + 1)
        text = table.raw(begin, offsets[last] - begin)
        # Behind the last string stand a comma or the closing bracket, and white space.
        text = text[: text.rfind(b'"') + 1]
        try:
            found = json.loads(b"[%s]" % text, strict=False)
        except ValueError:
            found = []
        if len(found) != last - first:
            raise InputError(
                f"the strings of {table.path} cannot be read",
                why=f"one of {first:,} to {last:,} is not valid, or the file changed meanwhile",
                next="take the snapshot again",
            )
        yield found
        first = last
