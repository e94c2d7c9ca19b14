"""Where V8's records stand in a log, whatever else is written between them.

Each record of V8 stands in one line, `[PID:0xISOLATE]   TIME ms: ...`. The log is searched for
` ms: `, so that lines of the program cost no more than a search through memory. Records that look
like those before are found and read many at a time, by `forms`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nodemem.records import GcEvent

ANCHOR = b" ms: "
REACH = 1 << 16  # bytes behind the beginning of a record that are there to be looked at
_BLOCK = 1 << 19
_LONGEST_HEAD = 80
_KEPT = 256
_MARKS = (b"[", b"<")  # one of them is in all that V8 writes
_SHORT = 16  # no head fits into a shorter gap
_MANY = 256  # events: there may be more of them

HEAD = re.compile(
    rb"(\[(\d{1,10}):((?:0x)?[0-9A-Fa-f]{1,16})(?::\d{1,10})?\]) *(\d{1,20}(?:\.\d{1,9})?)"
)
"""Who, process, isolate, milliseconds."""
CUT_HEAD = re.compile(rb"\[\d{1,10}:0x[0-9A-Fa-f:]{0,30}\]?[ \d]{0,40}(?:m|ms|ms:)?")
"""The beginning of a head, wherever it was cut."""
ANY_CUT_HEAD = re.compile(rb"\[(?:\d{1,10}(?::(?:0(?:x[0-9A-Fa-f:]{0,30}\]?[ \d]{0,40})?)?)?)?")
"""The same down to its first byte, which may be anything."""
CUT_ANCHOR = re.compile(
    rb"(\[\d{1,10}:(?:0x[0-9A-Fa-f]{1,16}|[0-9A-Fa-f]{8,16})(?::\d{1,10})?\] +\d{1,20})"
    rb"( ms:| ms| m| )(?! ?ms:? )"
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
    begin: int
    resume: int  # where it ends
    _buffer: bytes
    _before: int  # where the record before ends

    @property
    def behind_head(self) -> bytes:
        """Its text behind who it is of."""
        return self._buffer[self.head.end(1) : self.resume] if self.head else b""

    def gap(self, most: int = REACH) -> bytes:
        """The last of them."""
        return self._buffer[max(self._before, self.begin - most) : self.begin]

    def after(self, most: int = REACH) -> bytes:
        """What follows, up to REACH bytes."""
        begin = self.resume + self.ended
        return self._buffer[begin : begin + most]


class Gap(bytes):
    """What stands between two records, the last REACH bytes of it; only where V8 may have written
    some of it."""


class Rest(bytes):
    """The last line, if it has no end and holds no record."""


Take = Callable[[bytes, int, int], tuple[list[GcEvent], int, int]]


def scan(read: Callable[[int], bytes], take: Take) -> Iterator[list[GcEvent] | Found | Gap | Rest]:
    """All records in order, and what is between them.

    `take` gets the text, where in it to begin, and where none may begin any more. It gives the
    events of as many records as it can, which take their place, where the last of them ends, and up
    to where there is nothing behind it that may be a record.
    """
    buffer, at, clear, ended = read(_BLOCK), 0, 0, False
    while True:
        last = len(buffer) if ended else len(buffer) - REACH
        begin = at + buffer.startswith(b"\n", at)
        if begin < last:
            events, after, clear = take(buffer, begin, last)
            if events:
                yield events
                at = after - 1
                if len(events) >= _MANY:
                    continue
        hit = buffer.find(ANCHOR, max(at, clear - len(ANCHOR)))
        if not ended and (hit < 0 or len(buffer) - hit < REACH):
            keep = max(at, (len(buffer) if hit < 0 else hit) - _KEPT)
            base = max(0, keep - 1)  # one more, to see whether a line begins there
            more = read(_BLOCK)
            ended = not more
            buffer, at, clear = buffer[base:] + more, keep - base, max(0, clear - base)
            continue
        if hit < 0:
            break
        found = _found(buffer, at, hit)
        start = found.begin
        if start - at > _SHORT and any(buffer.find(one, at, start) >= 0 for one in _MARKS):
            yield Gap(buffer[max(at, start - REACH) : start])
        yield found
        at = found.resume
    yield Rest(buffer[max(at, buffer.rfind(b"\n") + 1) :])


def _found(buffer: bytes, at: int, hit: int) -> Found:
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
    return Found(head, fragment, buffer[begin:end], ended, start, resume, buffer, at)
