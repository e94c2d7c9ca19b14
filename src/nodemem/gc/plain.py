"""Records of `--trace-gc`: one line in words, sizes in MiB with one decimal."""

from __future__ import annotations

import re
from typing import Any

from nodemem.gc.words import CAUSES, COLLECTOR_CAUSES, PLAIN

_MIB = 1 << 20
_NAMES = b"|".join(PLAIN)  # none begins like another one
NUMBER = re.compile(rb"(\d{1,15}(?:\.\d{1,6})?)")
_RECORD = re.compile(
    rb"(?:Shared )?(%(names)s)( \(reduce\))?(?: \((?:interleaved|during \w{1,20})\)){0,2} "
    rb"%(n)s \(%(n)s\) -> %(n)s \(%(n)s\) MB, (?:pooled: [\d.]{1,15} MB, )?%(n)s / %(n)s ms *"
    rb"(?:\(\+ %(n)s ms in (\d{1,9}) steps since start of marking, biggest step %(n)s ms"
    rb"(?:, walltime since start of marking %(n)s ms)?\) *)?"
    rb"(?:\(average mu = (-?[\d.]{1,9}), current mu = (-?[\d.]{1,9})\) )?"
    rb"([A-Za-z][A-Za-z ()/-]{1,80})(;?)([^\r\n]{0,200})\r?"
    % {b"names": _NAMES, b"n": NUMBER.pattern}
)
_CAUSES = sorted(CAUSES, key=len, reverse=True)
_WORDS = re.compile(r"[A-Za-z][A-Za-z ()/-]{0,100}")
_TWO = "finalize concurrent MinorMS"  # a minor one's, with which V8 tells the collector's, too
_MESSAGE = b"Scavenge stack scanning"  # with --trace-gc-verbose, up to V8 8
_BEGINNINGS = tuple(sorted({name[:4] for name in PLAIN} | {b"Shar"}))


def begins(body: bytes) -> bool:
    """Whether `body` could be such a record, whole or not."""
    return body.startswith(_BEGINNINGS) and not body.startswith(_MESSAGE)


def parse(body: bytes, *, whole: bool) -> dict[str, Any] | None:
    """The columns of a record, in seconds and bytes; None if it is damaged. `whole` says that an
    end of line follows: without it the cause must be one that is known, or it may be cut, and
    so may the collector's, which V8 always tells of a major collection."""
    match = _RECORD.fullmatch(body)
    if match is None:
        return None
    causes = _causes(match[15].decode(), match[16] != b"", match[17].decode("latin-1"), whole)
    kind, name = PLAIN[match[1]]
    if causes is None or not (whole or causes[1] or (kind == "minor" and causes[0] != _TWO)):
        return None
    columns = {
        "kind": kind,
        "collector": name,
        "reduce": match[2] is not None,
        "used_before": to_bytes(match[3]),
        "size_before": to_bytes(match[4]),
        "used_after": to_bytes(match[5]),
        "size_after": to_bytes(match[6]),
        "pause": to_seconds(match[7]),
        "callbacks": to_seconds(match[8]),
        "cause": causes[0],
        "collector_cause": causes[1] or None,
    }
    if match[9] is not None:
        columns["steps_time"] = to_seconds(match[9])
        columns["steps"] = int(match[10])
        columns["longest_step"] = to_seconds(match[11])
        columns["marking_time"] = None if match[12] is None else to_seconds(match[12])
    if match[13] is not None:
        try:
            columns["average_utilization"] = float(match[13])
            columns["utilization"] = float(match[14])
        except ValueError:
            return None
    return columns


def spans(body: bytes) -> list[tuple[int, int]]:
    """Where the numbers of a sound record stand, sizes, times and shares in their order; (-1, -1)
    for those that it has not."""
    match = _RECORD.fullmatch(body)
    return [] if match is None else [match.span(i) for i in range(3, 15)]


def to_seconds(text: bytes) -> float:
    """Of milliseconds as they are written."""
    return float(text) / 1000


def to_bytes(text: bytes) -> int:
    """Of MiB as they are written."""
    return round(float(text) * _MIB)


def _causes(cause: str, marked: bool, rest: str, whole: bool) -> tuple[str, str] | None:
    """Both causes. V8 writes a semicolon between them from 10 (Node.js 18) on."""
    if not marked:
        if rest.strip():
            return None
        known = next((one for one in _CAUSES if cause.startswith(one)), None)
        if known is None:
            return None
        cause, rest = known, cause[len(known) :]
    cause, rest = cause.strip(), rest.strip()
    if whole:
        fits = cause in CAUSES or (marked and _WORDS.fullmatch(cause))
        return (cause, rest) if fits and (not rest or _WORDS.fullmatch(rest)) else None
    return (cause, rest) if cause in CAUSES and (not rest or rest in COLLECTOR_CAUSES) else None


def ends(line: bytes) -> bool:
    """Whether `line` could be the end of such a record."""
    text = line.strip()
    return (
        line == b" "
        or text.endswith(b";")
        or any(text.endswith(one) or one.endswith(text) for one in _COLLECTOR_ENDS if text)
    )


_COLLECTOR_ENDS = tuple(one.encode() for one in COLLECTOR_CAUSES)
