"""A section of numbers, read by one thread or several: records in the order of the file.

The text is cut behind commas into pieces. Threads take pieces in turn, make numbers of them side
by side, wait for their turn to learn where in the columns their records belong, and put them there
side by side again.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from nodemem.heap.engine.memory import zeros
from nodemem.heap.engine.threads import Aside
from nodemem.heap.engine.window import Window, shown
from nodemem.kernels import load

Wides = list[tuple[int, int]]
"""Numbers of 2**32 or more among the values at hand: index and value."""

_HEAD = 64
"""Room before the values of a piece for those of a record that began in the piece before; no
record has so many."""
_PIECE = 1 << 18
_LONGEST_WAIT = 0.5
"""Seconds after which a thread looks whether one before it failed, and was too much interrupted to
say so."""
_WHITE = b" \t\r\n"
_LONGEST_NUMBER = 64


class Batch(NamedTuple):
    """`length` whole records, the first of them number `first`, from `values[at:]`. `weight` is the
    sum of the weighed field over all records before."""

    values: memoryview
    at: int
    length: int
    first: int
    weight: int
    wides: Wides


class Shape(NamedTuple):
    """How a section is to be read: numbers a record, how many records the header announces, and
    the field to sum up, None for none."""

    name: str
    stride: int
    announced: int | None
    weighed: int | None = None


class _Piece(NamedTuple):
    number: int
    offset: int
    end: int


Emit = Callable[[Batch], tuple[int, int]]
"""Puts records into columns; how many were good, and the fault code of the first bad one."""


def most_records(stride: int) -> int:
    """How many records a batch has at most."""
    return (_HEAD + _PIECE // 2 + _LONGEST_NUMBER) // stride + 1


class RecordReader:
    """Reads the section that `window` stands at."""

    def __init__(self, window: Window, shape: Shape, reasons: dict[int, str]) -> None:
        self._window, self._shape, self._reasons = window, shape, reasons
        self._kernel = load("scan")
        self._vectors = self._kernel.vectors()
        self._taking = threading.Lock()
        self._order = threading.Condition()
        self._rest = b""
        self._taken = 0
        self._turn = 0
        self._complete = False
        self._carry: list[int] = []
        self._carried_wides: Wides = []
        self._errors: list[tuple[int, BaseException]] = []
        self.count = self.weight = 0

    def read(self, emits: list[Emit]) -> None:
        """Read all records, with a thread for each of `emits`; each puts records where they belong.

        Raises:
            InputError: a record is bad, or there are more or fewer than announced; names the first
                such place.
        """
        window = self._window
        window.expect("[")
        self._rest = window.take_rest()
        others = [Aside(partial(self._work, emit)) for emit in emits[1:]]
        try:
            self._work(emits[0])
        except BaseException as error:  # a second Ctrl-C, while the first is dealt with
            self._errors.append((-1, error))
            raise
        finally:
            for other in others:
                other.wait()
        if self._errors:
            first = min(self._errors, key=lambda item: item[0])[1]
            if not isinstance(first, EOFError):
                raise first
            of = "" if self._shape.announced is None else f" of {self._shape.announced:,}"
            raise window.cut(f", after {self.count:,}{of} records")
        if self._carry:
            raise window.broken(
                f"the last record has {len(self._carry)} numbers instead of {self._shape.stride}"
            )
        if self._shape.announced is not None and self.count != self._shape.announced:
            raise window.broken(
                f"the header announces {self._shape.announced:,} {self._shape.name}, "
                f"there are only {self.count:,}"
            )

    def _work(self, emit: Emit) -> None:
        number = -1
        try:
            text = bytearray(_PIECE + _LONGEST_NUMBER + 1)
            room = _HEAD + len(text) // 2 + 8  # as many numbers, and what vectors ask for besides
            buffers = zeros("I", room), zeros("I", room), zeros("Q", room)
            while not self._errors:
                with self._taking:
                    number = self._taken
                    piece = self._take(text)
                if piece is None:
                    break
                self._parse(piece, text, buffers, emit)
        except BaseException as error:  # noqa: BLE001 (raised again in the reading thread)
            self._errors.append((number, error))
            with self._order:
                self._turn = max(self._turn, number + 1)
                self._order.notify_all()

    def _take(self, text: bytearray) -> _Piece | None:
        """The next piece, in `text`; None behind the last."""
        if self._complete:
            return None
        window, view = self._window, memoryview(text)
        while True:
            begun, self._rest = self._rest[:_PIECE], self._rest[_PIECE:]
            view[: len(begun)] = begun
            count = 0 if self._rest else window.read_ahead(view[len(begun) : -1])
            filled = len(begun) + count
            closed = text.find(b"]", 0, filled) + 1
            end = closed or text.rfind(b",", 0, filled) + 1
            if end:
                break
            blank = begun.strip(_WHITE) + bytes(text[len(begun) : filled]).strip(_WHITE)
            if not count and not self._rest:
                window.end = len(begun)
                raise EOFError  # told when the other threads are done, with how many records came
            if len(blank) > _LONGEST_NUMBER:
                raise window.broken(f"{filled:,} bytes without a comma")
            window.offset += filled - len(blank)
            self._rest = blank + self._rest
        piece = _Piece(self._taken, window.offset, end)
        self._rest = bytes(text[end:filled]) + self._rest
        self._taken += 1
        window.offset += end
        if closed:
            self._complete = True
            window.give_back(self._rest)
        return piece

    def _parse(
        self,
        piece: _Piece,
        text: bytearray,
        buffers: tuple[memoryview, memoryview, memoryview],
        emit: Emit,
    ) -> None:
        kernel, stride = self._kernel, self._shape.stride
        values, wide_at, wide = buffers
        info = memoryview(bytearray(32)).cast("q")
        info[0] = kernel.VALUE if piece.number else kernel.FIRST
        end = kernel.numbers(
            self._vectors, memoryview(text), 0, piece.end, values, _HEAD, wide_at, wide, info
        )
        _, stop, wide_count, fault = info
        wides = [(wide_at[i], wide[i]) for i in range(wide_count)]
        with self._order:
            while self._turn < piece.number:
                if any(number < piece.number for number, _ in self._errors):
                    return
                self._order.wait(_LONGEST_WAIT)
            batch = self._place(values, end, wides)
            self._turn = max(self._turn, piece.number + 1)
            self._order.notify_all()
        announced = self._shape.announced
        if announced is not None and batch.first + batch.length > announced:
            raise self._window.broken(
                f"the header announces {announced:,} {self._shape.name}, there are more",
                _position(piece, text, batch.at + (announced - batch.first) * stride),
            )
        good, reason = emit(batch)
        if good < batch.length:
            raise self._window.broken(
                f"record {batch.first + good:,} is bad: {self._reasons[reason]}",
                _position(piece, text, batch.at + good * stride),
            )
        bad = batch.first + batch.length
        if fault == kernel.UNEXPECTED_BYTE:
            raise self._window.broken(
                f"record {bad:,} contains {shown(text[stop])}, where only "
                "whole numbers from 0 and commas between them may stand",
                piece.offset + stop,
            )
        if fault == kernel.NUMBER_TOO_LARGE:
            raise self._window.broken(
                f"a number in record {bad:,} is too large", piece.offset + stop
            )

    def _place(self, values: memoryview, end: int, wides: Wides) -> Batch:
        """Where the records that end in this piece belong. Called in the order of pieces."""
        stride, weighed = self._shape.stride, self._shape.weighed
        at = _HEAD - len(self._carry)
        for index, value in enumerate(self._carry, at):
            values[index] = value
        wides = [(at + index, value) for index, value in self._carried_wides] + wides
        count = (end - at) // stride
        used = at + count * stride
        batch = Batch(
            values, at, count, self.count, self.weight,
            [(index - at, value) for index, value in wides if index < used],
        )  # fmt: skip
        self.count += count
        if weighed is not None:
            self.weight += self._kernel.sum_of(values, at + weighed, used, stride)
        self._carry = values[used:end].tolist()
        self._carried_wides = [(index - used, value) for index, value in wides if index >= used]
        return batch


def _position(piece: _Piece, text: bytearray, index: int) -> int:
    """Where in the text values[index] stands, or the piece that continues its record."""
    at = 0
    for number, match in enumerate(re.finditer(rb"[0-9]+", bytes(text[: piece.end]))):
        at = match.start()
        if number >= index - _HEAD:
            break
    return piece.offset + at
