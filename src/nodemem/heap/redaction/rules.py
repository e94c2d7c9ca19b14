"""Which strings of a snapshot stay, and what becomes of the others.

Everything goes but what is on the list here: names that V8, Node.js or the program's code gave.
"""

from __future__ import annotations

import re
from typing import Literal

from nodemem.errors import UsageError
from nodemem.heap.engine.snapshot import Snapshot
from nodemem.heap.redaction.tokens import Tokens
from nodemem.heap.redaction.usage import (
    IN_CODE,
    INTERNAL,
    KEPT,
    LABEL,
    NUMERIC,
    PROPERTY,
    VARIABLE,
)

Names = Literal["code", "all", "none"]
"""Which names of properties stay: those that code names, all, or none."""

_CONSTANT = frozenset(
    {"", "<dummy>", "__proto__", "(concatenated string)", "(sliced string)", "heap number"}
    | {"smi number", "symbol", "bigint", "int", "bool"}
)
_LONGEST = 256
_INTERNAL = re.compile(r"[\w$ ./:()<>#@\[\]%,*+-]{0,128}", re.ASCII)
_PAIR = re.compile(
    r"([0-9]+ / part of key \()(.*?)( @([0-9]+)\) -> value \()(.*?)"
    r"( @([0-9]+)\) pair in WeakMap \(table @[0-9]+\))"
)
_LINE_END = re.compile("[\n\r\u2028\u2029]")
_OVERFLOWN = "part of key (%s @%u) -> value (%s @%u) pair in WeakMap (table @%u)"
_PROPERTY = re.compile(r"((?:[gs]et )?)([A-Za-z_$#][\w$]{0,63})", re.ASCII)
_SYMBOL = re.compile(r"<symbol [\w$ .#:/-]{0,64}>|<symbol>", re.ASCII)
_URL = re.compile(r"(.*?[a-z][a-z0-9+.-]*://)([^/?#\s]*@)?([^?#]*)(.*)", re.DOTALL)
_ELEMENT = re.compile(r"((?:Detached )?<[\w:-]+)( .*)?(>?)", re.DOTALL)
_SPECIAL = frozenset(",'\"{}\\") | frozenset(map(chr, range(32)))
"""Characters that decide how the shape of a plain object is spelled, and with it what is counted
as one class: they stay in names of properties."""


class Rules:
    """For one snapshot. `in_code` are the texts of properties that code names.

    Raises:
        UsageError: `names` is none of the three.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        tokens: Tokens,
        in_code: frozenset[str],
        *,
        names: Names,
        numbers: bool,
    ) -> None:
        if names not in ("code", "all", "none"):
            raise UsageError(f"names is 'code', 'all' or 'none', not {names!r}")
        self._snapshot, self._tokens, self._in_code = snapshot, tokens, in_code
        self._names, self._numbers = names, numbers
        self._values = frozenset(
            code
            for code, name in enumerate(snapshot.header.meta.node_types)
            if name in ("string", "regexp", "symbol", "concatenated string", "sliced string")
        )

    def replaced(self, text: str, usage: int) -> str:
        """What stands in place of a string; the same text where it stays."""
        if text in _CONSTANT or usage & KEPT or (usage & NUMERIC and self._numbers):
            return text
        if usage & INTERNAL:
            pair = self._pair(text)
            if pair is not None:
                return pair
            if _INTERNAL.fullmatch(text):
                return text
        if usage & (LABEL | VARIABLE):
            return self._label(text)
        if usage & PROPERTY:
            return text if self._is_name(text, usage) else self._tokens.token(text, keep=_SPECIAL)
        return self._tokens.token(text)

    def _is_name(self, text: str, usage: int) -> bool:
        if self._names != "code":
            return self._names == "all"
        if _SYMBOL.fullmatch(text):
            return True
        found = _PROPERTY.fullmatch(text)
        if found is None:
            return False
        return usage & IN_CODE != 0 or (found[1] != "" and found[2] in self._in_code)

    def _label(self, text: str) -> str:
        """Names of classes, functions, variables, scripts: without what a URL says beside the
        path, and without the attributes of elements."""
        if len(text) > _LONGEST or not text.isprintable() or text.startswith("data:"):
            return self._tokens.token(text)
        if found := _URL.fullmatch(text):
            begin, user, path, rest = found.groups(default="")
            return begin + self._tokens.token(user) + path + self._tokens.token(rest)
        if found := _ELEMENT.fullmatch(text):
            begin, attributes, end = found.groups(default="")
            blank = " " if attributes else ""
            return begin + blank + self._tokens.token(attributes[1:].removesuffix(end)) + end
        return text

    def _pair(self, text: str) -> str | None:
        """The name of a WeakMap's entry, which quotes the names of key and value."""
        found = None if _LINE_END.search(text) else _PAIR.fullmatch(text)
        if found is None:
            return text if re.fullmatch(r"[0-9]+ / " + re.escape(_OVERFLOWN), text) else None
        before, key, between, key_id, value, after, value_id = found.groups()
        return "".join(
            [before, self._quoted(key, key_id), between, self._quoted(value, value_id), after]
        )

    def _quoted(self, text: str, node_id: str) -> str:
        try:
            ordinal = self._snapshot.ordinal(int(node_id))
        except UsageError:
            return self._tokens.token(text)
        if self._snapshot.columns.types[ordinal] in self._values and text not in _CONSTANT:
            return self._tokens.token(text)
        return self._label(text)
