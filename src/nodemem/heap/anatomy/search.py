"""Nodes by their names, strings by their text.

The table of strings is gone through once, as the file spells it: a text is looked for in the
bytes, and only where they match a string is read. Regular expressions go through every string.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from nodemem.errors import UsageError
from nodemem.heap.anatomy.matcher import Matcher
from nodemem.heap.anatomy.rows import source_text, title
from nodemem.heap.arrays import Array, Arrays
from nodemem.heap.engine.columns import CONCATENATED, SLICED, STRING
from nodemem.heap.naming.names import Names
from nodemem.heap.naming.text import text_of, value_of
from nodemem.results import Column, Progress, Table, Truncated

COLUMNS = (
    Column("class", role="class"),
    Column("value"),
    Column("shallow", unit="bytes"),
    Column("retained", unit="bytes"),
    Column("distance", unit="hops"),
    Column("id", role="node_id"),
    Column("source", role="source"),
)
_BLOCK = 4 << 20
_LONGEST_PATTERN = 1000
_JOINED_TEXT = 4096
_STRINGS = (STRING, CONCATENATED, SLICED)


class Found(NamedTuple):
    """Ordinals, and whether all there is was looked at before time ran out."""

    nodes: Array
    complete: bool


class _Block(NamedTuple):
    """Strings first, first + 1, ... of the table, end to end in `data`, with their sizes."""

    first: int
    sizes: Array
    data: bytes


def containing(
    names: Names, text: str, *, strings: bool, case: bool, seconds: float, progress: Progress
) -> Found:
    """Strings that have `text` in them (`strings`), or other nodes whose name does; with `case`
    in just these letters, else in upper or lower case."""
    pattern = re.compile(_spelled(text, case=case), 0 if case else re.IGNORECASE)
    wanted = text if case else text.casefold()

    def has(other: str) -> bool:
        return wanted in (other if case else other.casefold())

    def in_block(block: _Block) -> list[int]:
        ends = np.cumsum(block.sizes)
        found, at = [], 0
        while match := pattern.search(block.data, at):
            number = int(np.searchsorted(ends, match.start(), side="right"))
            at = int(ends[number])
            if has(names.snapshot.string(block.first + number)):
                found.append(number)
        return found

    deadline = time.monotonic() + seconds
    mask, complete = _matching(names, in_block, lambda: time.monotonic() > deadline, progress)
    arrays = Arrays(names.snapshot)
    is_string = np.isin(arrays.types, _STRINGS)
    nodes = np.flatnonzero(mask[arrays.names] & (is_string if strings else ~is_string))
    if strings:
        joined = []
        for node in _joined_strings(arrays):
            if complete and time.monotonic() > deadline:
                complete = False
            if complete and has(text_of(names.snapshot, node, _JOINED_TEXT).text):
                joined.append(node)
        nodes = np.union1d(nodes[arrays.types[nodes] == STRING], np.asarray(joined, np.int64))
    return Found(nodes, complete)


def matching(
    names: Names, pattern: str, *, case: bool, seconds: float, progress: Progress
) -> Found:
    """Nodes of any type whose name (for strings: text) the regular expression finds something in.

    Raises:
        UsageError: it is no regular expression, or a very long one.
    """
    if len(pattern) > _LONGEST_PATTERN:
        raise UsageError(f"a pattern may have {_LONGEST_PATTERN:,} characters at most")
    try:
        compiled = re.compile(pattern, 0 if case else re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"{pattern!r} is no regular expression", why=str(error)) from error
    arrays = Arrays(names.snapshot)
    with Matcher(compiled, seconds) as matcher:
        mask, complete = _matching(
            names,
            lambda block: matcher.matches(block.sizes.tolist(), block.data),
            lambda: matcher.stopped,
            progress,
        )
        nodes = np.flatnonzero(mask[arrays.names])
        nodes = nodes[~np.isin(arrays.types[nodes], (CONCATENATED, SLICED))]
        joined = _joined_strings(arrays)
        found: list[int] = []
        for begin in range(0, len(joined), 1000):
            some = joined[begin : begin + 1000]
            texts = [json.dumps(text_of(names.snapshot, node, _JOINED_TEXT).text).encode()
                     for node in some]  # fmt: skip
            found += [some[i] for i in matcher.matches(list(map(len, texts)), b"".join(texts))]
        complete = complete and not matcher.stopped
    return Found(np.union1d(nodes, np.asarray(found, np.int64)), complete)


def found_table(names: Names, found: Found, top: int | None) -> Table:
    """Rows of what was found, what retains most first; `matches` in the summary counts all."""
    snapshot, nodes = names.snapshot, found.nodes
    sizes = snapshot.retained_sizes[nodes]
    order = np.lexsort((nodes, -sizes.astype(np.int64)))[:top]
    records = [
        (
            title(names, node),
            value_of(snapshot, node),
            snapshot.shallow_size(node),
            snapshot.retained_size(node),
            snapshot.distance(node),
            snapshot.node_id(node),
            source_text(names, node),
        )
        for node in nodes[order].tolist()
    ]
    truncated = None
    if len(records) < len(nodes):
        truncated = Truncated(len(records), len(nodes), "--top N shows more")
    warnings: tuple[str, ...] = ()
    if not found.complete:
        warnings = ("the search was stopped before its end; --seconds N gives it longer",)
    return Table(
        COLUMNS, records, summary={"matches": len(nodes)}, truncated=truncated, warnings=warnings
    )


def _matching(
    names: Names,
    in_block: Callable[[_Block], list[int]],
    stopped: Callable[[], bool],
    progress: Progress,
) -> tuple[Array, bool]:
    """A mask over the table of strings, and whether it was gone through to its end."""
    strings = names.snapshot.strings
    mask = np.zeros(len(strings), bool)
    progress.phase("strings", strings.count, "strings")
    for block in _blocks(names):
        if stopped():
            return mask, False
        found = in_block(block)
        mask[[block.first + number for number in found]] = True
        progress.update(block.first + len(block.sizes))
    return mask, not stopped()


def _blocks(names: Names) -> Iterator[_Block]:
    strings = names.snapshot.strings
    offsets = np.asarray(strings.offsets).astype(np.int64)
    first = 0
    while first < strings.count:
        end = int(np.searchsorted(offsets, offsets[first] + _BLOCK, side="right")) - 1
        end = min(max(end, first + 1), strings.count)
        begin = int(offsets[first])
        data = strings.raw(begin, int(offsets[end]) - begin)
        yield _Block(first, np.diff(offsets[first : end + 1]), data)
        first = end
    if strings.added:
        texts = [json.dumps(text).encode() for text in strings.added]
        yield _Block(strings.count, np.asarray(list(map(len, texts))), b"".join(texts))


def _joined_strings(arrays: Arrays) -> list[int]:
    """Joined strings that are not just part of another one."""
    nodes = arrays.of_types(CONCATENATED)
    edges = arrays.edges_to(nodes)
    outside = edges.targets[arrays.types[edges.sources] != CONCATENATED]
    nodes_outside: list[int] = np.unique(outside).tolist()
    return nodes_outside


def _spelled(text: str, *, case: bool) -> bytes:
    """A pattern for the bytes of any JSON spelling of `text`."""
    return b"".join(_spellings(char, case=case) for char in text)


def _spellings(char: str, *, case: bool) -> bytes:
    letters = [char] if case else dict.fromkeys((char, char.lower(), char.upper()))
    ways: list[bytes] = []
    for letter in letters:
        escaped = json.dumps(letter)[1:-1]
        codes = "".join(f"\\u{ord(unit):04x}" for unit in letter if ord(unit) <= 0xFFFF)
        spelled = (escaped, escaped.upper().replace("\\U", "\\u"), letter, codes)
        ways += [re.escape(way.encode("utf-8", "surrogatepass")) for way in spelled]
    if char == "/":
        ways.append(re.escape(b"\\/"))
    return b"(?:" + b"|".join(dict.fromkeys(ways)) + b")"
