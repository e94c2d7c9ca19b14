"""Records that look like one that was read before, but for their numbers.

A program prints the same words in the same order all its life, so that only the first record of a
form has to be read with care. A form demands more than the careful readers, `plain` and `nvp`: what
does not fit is left to them. What fits gives the same columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nodemem.gc import nvp, plain
from nodemem.gc.scan import ANCHOR
from nodemem.records import GcEvent, GcKind

_MOST_FORMS = 4
_MOST_LEARNED = 64  # making one costs a millisecond
_MOST_TEXTS = 1 << 14
_PAIR = re.compile(rb"([\w.]+)=\d{1,15}(\.\d{1,9})?(?=%?(?: |\s*$))")
_WHOLE, _BROKEN = rb"\d{1,15}", rb"\d{1,15}\.\d{1,9}"
_REDUCE = b"reduce_memory"  # a choice, not an amount


@dataclass(slots=True)
class Isolate:
    """What its last collection left: bytes in use, when it ended and how long it was (seconds), a
    limit that was announced since, and of how many spaces was told."""

    pid: int
    name: str
    size: int | None = None
    stamp: float | None = None
    pause: float = 0.0
    limit: int | None = None
    spaces: int = 0


class _Numbers(dict[bytes, Any]):
    """Numbers by how they are written, as `plain` reads them: most come again and again.

    Raises:
        KeyError: it is no number.
    """

    def __init__(self, read: Callable[[bytes], float]) -> None:
        self._read = read

    def __missing__(self, text: bytes) -> float:
        if not plain.NUMBER.fullmatch(text):
            raise KeyError(text)
        if len(self) >= _MOST_TEXTS:
            self.clear()
        self[text] = number = self._read(text)
        return number


class PlainForms:
    """Records of `--trace-gc`: their words and numbers by how they are written."""

    def __init__(self) -> None:
        self._sizes = _Numbers(plain.to_bytes)
        self._times = _Numbers(plain.to_seconds)
        self._titles: dict[bytes, tuple[GcKind, str, bool]] = {}
        self._rests: dict[bytes, tuple[Any, ...]] = {}

    def event(
        self,
        line: re.Match[bytes],
        parts: tuple[bytes, ...],
        isolate: Isolate,
    ) -> GcEvent | None:
        """What `plain.parse` makes of a `LINE`, of which `parts` are the groups, in an isolate of
        known size; None if it has no form that is known."""
        _, stamp, title, before, held, after, holds, pause, callbacks, rest, _ = parts
        try:
            kind, collector, reduce = self._titles[title]
            cause, collector_cause, steps, took, longest, marking, mu, average = self._rests[rest]
            sizes, times = self._sizes, self._times
            used_before, used_after = sizes[before], sizes[after]
            size_before, size_after = sizes[held], sizes[holds]
            seconds, in_callbacks = times[pause], times[callbacks]
        except KeyError:
            return self.event(line, parts, isolate) if self._learned(line) else None
        ended = float(stamp) / 1000
        allocated = used_before - isolate.size
        isolate.size, isolate.stamp, isolate.pause = used_after, ended, seconds
        # By position, in the order of GcEvent's fields: by name takes three times as long.
        return GcEvent(
            kind, ended - seconds, seconds, collector, cause, collector_cause,
            None, reduce, None,
            used_before, used_after, size_before, size_after, None, None, [],
            None, None, allocated if allocated > 0 else 0, None, None, None, None, None,
            steps, took, longest, marking, in_callbacks, mu, average,
            isolate.name, None, isolate.pid,
        )  # fmt: skip

    def _learned(self, line: re.Match[bytes]) -> bool:
        """Whether the words of a record are words that `plain` knows, and were not known here."""
        title, rest = line[3], line[10]
        if (title in self._titles and rest in self._rests) or ANCHOR in rest:
            return False
        columns = plain.parse(line.string[line.start(3) : line.end() - 1], whole=True)
        if columns is None:
            return False
        if len(self._rests) >= _MOST_TEXTS:
            self._rests.clear()
        self._titles[title] = columns["kind"], columns["collector"], columns["reduce"]
        self._rests[rest] = tuple(map(columns.get, _OF_REST))
        return True


_OF_REST = (
    "cause",
    "collector_cause",
    "steps",
    "steps_time",
    "longest_step",
    "marking_time",
    "utilization",
    "average_utilization",
)


class NvpForms:
    """Those of `--trace-gc-nvp`, at most four: one a release and kind of program."""

    def __init__(self) -> None:
        self._forms: list[_Form] = []
        self._left = _MOST_LEARNED

    def learn(self, body: bytes, columns: dict[str, Any]) -> None:
        """`columns` were read of `body`; others may look like it."""
        if columns["kind"] != "minor" or not body.startswith(nvp.TEXT_BEGINS) or not self._left:
            return
        if self.columns(body) is not None:
            return
        self._left -= 1
        form = _Form(body, columns)
        if form.unique and form.columns(body) == columns:
            self._forms = [form, *self._forms][:_MOST_FORMS]

    def columns(self, body: bytes) -> dict[str, Any] | None:
        """What `nvp.parse` makes of `body`; None if that has no form that is known."""
        for form in self._forms:
            columns = form.columns(body)
            if columns is not None:
                return columns
        return None


class _Form:
    def __init__(self, body: bytes, columns: dict[str, Any]) -> None:
        parts: list[bytes] = []
        self._names: list[str] = []
        at = 0
        for pair in _PAIR.finditer(body):
            name = pair[1]
            if name != _REDUCE:
                number = _BROKEN if pair[2] else _WHOLE
                if name.decode() in nvp.WANTED:
                    self._names.append(name.decode())
                    number = b"(" + number + b")"
                parts += [re.escape(body[at : pair.end(1) + 1]), number]
                at = pair.end()
        parts.append(re.escape(body[at:]))
        self._match = re.compile(b"".join(parts)).fullmatch
        self.unique = len(set(self._names)) == len(self._names)
        self._kind = {name: columns[name] for name in ("kind", "collector", "reduce")}

    def columns(self, body: bytes) -> dict[str, Any] | None:
        match = self._match(body)
        if match is None:
            return None
        values: dict[str, int | float] = {
            name: int(text) if text.isdigit() else float(text)
            for name, text in zip(self._names, match.groups(), strict=True)
        }
        columns = nvp.columns_of(values.get)
        if columns is not None:
            columns |= self._kind
            columns["pause"] = values["pause"] / 1000
            columns["callbacks"] = nvp.callbacks_of(values.get)
        return columns
