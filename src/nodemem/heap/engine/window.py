"""A sliding window over the text of a snapshot, and the JSON object around its sections."""

from __future__ import annotations

from collections.abc import Iterator

from nodemem.errors import InputError
from nodemem.heap.engine.source import SnapshotFile
from nodemem.kernels import load
from nodemem.results.progress import SILENT, Progress

CHUNK = 1 << 18
_ROOM = 1 << 14
"""What a kernel may leave unread at the end of a chunk: a number, or a string below 8 KiB."""
_SPACE = b" \t\r\n"
_KEY_LIMIT = 256


class Window:
    """`data[start:end]` is what has been read and not consumed; `data[end]` is a zero byte.

    `offset` is the position of data[0] in the (decompressed) text.
    """

    def __init__(self, file: SnapshotFile, progress: Progress = SILENT, chunk: int = CHUNK) -> None:
        self.path = file.path
        self.source = file.source()
        self.data = bytearray(chunk + _ROOM + 1)
        self.view = memoryview(self.data)
        self.start = self.end = self.offset = 0
        self._given_back = b""
        self._chunk = chunk
        self._progress = progress
        self.section = ""

    @property
    def position(self) -> int:
        """Of the next byte, in the text."""
        return self.offset + self.start

    def refill(self) -> bool:
        """Drop what was consumed, read a chunk more; False at the end of the text."""
        rest = self.end - self.start
        self.view[:rest] = self.view[self.start : self.end]
        self.offset += self.start
        self.start, self.end = 0, rest
        count = self._read(self.view[rest : min(rest + self._chunk, len(self.view) - 1)])
        self.end += count
        self.data[self.end] = 0
        self._progress.update(self.offset + self.end)
        return count > 0

    def _read(self, view: memoryview) -> int:
        if not self._given_back:
            return self.source.read_into(view)
        count = min(len(view), len(self._given_back))
        view[:count] = self._given_back[:count]
        self._given_back = self._given_back[count:]
        return count

    def take_rest(self) -> bytes:
        """What was read and not consumed. Until `give_back` the caller reads on by itself, with
        `read_ahead`, and keeps `offset` at the first byte that it has not consumed."""
        rest = bytes(self.view[self.start : self.end]) + self._given_back
        self._given_back = b""
        self.offset += self.start
        self.start = self.end = 0
        return rest

    def read_ahead(self, view: memoryview) -> int:
        """Fill the front of `view` with the text that follows; 0 at its end."""
        count = self.source.read_into(view)
        self._progress.update(self.offset + count)
        return count

    def give_back(self, rest: bytes) -> None:
        """Go on with `rest`, which begins at `offset`."""
        self._given_back = rest

    def need(self) -> None:
        """Refill, where the text must go on."""
        if not self.refill():
            raise self.cut()

    def peek(self) -> int:
        """The next byte that is no white space, or -1 at the end."""
        while True:
            while self.start < self.end:
                byte = self.data[self.start]
                if byte not in _SPACE:
                    return byte
                self.start += 1
            if not self.refill():
                return -1

    def expect(self, byte: str) -> None:
        found = self.peek()
        if found == -1:
            raise self.cut()
        if found != ord(byte):
            raise self.broken(f"found {shown(found)} where '{byte}' should be")
        self.start += 1

    def key(self) -> str:
        """A short string without escapes, as keys are."""
        self.expect('"')
        while (close := self.data.find(b'"', self.start, self.end)) < 0:
            if self.end - self.start > _KEY_LIMIT:
                raise self.broken("the name of a section is too long")
            self.need()
        text = bytes(self.view[self.start : close])
        self.start = close + 1
        return text.decode("utf-8", "replace")

    def skip_value(self, limit: int = 0) -> bytes:
        """Pass over one value; its text when it may be kept, which `limit` bytes bound."""
        kept = bytearray()
        state = memoryview(bytearray(24)).cast("q")
        skip = load("scan").skip
        if self.peek() == -1:
            raise self.cut()
        while True:
            stop = skip(self.view, self.start, self.end, state)
            if limit:
                kept += self.view[self.start : stop]
                if len(kept) > limit:
                    raise self.broken(f"this section is larger than {limit:,} bytes")
            self.start = stop
            if state[0]:
                return bytes(kept)
            self.need()

    def cut(self, after: str = "") -> InputError:
        """`after` tells what of the section was there."""
        import shlex

        at = f"section '{self.section}'" if self.section else "the beginning"
        return InputError(
            f"{self.path} is cut short",
            why=f"it ends in {at}, at byte {self.offset + self.end:,}{after}",
            next="take the snapshot again (a full disk or a process that died while writing leaves "
            f"half a file); what is left of it: nodemem heap partial {shlex.quote(self.path)}",
        )

    def broken(self, why: str, position: int | None = None) -> InputError:
        at = f"section '{self.section}', " if self.section else ""
        where = self.position if position is None else position
        return InputError(
            f"{self.path} is not a sound heap snapshot",
            why=f"{why} ({at}byte {where:,})",
            next="take the snapshot again, or check that the file was copied whole",
        )


def shown(byte: int) -> str:
    """A byte as an error message shows it."""
    return f"'{chr(byte)}'" if 32 < byte < 127 else f"byte 0x{byte:02x}"


def sections(window: Window) -> Iterator[str]:
    """The names of the sections in the order of the file, the window at the value of each.

    Whoever iterates consumes each value before asking for the next.
    """
    while window.end < 3 and window.refill():
        pass
    if window.data.startswith(b"\xef\xbb\xbf"):
        window.start = 3
    first = window.peek()
    if first != ord("{"):
        start = bytes(window.view[window.start : min(window.start + 24, window.end)])
        raise InputError(
            f"{window.path} is not a heap snapshot",
            why=f"it begins with {start.decode('ascii', 'replace')!r}",
            next="name a file written by v8.writeHeapSnapshot(), Chrome DevTools or "
            "nodemem snapshot",
        )
    window.start += 1
    if window.peek() == ord("}"):
        window.start += 1
        return
    while True:
        window.section = ""
        name = window.key()
        window.expect(":")
        window.section = name
        yield name
        if window.peek() == ord("}"):
            window.start += 1
            break
        window.expect(",")
    window.section = ""
    if (byte := window.peek()) != -1:
        raise window.broken(f"{shown(byte)} follows the end of the snapshot")
