"""Where V8's records stand in a log, whatever else is written between them.

Each record of V8 stands in one line, `[PID:0xISOLATE]   TIME ms: ...`. The log is searched for
` ms: `, so that lines of the program cost no more than a search through memory. Most records are a
line of their own, though, and stand behind another one: those need no search, and no more than a
look at their form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nodemem.records import GcEvent

ANCHOR = b" ms: "
REACH = 1 << 16  # bytes behind the beginning of a record that are there to be looked at
_BLOCK = 1 << 20
_LONGEST_HEAD = 80
_KEPT = 256
_MARKS = (b"[", b"<")  # one of them is in all that V8 writes
_SHORT = 16  # no head fits into a shorter gap

HEAD = re.compile(
    rb"(\[(\d{1,10}):((?:0x)?[0-9A-Fa-f]{1,16})(?::\d{1,10})?\]) *(\d{1,20}(?:\.\d{1,9})?)"
)
"""Who, process, isolate, milliseconds."""
LINE = re.compile(
    rb"(\[\d{1,10}:(?:0x)?[0-9A-Fa-f]{1,16}(?::\d{1,10})?\]) *(\d{1,20}(?:\.\d{1,9})?) ms: "
    rb"(?:([A-Z][A-Za-z() -]{5,60}) ([\d.]+) \(([\d.]+)\) -> ([\d.]+) \(([\d.]+)\) MB, "
    rb"(?:pooled: [\d.]{1,15} MB, )?([\d.]+) / ([\d.]+) (ms[^\n]{1,400})|(pause=[^\n]{1,8000}))\n"
)
"""A record that is a line of its own: who, milliseconds, and either what, sizes before and after,
both times, the rest (`--trace-gc`) or all of it (`--trace-gc-nvp`)."""
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
    begin: int
    resume: int  # where it ends
    _buffer: bytes
    _before: int  # where the record before ends

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


Take = Callable[[re.Match[bytes], int], tuple[list[GcEvent], int]]


def scan(read: Callable[[int], bytes], take: Take) -> Iterator[list[GcEvent] | Found | Gap | Rest]:
    """All records in order, and what is between them.

    `take` gets a `LINE`, and where none may begin any more but that one. It gives the events of it
    and of as many lines right behind it as it can, and where the next one begins; they take the
    place of their records.
    """
    buffer, at, ended = read(_BLOCK), 0, False
    while True:
        # Behind a record stands its end of line: perhaps the next one begins there.
        last = len(buffer) - 2 * REACH
        while at < last and buffer.startswith(b"\n[", at):
            line = LINE.match(buffer, at + 1)
            events, after = take(line, last) if line else ([], at)
            if not events:
                break
            yield events
            at = after - 1
        hit = buffer.find(ANCHOR, at)
        if not ended and (hit < 0 or len(buffer) - hit < REACH):
            keep = max(at, (len(buffer) if hit < 0 else hit) - _KEPT)
            more = read(_BLOCK)
            ended = not more
            buffer, at = buffer[keep:] + more, 0
            continue
        if hit < 0:
            break
        begin = max(at, buffer.rfind(b"\n", at, hit) + 1)
        line = LINE.match(buffer, begin)
        found = None if line else _found(buffer, at, hit)
        start = found.begin if found else begin
        if start - at > _SHORT and any(buffer.find(one, at, start) >= 0 for one in _MARKS):
            yield Gap(buffer[max(at, start - REACH) : start])
        events, after = take(line, last) if line else ([], at)
        if events:
            yield events
            at = after - 1
        else:
            found = found or _found(buffer, at, hit)
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
