"""The text of strings and the values of primitives, as far as a snapshot has them.

V8 writes at most 1,024 UTF-16 units of a string, without a mark; a joined string is written as
its parts, a slice as a reference to its whole. Values of numbers are written only on request.
"""

from __future__ import annotations

from typing import NamedTuple

from nodemem.heap.engine.columns import (
    BIGINT,
    CONCATENATED,
    HIDDEN,
    NUMBER,
    REGEXP,
    SLICED,
    STRING,
    SYMBOL,
)
from nodemem.heap.engine.snapshot import Snapshot

CUT = 1024
"""UTF-16 units from which on V8 cuts a string, unless it was told another limit."""

_HEADER = 16
_MOST_PARTS = 10_000
_ODDBALLS = frozenset(["undefined", "null", "true", "false"])


class Text(NamedTuple):
    """`whole` says whether `text` is all of it."""

    text: str
    whole: bool


def is_cut(text: str, size: int) -> bool:
    """Whether V8 may have written only the start of a string whose node has `size` bytes.

    A string takes 16 bytes and one a character (two where one is beyond Latin-1), rounded up to
    8: where that is just the size, the text is whole.
    """
    units = len(text) + sum(char > "\uffff" for char in text)
    if units < CUT:
        return False
    wide = any(char > "\xff" for char in text)
    return size != string_size(units, wide=wide)


def string_size(units: int, *, wide: bool) -> int:
    """Bytes of a string of so many UTF-16 units; `wide` where one is beyond Latin-1."""
    return -(-(_HEADER + units * (2 if wide else 1)) // 8) * 8


def is_string(snapshot: Snapshot, ordinal: int) -> bool:
    return snapshot.columns.types[ordinal] in (STRING, CONCATENATED, SLICED)


def text_of(snapshot: Snapshot, ordinal: int, most: int = 4096) -> Text:
    """The text of a string, at most `most` characters of it.

    Joined strings are put together from their parts. Of a slice only the string is known that it
    is part of, not where it begins or how long it is: that string's text stands for it, and the
    text is never whole.
    """
    types = snapshot.columns.types
    parts: list[str] = []
    length = steps = 0
    whole = True
    waiting = [ordinal]
    while waiting and length < most and steps < _MOST_PARTS:
        node = waiting.pop()
        steps += 1
        if types[node] == CONCATENATED:
            ends = {e.name: e.target for e in snapshot.edges(node) if e.type == "internal"}
            waiting += [ends[name] for name in ("second", "first") if name in ends]
        elif types[node] == SLICED:
            whole = False
            waiting += [e.target for e in snapshot.edges(node) if e.name == "parent"][:1]
        elif types[node] == STRING:
            text = snapshot.name(node)
            cut = is_cut(text, snapshot.self_size(node))
            parts.append(f"{text}…" if cut and waiting else text)
            whole = whole and not cut
            length += len(text)
    joined = "".join(parts)
    return Text(joined[:most], whole and not waiting and len(joined) <= most)


def value_of(snapshot: Snapshot, ordinal: int, most: int = 60) -> str | None:
    """A primitive as a program would write it, strings in quotes and cut at `most`
    characters; None for objects, and for numbers that the file has no values of."""
    kind = snapshot.columns.types[ordinal]
    name = snapshot.name(ordinal)
    if kind in (STRING, CONCATENATED, SLICED):
        text, whole = text_of(snapshot, ordinal, most)
        shown = repr(text) if whole else f"{repr(text)[:-1]}…{repr(text)[-1]}"
        return f"part of {shown}" if kind == SLICED else shown
    if kind in (NUMBER, SYMBOL):
        edge = "value" if kind == NUMBER else "name"
        found = next((e.target for e in snapshot.edges(ordinal) if e.name == edge), None)
        if found is None:
            return None if kind == NUMBER else "Symbol()"
        return snapshot.name(found) if kind == NUMBER else f"Symbol({snapshot.name(found)[:most]})"
    if kind == HIDDEN:
        if name == "system / Oddball":
            texts = (e.target for e in snapshot.edges(ordinal) if e.type == "hidden")
            return next(map(snapshot.name, texts), None)
        return name if name in _ODDBALLS else None
    if kind == REGEXP:
        return f"/{name[:most]}/"
    if kind == BIGINT:
        return None if name == "bigint" else name
    return None
