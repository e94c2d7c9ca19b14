"""Where V8's records stand in a log, whatever else is written between them.

Each record of V8 stands in one line, `[PID:0xISOLATE]   TIME ms: ...`. The log is searched for
` ms: `, so that lines of the program cost no more than a search through memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ANCHOR = b" ms: "
REACH = 1 << 16  # bytes behind the beginning of a record that are there to be looked at
_BLOCK = 1 << 22
_LONGEST_HEAD = 80
_KEPT = 256

HEAD = re.compile(
    rb"(\[(\d{1,10}):((?:0x)?[0-9A-Fa-f]{1,16})(?::\d{1,10})?\]) *(\d{1,20}(?:\.\d{1,9})?)"
)
"""Who, process, isolate, milliseconds."""
CUT_HEAD = re.compile(rb"\[\d{1,10}:0x[0-9A-Fa-f:]{0,30}\]?[ \d]{0,40}(?:m|ms|ms:)?")
"""The beginning of a head, wherever it was cut."""
ANY_CUT_HEAD = re.compile(rb"\[(?:\d{1,10}(?::(?:0(?:x[0-9A-Fa-f:]{0,30}\]?[ \d]{0,40})?)?)?)?")
"""The same down to its first byte, which may be anything."""
CUT_ANCHOR = re.compile(
    rb"(\[\d{1,10}:(?:0x)?[0-9A-Fa-f]{1,16}(?::\d{1,10})?\] +\d{1,20})( ms:| ms| m| )(?! ?ms:? )"
)
"""A head that was cut inside of the anchor."""


@dataclass(slots=True)
class Found:
    """A record: `head` is where it says who and when, None where that is not whole and `fragment`
    is what there is of it. `body` goes to the end of its line or to the next record in it; `ended`
    says that the line has an end.
    """

    head: re.Match[bytes] | None
    fragment: bytes
    body: bytes
    ended: bool
    _buffer: bytes
    _before: int  # where the record before ends
    _begin: int
    _end: int

    @property
    def gap_size(self) -> int:
        """How many bytes there are between the record before and this one."""
        return self._begin - self._before

    def gap(self, most: int = REACH) -> bytes:
        """The last of them."""
        return self._buffer[max(self._before, self._begin - most) : self._begin]

    def after(self, most: int = REACH) -> bytes:
        """What follows, up to REACH bytes."""
        begin = self._end + self.ended
        return self._buffer[begin : begin + most]


def scan(read: Callable[[int], bytes]) -> Iterator[Found | bytes]:
    """All records in order; then, as bytes, the last line if it has no end and holds none."""
    buffer, at, ended = read(_BLOCK), 0, False
    while True:
        hit = buffer.find(ANCHOR, at)
        if not ended and (hit < 0 or len(buffer) - hit < REACH):
            keep = max(at, (len(buffer) if hit < 0 else hit) - _KEPT)
            more = read(_BLOCK)
            ended = not more
            buffer, at = buffer[keep:] + more, 0
            continue
        if hit < 0:
            break
        found, at = _found(buffer, at, hit)
        yield found
    yield buffer[max(at, buffer.rfind(b"\n") + 1) :]


def _found(buffer: bytes, at: int, hit: int) -> tuple[Found, int]:
    line = max(at, buffer.rfind(b"\n", at, hit) + 1)
    opening = buffer.rfind(b"[", max(line, hit - _LONGEST_HEAD), hit)
    head = HEAD.fullmatch(buffer, opening, hit) if opening >= 0 else None
    begin = hit + len(ANCHOR)
    newline = buffer.find(b"\n", begin, begin + REACH)
    end = newline if newline >= 0 else min(len(buffer), begin + REACH)
    ended, resume = newline >= 0, end
    start = opening if head else line
    # V8's "last few GCs" are cut to a length and follow each other without an end of line.
    another = buffer.find(ANCHOR, begin, end)
    if another >= 0:
        next_one = buffer.rfind(b"[", begin, another)
        if next_one >= 0 and HEAD.fullmatch(buffer, next_one, another):
            end, ended, resume = next_one, False, next_one
    fragment = b"" if head else buffer[max(line, hit - _LONGEST_HEAD) : hit]
    return Found(head, fragment, buffer[begin:end], ended, buffer, at, start, resume), resume
