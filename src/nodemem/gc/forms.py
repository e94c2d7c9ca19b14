"""Records that look like one that was read before, but for their numbers.

A program prints the same words in the same order all its life, so that only the first record of a
form has to be read with care; those like it are read by a compiled loop (`kernels.gc_lines`), many
at a time. A form demands more than the careful readers, `plain` and `nvp`: what does not fit is
left to them. What fits gives the same columns.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nodemem.gc import nvp, plain
from nodemem.kernels import load
from nodemem.records import GcEvent, GcSpace

_MOST_FORMS = 24
_MOST_LEARNED = 200  # making one costs as much as a hundred records
_ROWS = 512
_FLOATS, _WHOLES = 8, 10  # columns of a row
_STAMP = re.compile(rb" *(\d{1,15}(?:\.\d{1,6})?) ms: ")
_POOLED = re.compile(rb"pooled: (\d{1,9}(?:\.\d{1,6})?) MB")
_TEXT_PAIR = re.compile(rb"([\w.]+)=(\d{1,15}(\.\d{1,6})?)(?=%?(?: |$))")
_JSON_PAIR = re.compile(rb'"([\w.]+)":(\d{1,15}(\.\d{1,6})?(?:e[+-]\d{1,3})?)(?=[,}])')
_NO_SPACES: list[GcSpace] = []  # one for all: to make a new one for each costs a fifth of an event
_REDUCE = b"reduce_memory"  # a choice, not an amount

_Number = tuple[int, int, int, int]
"""Where it stands in the text, what it is, and its column; see the kernel."""
_Make = Callable[[Sequence[float], Sequence[int], "Isolate"], GcEvent]


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
    wrong: int = 0  # how often V8 printed another `allocated` than follows from the sizes


@dataclass(slots=True, frozen=True)
class _Form:
    """Fixed texts, the numbers behind them, and how an event is made of the numbers' columns."""

    texts: tuple[bytes, ...]
    numbers: tuple[tuple[int, int], ...]
    shape: str
    make: _Make


class Forms:
    """Those that one log has."""

    def __init__(self) -> None:
        self._kernel = load("gc_lines")
        self._left = _MOST_LEARNED
        self._flat_floats = memoryview(array("d", bytes(8 * _ROWS * _FLOATS)))
        self._flat_wholes = memoryview(array("q", bytes(8 * _ROWS * _WHOLES)))
        self._floats = self._flat_floats.cast("B").cast("d", (_ROWS, _FLOATS))
        self._wholes = self._flat_wholes.cast("B").cast("q", (_ROWS, _WHOLES))
        self._which = memoryview(array("q", bytes(8 * _ROWS)))
        self._state = memoryview(array("q", [0, 0, 0]))
        self._use([])

    def __bool__(self) -> bool:
        return bool(self._forms)

    def rows(self, text: bytes, at: int, last: int, head: bytes) -> tuple[int, int, int]:
        """How many records of `head` like others there are from the line at `at` on, until another
        one begins; where the last of them ends, and where there may be another one."""
        count: int = self._kernel.lines(
            memoryview(text), at, last, memoryview(head), self._texts, self._tables,
            self._floats, self._wholes, self._which, self._state,
        )  # fmt: skip
        return count, self._state[0], self._state[1]

    @property
    def full(self) -> bool:
        """Whether more rows might have been found, had there been room for them."""
        return bool(self._state[2] == self._kernel.FULL)

    def events(self, count: int, isolate: Isolate) -> list[GcEvent]:
        """The first of those rows as events of an isolate of known size."""
        makers = [form.make for form in self._forms]
        floats = iter(self._flat_floats[: count * _FLOATS].tolist())
        wholes = iter(self._flat_wholes[: count * _WHOLES].tolist())
        rows = zip(
            self._which[:count].tolist(),
            zip(*[floats] * _FLOATS, strict=True),
            zip(*[wholes] * _WHOLES, strict=True),
            strict=True,
        )
        events = [makers[which](some, others, isolate) for which, some, others in rows]
        last = (count - 1) * _FLOATS
        isolate.stamp, isolate.pause = self._flat_floats[last], self._flat_floats[last + 1]
        return events

    def shapes(self, count: int) -> set[str]:
        """Of the first of those rows."""
        return {self._forms[which].shape for which in set(self._which[:count].tolist())}

    def learn(self, text: bytes, columns: dict[str, Any]) -> None:
        """`columns` were read of `text`, a record's line behind who it is of; others may look like
        it."""
        if not self._left or self._matches(text):
            return
        form = self._form(text, columns)
        if form is None:
            return
        self._left -= 1
        before = self._forms
        self._use([*before[1 - _MOST_FORMS :], form])
        isolate = Isolate(0, "", size=columns["used_before"])
        if not self._matches(text) or self.events(1, isolate) != [_as_read(columns, isolate)]:
            self._use(before)

    def _matches(self, text: bytes) -> bool:
        whole = b"[]%s\n" % text
        return self.rows(whole, 0, 1, b"[]")[0] == 1

    def _form(self, text: bytes, columns: dict[str, Any]) -> _Form | None:
        stamp = _STAMP.match(text)
        if stamp is None:
            return None
        body = text[stamp.end() :]
        if not nvp.begins(body):
            found, shape, make = _plain_numbers(body), "trace-gc", _plain_maker(columns)
        elif columns["kind"] == "minor":
            json = body.startswith(nvp.JSON_BEGINS)
            found, names = _named_numbers(body, json=json)
            shape = "trace-gc-nvp JSON" if json else "trace-gc-nvp"
            make = _nvp_maker(columns, names)
        else:
            return None
        numbers = [(0, stamp.end(1), self._kernel.STAMP, 0)]
        numbers += [
            (a + stamp.end(), b + stamp.end(), getattr(self._kernel, kind), column)
            for a, b, kind, column in sorted(found)
        ]
        ends = [0, *(end for _, end, _, _ in numbers)]
        begins = [*(begin for begin, _, _, _ in numbers), len(text)]
        texts = tuple(text[a:b] for a, b in zip(ends, begins, strict=True))
        kinds = (*((kind, column) for _, _, kind, column in numbers), (self._kernel.END, 0))
        return _Form(texts, kinds, shape, make)

    def _use(self, forms: list[_Form]) -> None:
        """Put them into the kernel's tables."""
        self._forms = forms
        self._texts = memoryview(b"".join(b"".join(form.texts) for form in forms))
        begin, at = len(forms) + 2, 0
        begins, parts = [begin], list[int]()
        for form in forms:
            parts.append(at)
            for text, (kind, column) in zip(form.texts, form.numbers, strict=True):
                at += len(text)
                parts += [at, kind, column]
            begins.append(begin + len(parts))
        self._tables = memoryview(array("q", [len(forms), *begins, *parts]))


def _as_read(columns: dict[str, Any], isolate: Isolate) -> GcEvent:
    stamp = isolate.stamp or 0.0
    same = columns | {"time": stamp - columns["pause"], "allocated": 0}
    return GcEvent(pid=isolate.pid, isolate=isolate.name, **same)


_PLAIN = (
    ("SIZE", 0), ("SIZE", 1), ("SIZE", 2), ("SIZE", 3), ("TIME", 1), ("TIME", 2),
    ("TIME", 3), ("WHOLE", 4), ("TIME", 4), ("TIME", 5), ("ANY", 6), ("ANY", 7),
)  # fmt: skip
"""What the numbers of `plain.spans` are."""


def _plain_numbers(body: bytes) -> list[tuple[int, int, str, int]]:
    found = [
        (*span, kind, column)
        for span, (kind, column) in zip(plain.spans(body), _PLAIN, strict=True)
        if span[0] >= 0
    ]
    pooled = _POOLED.search(body)
    return found if pooled is None else [*found, (*pooled.span(1), "SKIP_ANY", 0)]


def _plain_maker(columns: dict[str, Any]) -> _Make:
    get = columns.get
    kind, collector, reduce = columns["kind"], columns["collector"], columns["reduce"]
    cause, collector_cause = columns["cause"], columns["collector_cause"]
    stepped, walled = get("steps") is not None, get("marking_time") is not None
    told = get("utilization") is not None

    def make(floats: Sequence[float], wholes: Sequence[int], isolate: Isolate) -> GcEvent:
        stamp, pause, callbacks, took, longest, marking, average, current = floats
        before, size_before, after, size_after, steps, *_ = wholes
        allocated = before - (isolate.size or 0)
        isolate.size = after
        # By position, in the order of GcEvent's fields: by name takes three times as long.
        return GcEvent(
            kind, stamp - pause, pause, collector, cause, collector_cause,
            None, reduce, None,
            before, after, size_before, size_after, None, None, _NO_SPACES,
            None, None, allocated if allocated > 0 else 0, None, None, None, None, None,
            steps if stepped else None, took if stepped else None,
            longest if stepped else None, marking if walled else None,
            callbacks, current if told else None, average if told else None,
            isolate.name, None, isolate.pid,
        )  # fmt: skip

    return make


def _named_numbers(
    body: bytes, *, json: bool
) -> tuple[list[tuple[int, int, str, int]], dict[str, int]]:
    """Its numbers, and the columns of those that are wanted, by name."""
    pairs = list((_JSON_PAIR if json else _TEXT_PAIR).finditer(body))
    names = [pair[1].decode() for pair in pairs if pair[1] != _REDUCE]
    wanted = nvp.places(names)
    found = []
    for pair in pairs:
        if pair[1] != _REDUCE:
            kind, column = wanted.get(pair[1].decode(), ("SKIP", 0))
            if kind == "SKIP":
                kind = "SKIP_ANY" if json else "SKIP_BROKEN" if pair[3] else "SKIP_WHOLE"
            found.append((*pair.span(2), kind, column))
    return found, {name: column for name, (_, column) in wanted.items()}


def _nvp_maker(columns: dict[str, Any], places: dict[str, int]) -> _Make:
    get = columns.get
    kind, collector, reduce = columns["kind"], columns["collector"], columns["reduce"]
    cause, collector_cause = get("cause"), get("collector_cause")
    has = [get(name) is not None for name, _, _ in nvp.SIZES]
    callbacks = [places[name] for name in nvp.CALLBACKS if name in places]
    survives = get("survival") is not None

    def make(floats: Sequence[float], wholes: Sequence[int], isolate: Isolate) -> GcEvent:
        sizes = [size if told else None for size, told in zip(wholes, has, strict=True)]
        before, after = wholes[:2]
        _, _, size_before, size_after, promoted, survived, printed, *rest = sizes
        capacity, old_limit, global_limit = rest
        allocated = max(0, before - (isolate.size or 0))
        isolate.size = after
        isolate.wrong += printed != allocated
        share = min(1.0, max(0.0, (floats[6] + floats[7]) / 100)) if survives else None
        return GcEvent(
            kind, floats[0] - floats[1], floats[1], collector, cause, collector_cause,
            None, reduce, None,
            before, after, size_before, size_after, None, None, _NO_SPACES,
            promoted, survived, allocated, share, capacity, old_limit, global_limit, None,
            None, None, None, None,
            sum([floats[i] for i in callbacks]) / 1000, None, None,
            isolate.name, None, isolate.pid,
        )  # fmt: skip

    return make
