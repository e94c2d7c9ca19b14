"""Source maps, version 3 (ECMA-426): from a generated position to the original one."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import NamedTuple

import msgspec

from nodemem.errors import InputError
from nodemem.kernels import load

LARGEST_MAP = 64_000_000
"""Bytes. Such a map takes about a second and, at the worst, a gigabyte while it is read."""
_MOST_MAPPINGS = 16_000_000
_NONE = 0x7FFFFFFF
_MISTAKES = {
    -1: "its mappings hold a character that is no base64 digit",
    -2: "its mappings hold a number that is out of range",
    -3: "its mappings hold a segment that is not of 1, 4 or 5 numbers",
    -4: "its mappings name a source or a name that it does not list",
}


class Original(NamedTuple):
    """A position in a source; line and column count from 0, the column in UTF-16 units.

    `source` is a number in `SourceMap.sources`. `name` is what the identifier there is called in
    the source, None where the map does not say. `begins` is whether the mapping begins at the very
    position that was asked for, not before it.
    """

    source: int
    line: int
    column: int
    name: str | None
    begins: bool


class SourceMap:
    """A source map, decoded. `sources` are as the map has them, behind its `sourceRoot`, None for
    one without a name; `contents` are their texts, None where the map brings none; `ignored` are
    those that the map says belong to libraries."""

    def __init__(self, sections: list[_Section]) -> None:
        self._sections = sections
        self._begins = [(section.line, section.column) for section in sections]
        self.sources: list[str | None] = []
        self.contents: list[str | None] = []
        ignored: set[int] = set()
        for section in sections:
            ignored.update(section.first_source + number for number in section.ignored)
            self.sources += section.sources
            self.contents += section.contents
        self.ignored = frozenset(ignored)

    def original(self, line: int, column: int) -> Original | None:
        """Where the generated position is from: what the last mapping at or before it on its line
        says. None where no mapping does. Line and column count from 0."""
        at = bisect_right(self._begins, (line, column)) - 1
        if at < 0:
            return None
        section = self._sections[at]
        line -= section.line
        return section.find(line, column - section.column if line == 0 else column)


class _Raw(msgspec.Struct, rename="camel", gc=False):
    version: int
    mappings: str = ""
    sources: list[str | None] = []
    names: list[str] = []
    source_root: str | None = None
    sources_content: list[str | None] | None = None
    ignore_list: list[int] | None = None
    x_google_ignore_list: list[int] | None = msgspec.field(default=None, name="x_google_ignoreList")
    sections: list[_RawSection] | None = None


class _Offset(msgspec.Struct, gc=False):
    line: int
    column: int


class _RawSection(msgspec.Struct, gc=False):
    offset: _Offset
    map: _Raw | None = None


class _Section:
    """A map without sections, and from where in the generated text it holds."""

    def __init__(self, raw: _Raw, offset: _Offset, first_source: int, of: str) -> None:
        self.line, self.column = offset.line, offset.column
        self.first_source = first_source
        root = raw.source_root or ""
        if root and not root.endswith("/"):
            root += "/"
        self.sources = [source if source is None else root + source for source in raw.sources]
        contents = (raw.sources_content or [])[: len(self.sources)]
        self.contents = contents + [None] * (len(self.sources) - len(contents))
        listed = raw.x_google_ignore_list if raw.ignore_list is None else raw.ignore_list
        self.ignored = [number for number in listed or () if 0 <= number < len(self.sources)]
        self._names = raw.names
        self._decode(raw.mappings.encode(), of)
        self._sorted: dict[int, list[int]] = {}

    def _decode(self, mappings: bytes, of: str) -> None:
        lines = mappings.count(b";") + 1
        segments = mappings.count(b",") + lines
        if segments > _MOST_MAPPINGS:
            raise InputError(
                f"the source map of {of} cannot be used",
                why=f"it has more than {_MOST_MAPPINGS:,} mappings",
            )
        self._first, self._unordered = _zeros("I", lines + 1), _zeros("B", lines)
        self._columns, self._source, self._line, self._column, self._name = (
            _zeros("I", segments) for _ in range(5)
        )
        count = load("mappings").decode(
            memoryview(bytearray(mappings)), len(self.sources), len(self._names),
            self._first, self._unordered,
            self._columns, self._source, self._line, self._column, self._name,
        )  # fmt: skip
        if count < 0:
            raise InputError(f"the source map of {of} cannot be used", why=_MISTAKES[count])

    def find(self, line: int, column: int) -> Original | None:
        if not 0 <= line < len(self._unordered):
            return None
        begin, end = self._first[line], self._first[line + 1]
        if self._unordered[line]:
            order = self._sorted.get(line)
            if order is None:
                order = sorted(range(begin, end), key=self._columns.__getitem__)
                self._sorted[line] = order
            place = bisect_right(order, column, key=self._columns.__getitem__) - 1
            if place < 0:
                return None
            at = order[place]
        else:
            at = bisect_right(self._columns, column, begin, end) - 1
            if at < begin:
                return None
        if self._source[at] == _NONE:
            return None
        name = self._name[at]
        return Original(
            self.first_source + self._source[at],
            self._line[at],
            self._column[at],
            None if name == _NONE else self._names[name],
            self._columns[at] == column,
        )


def parse_map(data: bytes, of: str) -> SourceMap:
    """Read a source map, plain or of sections; a protecting `)]}'` line before it is skipped.

    `of` names the script in errors.

    Raises:
        InputError: it is too large, not JSON of the right types, not of version 3, or its mappings
            are damaged.
    """
    if len(data) > LARGEST_MAP:
        raise InputError(
            f"the source map of {of} is not read",
            why=f"it has {len(data):,} bytes; {LARGEST_MAP:,} are the most",
        )
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.startswith(b")]}"):
        data = data[data.find(b"\n") + 1 :] if b"\n" in data else b""
    try:
        raw = msgspec.json.decode(data, type=_Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"the source map of {of} cannot be read", why=str(error)) from error
    inner = [_RawSection(_Offset(0, 0), raw)] if raw.sections is None else raw.sections
    sections: list[_Section] = []
    sources, before = 0, (-1, -1)
    for part in inner:
        # Other maps are on the network, or parts of a format that is not used any more.
        if part.map is None or (part.map.sections is not None and part.map is not raw):
            raise InputError(
                f"the source map of {of} cannot be used", why="a section of it holds no plain map"
            )
        if raw.version != 3 or part.map.version != 3:
            raise InputError(f"the source map of {of} cannot be used", why="it is not of version 3")
        begins = (part.offset.line, part.offset.column)
        if begins < (0, 0) or min(begins) < 0 or begins <= before:
            raise InputError(
                f"the source map of {of} cannot be used", why="its sections do not ascend"
            )
        before = begins
        sections.append(_Section(part.map, part.offset, sources, of))
        sources += len(sections[-1].sources)
    return SourceMap(sections)


def _zeros(code: str, count: int) -> memoryview:
    return memoryview(array(code, bytes(count * array(code).itemsize)))
