"""The string table: indexed while reading, decoded on demand.

Of a plain file only offsets are kept and the text is read when a string is asked for; of a
compressed one the text is kept.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from nodemem.errors import InputError, UsageError
from nodemem.heap.engine.memory import grown, zeros
from nodemem.heap.engine.source import SnapshotFile
from nodemem.heap.engine.store import Store, column
from nodemem.heap.engine.window import Window
from nodemem.kernels import load

NONE = 0x7FFFFFFF
"""The index of a string that does not occur."""

_DECODER = json.JSONDecoder(strict=False)

KNOWN = (
    "__proto__",
    "elements",
    "sloppy_function_map",
    "(Document DOM trees)",
    "(map descriptors)",
    "Array",
    "Object",
    "system / NativeContext",
    "system / ExternalStringData",
    "system / JSArrayBufferData",
)
"""Names with a meaning of their own, looked for while the table is indexed."""

_INTERNAL = b"system / "
# Fixed parts of the name of a WeakMap entry's edge; see kernels/strings.py.
_PAIR_WORDS = (b" / part of key (", b") -> value (", b") pair in WeakMap (table @")
_CLOSES, _ESCAPES, _NOT_PLAIN = 1, 2, 3


def _kinds() -> bytes:
    kinds = bytearray(128) + bytearray([_NOT_PLAIN] * 128)
    for byte in b", '{}":
        kinds[byte] = _NOT_PLAIN
    kinds[ord('"')] = _CLOSES
    kinds[ord("\\")] = _ESCAPES
    return bytes(kinds)


def _joined(parts: tuple[bytes, ...]) -> tuple[memoryview, memoryview]:
    """Byte strings end to end, and where each ends."""
    ends, total = bytearray(), 0
    for part in parts:
        total += len(part)
        ends.append(total)
    return memoryview(b"".join(parts)), memoryview(ends)


class PairNames(NamedTuple):
    """The names of WeakMap entry edges: string index (ascending), id of the table they name, and a
    number that both edges of one entry share."""

    strings: memoryview
    tables: memoryview
    entries: memoryview
    entry_count: int


@dataclass
class StringTable:
    """`texts(i)` gives the raw JSON text of string i; `offsets` has one item more than strings.

    `known` are indexes of texts that were looked for, NONE for those of KNOWN that do not occur.
    `widths[i]` is the length of a string without blanks, quotes, braces, commas, escapes or
    non-ASCII characters, 255 for any other; `descriptors` and `internal` are bitmaps of the strings
    that name values of descriptor arrays, and that begin with `system / `.
    """

    count: int
    offsets: memoryview
    widths: memoryview
    descriptors: memoryview
    internal: memoryview
    known: dict[str, int]
    pairs: PairNames
    raw: Callable[[int, int], bytes]
    path: str
    added: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return self.count + len(self.added)

    def __getitem__(self, index: int) -> str:
        """Raises UsageError for an index outside the table, InputError for broken escapes."""
        if not 0 <= index < self.count:
            if 0 <= index - self.count < len(self.added):
                return self.added[index - self.count]
            raise UsageError(f"the snapshot has no string {index}")
        try:
            value: str = _DECODER.decode(self.spelling(index).decode("utf-8", "surrogatepass"))
        except ValueError as error:
            raise InputError(
                f"string {index} of {self.path} cannot be read",
                why="the text is not valid, or the file changed after it was opened",
                next="take the snapshot again",
            ) from error
        return value

    def spelling(self, index: int) -> bytes:
        """String `index` as the file spells it, in quotes."""
        begin = self.offsets[index]
        # Behind the string stand a comma or the closing bracket, and white space.
        data = self.raw(begin, self.offsets[index + 1] - begin)
        return data[: data.rfind(b'"') + 1]

    def find(self, text: str) -> int:
        """The index of exactly `text`, or NONE."""
        if text in self.known:
            return self.known[text]
        if text in self.added:
            return self.count + self.added.index(text)
        search = load("strings").of_size
        gap = 3  # a comma and up to two bytes of white space; more in pretty-printed files
        if self.count > 1:
            gap = max(gap, self.offsets[1] - self.offsets[0] - len(self.spelling(0)))
        for wanted in _spellings(text):
            at = -1
            while True:
                low, high = len(wanted) + 1, len(wanted) + gap
                at = int(search(self.offsets, self.count, at + 1, low, high))
                if at < 0:
                    break
                if self.raw(self.offsets[at], len(wanted)) == wanted:
                    self.known[text] = at
                    return at
        return NONE

    def add(self, text: str) -> int:
        """The index of a new string, whether the table has its text or not."""
        self.added.append(text)
        return len(self) - 1


def _spellings(text: str) -> list[bytes]:
    """The ways JSON writers put `text` into quotes, V8's first: \\uXXXX in upper case for all
    beyond ASCII, the same in lower case, UTF-8."""
    lower = json.dumps(text)
    first, *rest = lower.split("\\u")
    upper = "\\u".join([first, *(part[:4].upper() + part[4:] for part in rest)])
    raw = json.dumps(text, ensure_ascii=False)
    return [way.encode("utf-8", "surrogatepass") for way in dict.fromkeys((upper, lower, raw))]


def read_strings(window: Window, file: SnapshotFile, store: Store) -> None:
    """Put the table from the section the window stands at into `store`; consumes the section."""
    kernel = load("strings")
    window.expect("[")
    section = window.position
    kept = bytearray() if window.source.compressed else None
    # A table of text compresses tenfold; a thousandfold is a file made to fill memory.
    keep_limit = (64 << 20) + 200 * file.size
    room = max(1024, min(1 << 20, file.size // 64))
    offsets, widths = zeros("Q", room), zeros("B", room)
    descriptors, internal = zeros("Q", room // 64 + 1), zeros("Q", room // 64 + 1)
    pair_room = 1024
    pair_string, pair_table = zeros("I", pair_room), zeros("Q", pair_room)
    pair_hash = zeros("Q", pair_room)
    known, known_ends = _joined(tuple(name.encode() for name in KNOWN))
    known_index = memoryview(bytearray(NONE.to_bytes(4, sys.byteorder) * len(KNOWN))).cast("I")
    words, word_ends = _joined(_PAIR_WORDS)
    kinds = memoryview(_kinds())
    info = memoryview(bytearray(32)).cast("q")
    while True:
        stop = kernel.index(
            window.view, window.start, window.end, window.offset - section,
            kinds, offsets, widths, descriptors, internal, memoryview(_INTERNAL),
            known, known_ends, known_index,
            words, word_ends, pair_string, pair_table, pair_hash,
            info,
        )  # fmt: skip
        if kept is not None:
            kept += window.view[window.start : stop]
            if len(kept) > keep_limit:
                raise window.broken("the strings decompress to more than any snapshot's do")
        window.start = stop
        state, count, pairs, fault = info
        if fault == kernel.UNEXPECTED_BYTE:
            byte = window.data[stop]
            raise window.broken(f"found {chr(byte)!r} between strings, after string {count:,}")
        if fault == kernel.TABLE_FULL:
            if count >= len(offsets) - 1:
                room = 2 * len(offsets)
                offsets, widths = grown(offsets, room), grown(widths, room)
                descriptors = grown(descriptors, room // 64 + 1)
                internal = grown(internal, room // 64 + 1)
            if pairs >= pair_room:
                pair_room *= 2
                pair_string = grown(pair_string, pair_room)
                pair_table = grown(pair_table, pair_room)
                pair_hash = grown(pair_hash, pair_room)
            continue
        if state == kernel.CLOSED:
            break
        window.need()
    entries: dict[int, int] = {}
    entry_of = zeros("I", pairs)
    for slot, shared in enumerate(pair_hash[:pairs]):
        entry_of[slot] = entries.setdefault(shared, len(entries))
    store.put("string_offsets", offsets[: count + 1])
    store.put("string_widths", widths[:count])
    store.put("descriptor_strings", descriptors)
    store.put("internal_strings", internal)
    store.put("pair_strings", pair_string[:pairs])
    store.put("pair_tables", pair_table[:pairs])
    store.put("pair_entries", entry_of)
    if kept is not None:
        store.put("text", memoryview(kept))
    store.facts["strings"] = {
        "section": section,
        "entries": len(entries),
        "known": dict(zip(KNOWN, known_index, strict=True)),
    }


def load_strings(file: SnapshotFile, store: Store) -> StringTable:
    """The table that `read_strings` put into `store`."""
    facts = store.facts["strings"]
    section = facts["section"]
    text = store.get("text")
    if text is None:

        def raw(begin: int, size: int) -> bytes:
            return file.read_at(section + begin, size)
    else:
        kept = text

        def raw(begin: int, size: int) -> bytes:
            return bytes(kept[begin : begin + size])

    offsets = column(store, "string_offsets")
    return StringTable(
        count=len(offsets) - 1,
        offsets=offsets,
        widths=column(store, "string_widths"),
        descriptors=column(store, "descriptor_strings"),
        internal=column(store, "internal_strings"),
        known=dict(facts["known"]),
        pairs=PairNames(
            column(store, "pair_strings"),
            column(store, "pair_tables"),
            column(store, "pair_entries"),
            facts["entries"],
        ),
        raw=raw,
        path=file.path,
        added=list(store.facts.get("added_strings", ())),
    )
