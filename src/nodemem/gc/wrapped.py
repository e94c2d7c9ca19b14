"""A log as the program wrote it, out of what others have wrapped around each of its lines.

Docker, Kubernetes, systemd, Compose, process managers and log shippers put a prefix before each
line (`web_1  | `, `Nov 30 18:00:00 host app[7]: `), or make it a string in a JSON object. Which it
is, nobody has to say: V8's records begin with a form that nothing else has, so that what stands
before the first ones is the prefix, and a string that holds one is the value to take. The same is
then taken off all lines, for records go on in lines in which no record begins. Colours and CRLF go,
too.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from nodemem.gc.scan import ANCHOR, HEAD

_MOST_LAYERS = 3
_LONGEST = 1 << 16  # bytes of a line that is waited for, and of a partial one that is kept
_LONGEST_PREFIX = 200
_VOTES = 16
_MOST_STRINGS = 1000
_ESCAPE = b"\x1b"
_COLOUR = re.compile(rb"\x1b\[[0-9;:?]{0,30}[A-Za-z]")
_CUT_COLOUR = re.compile(rb"\x1b(?:\[[0-9;:?]{0,30})?\Z")
_PARTS = re.compile(rb"([\w.+\x80-\xff-]+)|([ \t]+)|.", re.DOTALL)
_WORD = rb"[\w.+\x80-\xff-]+"
_CRI = re.compile(rb"(?m)^(\S{20,40} (stdout|stderr) ([FP])(?::\S{1,40})? )([^\n]*)\n?")
_CUT_ESCAPE = re.compile(rb"(?<!\\)((?:\\\\)*)\\(?:u[0-9A-Fa-f]{0,3})?\Z")

_DECODER = json.JSONDecoder(strict=False)

Way = Callable[[bytes], bytes]
"""Whole lines to what is in them; nothing, at the end, to what was kept."""


class Unwrapped:
    """`read` gives the text of `source` in pieces of about the size asked for, none at the end."""

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._layers = [_Layer()]
        self._ended = False

    def read(self, size: int) -> bytes:
        while not self._ended:
            text = self._source(size)
            self._ended = not text
            at = 0
            while at < len(self._layers):
                layer = self._layers[at]
                text = layer.take(text, self._ended)
                if layer.wrapped and at + 1 == len(self._layers) < _MOST_LAYERS:
                    self._layers.append(_Layer())
                at += 1
            if text:
                return text
        return b""


class _Layer:
    """Takes off one kind of wrapping. Until it is known which, text passes as it is."""

    def __init__(self) -> None:
        self._way: Way | None = None
        self._decided = False
        self._held = b""

    @property
    def wrapped(self) -> bool:
        return self._way is not None

    def take(self, text: bytes, ended: bool) -> bytes:
        """What is within the next piece of text; the end of it may come with the next one."""
        if self._held:
            text, self._held = self._held + text, b""
        if _ESCAPE in text:
            text = self._hold(text, _CUT_COLOUR.search(text, max(0, len(text) - 40)), ended)
            text = _COLOUR.sub(b"", text)
        if b"\r" in text:
            if text.endswith(b"\r") and not ended:
                text, self._held = text[:-1], b"\r" + self._held
            text = text.replace(b"\r\n", b"\n")
        if self._decided and self._way is None:
            return text
        if not ended:
            line = text.rfind(b"\n") + 1
            if len(text) - line < _LONGEST:  # else it is no line of a log that is wrapped
                text, self._held = text[:line], text[line:] + self._held
        if not self._decided:
            self._decide(text)
        if self._way is None:
            return text
        inner = self._way(text) if text else b""
        return inner + self._way(b"") if ended else inner

    def _hold(self, text: bytes, cut: re.Match[bytes] | None, ended: bool) -> bytes:
        if cut is None or ended:
            return text
        self._held = text[cut.start() :]
        return text[: cut.start()]

    def _decide(self, text: bytes) -> None:
        """By what most of the first records stand in."""
        found: Counter[tuple[bytes, bool]] = Counter()
        first: dict[tuple[bytes, bool], bytes] = {}
        for line, head in _records(text):
            way = _form_of(line, head)
            if way is not None:
                found[way] += 1
                first.setdefault(way, line)
        if not found:
            return
        self._decided = True
        (form, is_json), _ = found.most_common(1)[0]
        if is_json:
            self._way = _Json(form, text)
        elif form:
            is_cri = _CRI.match(first[form, is_json]) is not None
            self._way = _Cri() if is_cri else _prefix(form)


def _records(text: bytes) -> Iterator[tuple[bytes, int]]:
    """The first lines in which a record begins, and where in them."""
    at = 0
    for _ in range(_VOTES):
        hit = text.find(ANCHOR, at)
        if hit < 0:
            return
        begin = text.rfind(b"\n", at, hit) + 1 or at
        end = text.find(b"\n", hit)
        end = len(text) if end < 0 else end
        opening = text.rfind(b"[", max(begin, hit - 80), hit)
        if opening >= 0 and HEAD.fullmatch(text, opening, hit):
            yield text[begin:end], opening - begin
        at = end


def _form_of(line: bytes, head: int) -> tuple[bytes, bool] | None:
    """The key of the JSON string that holds a record, and True; or the form of what stands before
    it, which may be nothing, and False. None if it cannot be told."""
    prefix = line[:head].lstrip(b"\0")
    brace = prefix.find(b"{")
    if brace >= 0:
        try:
            begins = line[head : line.find(ANCHOR, head)].decode()
            key = _key(_DECODER.decode(line[line.find(b"{") :].decode("utf-8", "replace")), begins)
        except (ValueError, RecursionError):
            key = None
        if key is not None:
            return (key.encode(), True) if brace == 0 else (_shape(prefix[:brace]), False)
    return (_shape(prefix), False) if len(prefix) <= _LONGEST_PREFIX else None


def _key(data: Any, text: str) -> str | None:
    """The key of the string that holds `text`."""
    waiting = [data]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            for key, value in one.items():
                if isinstance(value, str) and text in value:
                    return key if key.isprintable() and len(key) < 100 else None
                waiting.append(value)
    return None


def _shape(prefix: bytes) -> bytes:
    """A pattern of all prefixes that are like this one but for their words and numbers."""
    parts = []
    for part in _PARTS.finditer(prefix):
        if part[1]:
            parts.append(_WORD)
        elif part[2] and part.end() < len(prefix):
            parts.append(rb"[ \t]+")
        else:  # as many blanks as are at the end: what follows them is the program's
            parts.append(re.escape(part[0]))
    return b"".join(parts)


def _prefix(shape: bytes) -> Way:
    pattern = re.compile(b"(?m)^" + shape)
    return lambda text: pattern.sub(b"", text)


class _Pieces:
    """Long lines come in pieces, those of two streams between each other."""

    def __init__(self) -> None:
        self._begun: dict[bytes, bytes] = {}

    def add(self, stream: bytes, text: bytes, *, ends: bool) -> bytes:
        text = self._begun.pop(stream, b"") + text
        if ends or len(text) > _LONGEST:
            return text
        if len(self._begun) > _VOTES:
            self._begun.clear()
        self._begun[stream] = text
        return b""

    def rest(self) -> bytes:
        parts = list(self._begun.values())
        self._begun.clear()
        return b"".join(parts)


class _Cri:
    """`TIME stdout F text`, with P where the line goes on."""

    def __init__(self) -> None:
        self._pieces = _Pieces()

    def __call__(self, text: bytes) -> bytes:
        if not text:
            return self._pieces.rest()
        return _CRI.sub(self._piece, text)

    def _piece(self, line: re.Match[bytes]) -> bytes:
        whole = line[3] == b"F"
        end = b"\n" if whole and line[0].endswith(b"\n") else b""
        return self._pieces.add(line[2], line[4] + end, ends=whole)


class _Json:
    """A string of a JSON object, one object a line. Where it holds the end of its line itself, one
    without an end goes on in the next object."""

    def __init__(self, key: bytes, text: bytes) -> None:
        self._string = re.compile(
            rb'(?m)^[^\n]*?(?<!\\)%s[ \t]*:[ \t]*"((?:[^"\\\n]+|\\.)*+)(?:"([^\n]*)|$)\n?'
            % re.escape(json.dumps(key.decode()).encode())
        )
        strings = islice(self._string.finditer(text), _MOST_STRINGS)
        self._own_ends = any(one[1].endswith(rb"\n") for one in strings)
        self._pieces = _Pieces()

    def __call__(self, text: bytes) -> bytes:
        if not text:
            return self._pieces.rest()
        return self._string.sub(self._line, text)

    def _line(self, found: re.Match[bytes]) -> bytes:
        text = _unescaped(found[1])
        whole = found[2] is not None
        if not self._own_ends:
            return text + b"\n" if whole else text
        stream = b"stderr" if b'"stderr"' in (found[2] or b"") else b"stdout"
        return self._pieces.add(stream, text, ends=text.endswith(b"\n") or not whole)


def _unescaped(text: bytes) -> bytes:
    if b"\\" not in text:
        return text
    try:
        string = b'"' + _CUT_ESCAPE.sub(rb"\1", text) + b'"'
        whole = _DECODER.decode(string.decode("utf-8", "replace"))
    except ValueError:
        return text
    return str(whole).encode("utf-8", "replace")
