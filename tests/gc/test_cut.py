"""Logs that were cut off, at every byte: what is read of a part is what is read of the whole, as
far as it goes, and the record in which it was cut is counted."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from nodemem.gc.v8_log import V8Log
from nodemem.records import GcEvent

ALL = os.environ.get("NODEMEM_TEST_ALL") == "1"
LOGS = Path(__file__).with_name("logs")
PATHS = sorted(
    path
    for path in LOGS.rglob("*.log")
    if "perf_hooks" not in path.name and (ALL or "jsonhttp" not in path.name)
)
Read = Callable[[bytes], tuple[list[GcEvent], V8Log]]

EARLIER = 1500
LAST_VALUE = re.compile(rb"[\d.;\s]*")
"""What may be missing of a record that is taken as whole: digits of a value that is no column."""
HEAD = re.compile(rb"\[\d{1,10}:(?:0x)?[0-9a-f]+(?::\d+)?\] *\d+ ms: ")
RECORD = re.compile(rb"(?:pause=|GC: \{|(?:Scav|Mark-|Inc|Minor)|\[IncrementalMarking\] Start )")


def shape(line: bytes) -> bytes:
    return re.sub(rb"[\d.]+", b"0", line)


def spaces_left_out(event: GcEvent) -> GcEvent:
    return msgspec.structs.replace(event, spaces=[], external_after=None)


@pytest.mark.parametrize("path", PATHS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_cut_at_every_byte(read: Read, path: Path) -> None:
    """One line of each form, at each byte, behind the lines before it; of long lines, each byte of
    the beginning and of the end, and some between; all lines and bytes in the long run.
    """
    text, seen, begin = path.read_bytes(), set[tuple[bytes, bytes]](), 0
    for line in text.splitlines(keepends=True):
        ends, form = begin + len(line), (shape(line)[:90], shape(line)[-60:])
        if ALL or form not in seen:
            seen.add(form)
            first = text.rfind(b"\n", 0, max(0, begin - EARLIER)) + 1
            cut_everywhere(read, text[first:begin], line)
        begin = ends


def cut_everywhere(read: Read, earlier: bytes, line: bytes) -> None:
    before, log = read(earlier)
    whole, _ = read(earlier + line)
    counted = log.unreadable - (b"used:" in earlier[-4000:])  # a table may be in the making
    head = HEAD.match(line)
    record = head is not None and RECORD.match(line, head.end())
    known = head is not None and line[: line.index(b"]")] in earlier and bool(before)
    for cut in range(1, len(line)):
        if not ALL and 60 < cut < len(line) - 150 and cut % 61:
            continue
        events, log = read(earlier + line[:cut])
        if len(events) == len(before):
            assert list(map(spaces_left_out, events)) == list(map(spaces_left_out, before))
            if record and (known or b"0x" in line[:cut]) and len(whole) > len(before):
                assert log.unreadable > counted, line[:cut]
        else:
            assert list(map(spaces_left_out, events)) == list(map(spaces_left_out, whole))
            assert LAST_VALUE.fullmatch(line[cut:]) or b"Marking] Start" in line, line[:cut]
        if events[-1:] != whole[len(events) - 1 : len(events)]:
            assert log.unreadable > 0, line[:cut]
