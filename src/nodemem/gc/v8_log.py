"""What V8 prints: `--trace-gc`, `--trace-gc-nvp`, `--trace-gc-verbose`, in a program's output."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from nodemem.gc import nvp, plain, verbose
from nodemem.gc.joining import Joiner, parse
from nodemem.gc.scan import ANCHOR, ANY_CUT_HEAD, CUT_ANCHOR, CUT_HEAD, HEAD, Found, scan
from nodemem.gc.words import CAUSES, COLLECTOR_CAUSES, PLAIN
from nodemem.records import GcEvent

_START = re.compile(rb"\[IncrementalMarking\] Start \(([a-z ]{1,60})\):")
_TAIL = re.compile(
    rb"promotion_ratio=|\"promotion_ratio\":|(?:%s);? (?:%s)?\r?$"
    % (
        b"|".join(one.encode() for one in CAUSES),
        b"|".join(one.encode() for one in COLLECTOR_CAUSES),
    )
)
_LAST_FEW = b"<--- Last few GCs --->"
_MOST_HEADS = 10_000
_BEGINNINGS = (*PLAIN, nvp.TEXT_BEGINS, nvp.JSON_BEGINS)
_MESSAGES = (b"[", b"Memory pool")  # what else V8 prints with a time
_LINES = 40
_SHORT = 16  # no head fits into a shorter gap
_NEAR = 1 << 13
_NEXT = 400


class V8Log:
    """Reads one log, once. `unreadable` counts records that were begun but could not be read;
    `notes` counts what was corrected or left out, by text key; `shapes` are the formats that were
    met. All are complete when the events have been iterated over.

    Of the first collection of an isolate `allocated` is what V8 printed, of others the difference
    of sizes: what V8 prints is wrong where a minor collection ran inside of a major one.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.unreadable = 0
        self.notes: Counter[str] = Counter()
        self.shapes: set[str] = set()
        self._read = read
        self._joiner = Joiner()
        self._heads: dict[bytes, tuple[int, str]] = {}
        self._sizes: dict[tuple[int | None, str | None], int] = {}
        self._seen: dict[tuple[int, str], tuple[float, float]] = {}
        self._limits: dict[tuple[int, str], int] = {}
        self._last_few = False
        self._begun = False
        self._edge = b""  # of the block before

    def __iter__(self) -> Iterator[GcEvent]:
        for found in scan(self._block):
            if isinstance(found, bytes):
                self._end(found)
                continue
            if found.gap_size > _SHORT:
                yield from self._between(found.gap())
            event = self._event(found)
            if event is not None:
                yield event
        if self._joiner.joined:
            self.notes["gc.note.joined"] = self._joiner.joined

    def _block(self, size: int) -> bytes:
        """Read on; of a log that begins inside of a record, that one is counted as unreadable."""
        block = self._read(size)
        reach = len(_LAST_FEW) - 1
        ends = block.count(_LAST_FEW) + (self._edge + block[:reach]).count(_LAST_FEW)
        self._edge = block[-reach:]
        if ends:
            self.notes["gc.note.out_of_memory"] += ends
        if not self._begun:
            self._begun = True
            line = block[: max(0, block.find(b"\n", 0, 1 << 16))]
            if HEAD.search(line) is None and _TAIL.search(line):
                self.unreadable += 1
        return block

    def _between(self, gap: bytes) -> Iterator[GcEvent]:
        """A record that was cut inside of the anchor by which records are found."""
        for cut in CUT_ANCHOR.finditer(gap):
            head, rest = HEAD.fullmatch(cut[1]), ANCHOR[len(cut[2]) :]
            tails = gap[cut.end() :].split(b"\n", _LINES)[1:]
            bodies = [tail[len(rest) :] for tail in tails if tail.startswith(rest)]
            columns = next(filter(None, (parse(body, ended=True) for body in bodies)), None)
            if columns is None or head is None:
                self.unreadable += 1
            else:
                self._joiner.joined += 1
                yield self._made(columns, *self._named(head))

    def _event(self, found: Found) -> GcEvent | None:
        body = found.body
        if found.gap_size and _LAST_FEW in found.gap(64):
            self._last_few = True
        if not plain.begins(body) and not nvp.begins(body):
            columns = self._begun_only(found)
            if columns is None:
                return self._other(found)
        elif (columns := parse(body, ended=found.ended)) is not None:
            self._shape(body)
            if nvp.begins(body):
                self._joiner.learn(body)
        elif found.ended and (columns := self._joiner.join(body, found.after())) is not None:
            self._shape(body)
        who = self._who(found)
        if columns is None or who is None:
            if columns is not None or not self._repeats(who):
                self.unreadable += 1
            return None
        pid, isolate, stamp = who
        if self._last_few and self._already(pid, isolate, stamp, columns["pause"]):
            self.notes["gc.note.last_few"] += 1
            return None
        if found.ended and verbose.begins(found.after(_NEXT)):
            self.shapes.add("trace-gc-verbose")
            columns |= verbose.columns_of(found.after())
        return self._made(columns, pid, isolate, stamp)

    def _begun_only(self, found: Found) -> dict[str, Any] | None:
        """A record of which the program's output cut off all but a few letters."""
        if found.head is None or not found.ended or found.body.startswith(_MESSAGES):
            return None
        return self._joiner.join_beginning(found.body, found.after())

    def _made(self, columns: dict[str, Any], pid: int, isolate: str, stamp: float) -> GcEvent:
        if len(self._seen) > _MOST_HEADS:  # no program has so many; memory stays bounded
            self._seen.clear()
            self._sizes.clear()
            self._limits.clear()
        self._seen[pid, isolate] = (stamp, columns["pause"])
        self._correct(columns, pid, isolate)
        return GcEvent(time=stamp - columns["pause"], pid=pid, isolate=isolate, **columns)

    def _shape(self, body: bytes) -> None:
        if nvp.begins(body):
            self.shapes.add("trace-gc-nvp" if body[:1] == b"p" else "trace-gc-nvp JSON")
        else:
            self.shapes.add("trace-gc")

    def _repeats(self, who: tuple[int, str, float] | None) -> bool:
        """Whether a record that is cut is one of the last few, which has been read already."""
        if not self._last_few or who is None:
            return False
        seen = self._seen.get((who[0], who[1]))
        if seen is None or who[2] > seen[0]:
            return False
        self.notes["gc.note.last_few"] += 1
        return True

    def _already(self, pid: int, isolate: str, stamp: float, pause: float) -> bool:
        seen = self._seen.get((pid, isolate))
        return seen is not None and (stamp < seen[0] or (stamp, pause) == seen)

    def _other(self, found: Found) -> GcEvent | None:
        body = found.body
        if not found.ended and any(one.startswith(body) for one in _BEGINNINGS):
            self.unreadable += 1
            return None
        start, limit = _START.match(body), verbose.limit_of(body)
        who = self._who(found) if start or limit is not None else None
        if who is None:
            return None
        pid, isolate, stamp = who
        if limit is not None:
            self._limits[pid, isolate] = limit
        if start is None:
            return None
        self.shapes.add("trace-incremental-marking")
        cause = start[1].decode()
        return GcEvent("incremental", time=stamp, cause=cause, pid=pid, isolate=isolate)

    def _who(self, found: Found) -> tuple[int, str, float] | None:
        """Process, isolate and seconds; None where they are not whole and cannot be known."""
        if found.head is not None:
            return self._named(found.head)
        # The head was cut: its beginning stands before the program's output.
        near = found.gap(_NEAR)
        for cut in reversed(list(ANY_CUT_HEAD.finditer(near))):
            for end in range(cut.end(), cut.start(), -1):
                joined = near[cut.start() : end] + found.fragment
                head = HEAD.fullmatch(joined)
                if head is not None and self._known(head):
                    return self._named(head)
        return None

    def _known(self, head: re.Match[bytes]) -> bool:
        return not self._heads or head[1] in self._heads

    def _named(self, head: re.Match[bytes]) -> tuple[int, str, float]:
        who = self._heads.get(head[1])
        if who is None:
            who = int(head[2]), head[3].decode().lower()
            if len(self._heads) < _MOST_HEADS:
                self._heads[head[1]] = who
        return *who, float(head[4]) / 1000

    def _correct(self, columns: dict[str, Any], pid: int, isolate: str) -> None:
        before = self._sizes.get((pid, isolate))
        self._sizes[pid, isolate] = columns["used_after"]
        printed = columns.get("allocated")
        limit = self._limits.pop((pid, isolate), None)
        if limit is not None and columns.get("old_limit") is None:
            columns["old_limit"] = limit
        if before is None:
            if printed is not None and printed > columns["used_before"]:
                columns["allocated"] = None
                self.notes["gc.note.allocated"] += 1
            return
        columns["allocated"] = max(0, columns["used_before"] - before)
        if "promoted" in columns and printed != columns["allocated"]:
            self.notes["gc.note.allocated"] += 1

    def _end(self, line: bytes) -> None:
        """The last line, if it has no end: the beginning of a record counts as one."""
        begun = CUT_HEAD.fullmatch(line) is not None and len(line) > 3
        if begun or (len(line) > 1 and any(head.startswith(line) for head in self._heads)):
            self.unreadable += 1
