"""Records that the program's own output has cut in two, put together again.

V8 writes through a buffer of the C library, which goes out in pieces of 4096 bytes; what the
program writes in between lands in the middle of a record:

    [7:0x1] 33 ms: Scavenge 4.5 (4.9) -> 4.GET /
    1 (5.9) MB, 0.8 / 0.0 ms ...

The end of the record stands at the beginning of a later line. Where it was cut is not known, so all
places are tried, from the end of what still looks right backwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nodemem.gc import nvp, plain
from nodemem.gc.words import CAUSES

_LINES = 40
_NEXT_LINES = 8
_PLACES = 96
_FEW = 4
_BUDGET = 100_000  # tries in one log, so that a hostile one costs a second and no more


class Joiner:
    """Puts records together, as long as its budget lasts. A part of a name or of a cause in which
    the program's output stands is told from a whole one by what other records say.
    """

    def __init__(self) -> None:
        self._left = _BUDGET
        self._whole: dict[bytes, bytes] = {}
        self.joined = 0

    def learn(self, body: bytes) -> None:
        """A whole record with names and values."""
        self._whole[nvp.collector(body)] = body

    def join(self, body: bytes, after: bytes) -> dict[str, Any] | None:
        """The columns of the record that begins in `body` and ends in a line of `after`."""
        if self._left <= 0:
            return None
        for tail in after.split(b"\n", _LINES)[:_LINES]:
            columns = self._with(body, tail.rstrip(b"\r"))
            if columns is not None:
                self.joined += 1
                return columns
        return None

    def join_beginning(self, body: bytes, after: bytes) -> dict[str, Any] | None:
        """The same where so little is there that `body` does not look like a record's beginning."""
        for tail in after.split(b"\n", _NEXT_LINES)[:_NEXT_LINES]:
            for i in range(min(len(body), _FEW) + 1):
                whole = body[:i] + tail
                if self._left > 0 and (nvp.begins(whole) or plain.begins(whole)):
                    self._left -= 1
                    columns = parse(whole, ended=True)
                    if columns is not None:
                        self.joined += 1
                        return columns
        return None

    def _with(self, body: bytes, tail: bytes) -> dict[str, Any] | None:
        if not nvp.begins(body):
            if plain.ends(tail):
                places = range(len(body), -1, -1)
                return self._first(plain.parse(body[:i] + tail, whole=False) for i in places)
        elif nvp.ends(tail):
            known = self._whole.get(nvp.collector(body))
            expected = None if known is None else nvp.names(known)
            tries = (body[:i] + tail for i in _places(body))
            return self._first(_fitting(one, expected) for one in tries)
        return None

    def _first(self, tries: Iterator[dict[str, Any] | None]) -> dict[str, Any] | None:
        for columns in tries:
            self._left -= 1
            if columns is not None or self._left <= 0:
                return columns
        return None


def parse(body: bytes, *, ended: bool) -> dict[str, Any] | None:
    """The columns of a record of either kind; None if it is damaged or none."""
    return nvp.parse(body) if nvp.begins(body) else plain.parse(body, whole=ended)


def _fitting(body: bytes, expected: list[str] | None) -> dict[str, Any] | None:
    """The columns of a joined record, if it has the names that others have."""
    found = nvp.names(body)
    if found is None or (found != expected if expected else not nvp.sensible(found)):
        return None
    columns = nvp.parse(body)
    cause = None if columns is None else columns.get("cause")
    return columns if cause is None or cause in CAUSES else None


def _places(body: bytes) -> Iterator[int]:
    """Where a record may have been cut: around its first error, from behind."""
    most = nvp.whole_so_far(body)
    if body.startswith(nvp.JSON_BEGINS):
        try:
            json.loads(body[4:].decode("latin-1"))
        except json.JSONDecodeError as error:
            most = error.pos + 4 + _PLACES
        except RecursionError:
            most = 0
    most = min(most, len(body))
    return iter(range(most, max(most - 2 * _PLACES, 0), -1))
