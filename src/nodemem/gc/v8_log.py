"""What V8 prints: `--trace-gc`, `--trace-gc-nvp`, `--trace-gc-verbose`, in a program's output."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from nodemem.gc import nvp, plain, verbose
from nodemem.gc.forms import Forms, Isolate
from nodemem.gc.joining import Joiner, parse
from nodemem.gc.scan import (
    ANCHOR,
    ANY_CUT_HEAD,
    CUT_ANCHOR,
    CUT_HEAD,
    HEAD,
    Found,
    Gap,
    Rest,
    scan,
)
from nodemem.gc.words import CAUSES, COLLECTOR_CAUSES, PLAIN
from nodemem.records import GcEvent

_STARTS = b"[IncrementalMarking] Start ("
_START = re.compile(rb"%s([a-z ]{1,60})\):" % re.escape(_STARTS))
_TAIL = re.compile(
    rb"promotion_ratio=|\"promotion_ratio\":|(?:%s);? (?:%s)?\r?$"
    % (
        b"|".join(one.encode() for one in CAUSES),
        b"|".join(one.encode() for one in COLLECTOR_CAUSES),
    )
)
_LAST_FEW = b"<--- Last few GCs --->"
_MOST_HEADS = 10_000
_BEGINNINGS = (*PLAIN, nvp.TEXT_BEGINS, nvp.JSON_BEGINS, _STARTS)
_MESSAGES = (b"[", b"Memory pool")  # what else V8 prints with a time
_LINES = 40
_NEAR = 1 << 13
_BEFORE = 64
_WHO = re.compile(rb"\[\d{1,10}:(?:0x)?[0-9A-Fa-f]{1,16}(?::\d{1,10})?\]")
_NOBODY = (0, "")
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
        self._isolates: dict[tuple[int, str], Isolate] = {}
        self._forms = Forms()
        self._head = b""  # whose records are looked for
        self._last_few = False
        self._begun = False
        self._edge = b""  # of the block before

    def __iter__(self) -> Iterator[GcEvent]:
        for found in scan(self._block, self._taken):
            if isinstance(found, list):
                yield from found
            elif isinstance(found, Gap):
                yield from self._between(found)
            elif isinstance(found, Rest):
                self._end(found)
            elif (event := self._event(found)) is not None:
                yield event
        if self._joiner.joined:
            self.notes["gc.note.joined"] = self._joiner.joined

    def _block(self, size: int) -> bytes:
        """Read on; of a log that begins inside of a record, that one is counted as unreadable."""
        block = self._read(size)
        reach = len(_LAST_FEW) - 1
        edge, self._edge = self._edge + block[:reach], block[-reach:]
        if _LAST_FEW in edge or block.rfind(_LAST_FEW) >= 0:  # from behind it is found fastest
            self.notes["gc.note.out_of_memory"] += block.count(_LAST_FEW) + edge.count(_LAST_FEW)
        if not self._begun:
            self._begun = True
            line = block[: max(0, block.find(b"\n", 0, 1 << 16))]
            if HEAD.search(line) is None and _TAIL.search(line):
                self.unreadable += 1
        return block

    def _taken(self, text: bytes, at: int, last: int) -> tuple[list[GcEvent], int, int]:
        """See `scan`: sound records of isolates that are known, as long as there is nothing about
        them that `_event` would have to see to."""
        events: list[GcEvent] = []
        ended, clear = at, at
        while self._forms and not self._last_few:
            isolate = self._isolates.get(self._heads.get(self._head, _NOBODY))
            if isolate is None or isolate.size is None or isolate.limit is not None:
                break
            if isolate.spaces:
                break
            count, after, clear = self._forms.rows(text, at, last, self._head)
            if count and text.find(verbose.BEGINS, after, clear + _NEXT) >= 0:
                count -= 1  # its spaces are told
                after = clear = text.rfind(b"\n", 0, after - 1) + 1
            if count:
                events += self._forms.events(count, isolate)
                if isolate.wrong:
                    self.notes["gc.note.allocated"] += isolate.wrong
                    isolate.wrong = 0
                self.shapes |= self._forms.shapes(count)
                ended = after
            if self._forms.full or clear >= last:
                break
            at = clear
            if not self._turn(text, at):
                break
        return events, ended, clear

    def _turn(self, text: bytes, at: int) -> bool:
        """Look at another isolate's records from now on, if one begins a line here."""
        match = _WHO.match(text, at) if at == 0 or text.startswith(b"\n", at - 1) else None
        if match is None or match[0] == self._head:
            return False
        self._head = match[0]
        return True

    def _between(self, gap: bytes) -> Iterator[GcEvent]:
        """A record that was cut inside of the anchor by which records are found."""
        if _LAST_FEW in gap[-_BEFORE:]:
            self._last_few = True
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
        if not plain.begins(body) and not nvp.begins(body):
            columns = self._begun_only(found)
            if columns is None:
                return self._other(found)
        elif (columns := parse(body, ended=found.ended)) is not None:
            self._shape(body)
            if nvp.begins(body):
                self._joiner.learn(body)
            if found.ended and found.head is not None:
                self._forms.learn(found.behind_head, columns)
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
        one = self._isolate(pid, isolate)
        if found.ended and (one.spaces or verbose.begins(found.after())):
            columns |= self._spaces(found, one)
        return self._made(columns, pid, isolate, stamp)

    def _spaces(self, found: Found, isolate: Isolate) -> dict[str, Any]:
        """What is told of the spaces behind a record: of all, behind each record of an isolate."""
        columns, whole = verbose.columns_of(found.after(), isolate.pid, isolate.name)
        count = len(columns["spaces"])
        if whole is None and not isolate.spaces:
            return {}
        self.shapes.add("trace-gc-verbose")
        if count < isolate.spaces or not whole:
            self.unreadable += 1
        isolate.spaces = max(count, isolate.spaces)
        return columns

    def _begun_only(self, found: Found) -> dict[str, Any] | None:
        """A record of which the program's output cut off all but a few letters."""
        if found.head is None or not found.ended or found.body.startswith(_MESSAGES):
            return None
        return self._joiner.join_beginning(found.body, found.after())

    def _made(self, columns: dict[str, Any], pid: int, isolate: str, stamp: float) -> GcEvent:
        one = self._isolate(pid, isolate)
        one.stamp, one.pause = stamp, columns["pause"]
        self._correct(columns, one)
        return GcEvent(time=stamp - columns["pause"], pid=pid, isolate=isolate, **columns)

    def _isolate(self, pid: int, isolate: str) -> Isolate:
        found = self._isolates.get((pid, isolate))
        if found is None:
            if len(self._isolates) > _MOST_HEADS:  # no program has so many; memory stays bounded
                self._isolates.clear()
            found = self._isolates[pid, isolate] = Isolate(pid, isolate)
        return found

    def _shape(self, body: bytes) -> None:
        if nvp.begins(body):
            self.shapes.add("trace-gc-nvp" if body[:1] == b"p" else "trace-gc-nvp JSON")
        else:
            self.shapes.add("trace-gc")

    def _repeats(self, who: tuple[int, str, float] | None) -> bool:
        """Whether a record that is cut is one of the last few, which has been read already."""
        if not self._last_few or who is None:
            return False
        seen = self._isolates.get((who[0], who[1]))
        if seen is None or seen.stamp is None or who[2] > seen.stamp:
            return False
        self.notes["gc.note.last_few"] += 1
        return True

    def _already(self, pid: int, isolate: str, stamp: float, pause: float) -> bool:
        seen = self._isolates.get((pid, isolate))
        if seen is None or seen.stamp is None:
            return False
        return stamp < seen.stamp or (stamp, pause) == (seen.stamp, seen.pause)

    def _other(self, found: Found) -> GcEvent | None:
        body = found.body
        start, limit = _START.match(body), verbose.limit_of(body)
        if not found.ended and start is None:
            begun = body.startswith(_STARTS) or any(x.startswith(body) for x in _BEGINNINGS)
            self.unreadable += begun
            return None
        who = self._who(found) if start or limit is not None else None
        if who is None:
            return None
        pid, isolate, stamp = who
        if limit is not None:
            self._isolate(pid, isolate).limit = limit
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
        self._head = head[1]
        who = self._heads.get(head[1])
        if who is None:
            who = int(head[2]), head[3].decode().lower()
            if len(self._heads) < _MOST_HEADS:
                self._heads[head[1]] = who
        return *who, float(head[4]) / 1000

    def _correct(self, columns: dict[str, Any], isolate: Isolate) -> None:
        before, limit = isolate.size, isolate.limit
        isolate.size, isolate.limit = columns["used_after"], None
        printed = columns.get("allocated")
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
        if begun or (line and any(head.startswith(line) for head in self._heads)):
            self.unreadable += 1
