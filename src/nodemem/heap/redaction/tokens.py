"""Tokens: what stands in place of a text."""

from __future__ import annotations

import hashlib
import string as alphabet

_LETTERS = alphabet.ascii_letters
_ANY = alphabet.ascii_letters + alphabet.digits
_FIRST_WIDE, _WIDE = 0x4E00, 0x5000
"""Chinese characters: a text with any beyond U+00FF takes two bytes a character in V8, and its
token has to as well."""
_SHORT = 5
_TRIES = 64
_MOST_SHORT = 1_000_000


class Tokens:
    """Equal texts have equal tokens, as long as the text (in UTF-16 units), made of letters and
    digits. Without `key`, a secret of 32 bytes, nobody can tell of which text a token is.

    Texts of up to five characters get tokens of their own as long as there are some; for longer
    ones that is beyond chance.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._short: dict[str, str] = {}
        self._taken: set[str] = set()

    def token(self, text: str, *, keep: frozenset[str] = frozenset()) -> str:
        """The token for `text`; characters of `keep` stay where they are."""
        if not text:
            return ""
        length = len(text) + sum(char > "\uffff" for char in text)
        short = length <= _SHORT
        made = self._short_token(text, length) if short else self._made(text, length, 0)
        if keep and not keep.isdisjoint(text) and length == len(text):
            made = "".join(old if old in keep else new for old, new in zip(text, made, strict=True))
        return made

    def take(self, text: str) -> None:
        """No token shall be `text`, which stays in the file."""
        if len(text) <= _SHORT:
            self._taken.add(text)

    def _short_token(self, text: str, length: int) -> str:
        if text in self._short:
            return self._short[text]
        for attempt in range(_TRIES):
            made = self._made(text, length, attempt)
            if made not in self._taken:
                break
        if len(self._short) < _MOST_SHORT:
            self._short[text] = made
            self._taken.add(made)
        return made

    def _made(self, text: str, length: int, attempt: int) -> str:
        digest = hashlib.blake2b(
            text.encode("utf-8", "surrogatepass"), key=self._key, salt=bytes([attempt])
        ).digest()
        # A letter first: digits alone would be taken for the number of an element.
        made = _LETTERS[digest[0] % len(_LETTERS)]
        made += "".join([_ANY[byte % len(_ANY)] for byte in digest[1 : min(length, 48)]])
        if length > len(made):
            made = (made * (length // len(made) + 1))[:length]
        if any(char > "\xff" for char in text):
            wide = chr(_FIRST_WIDE + int.from_bytes(digest[48:50], "little") % _WIDE)
            made = wide + made[1:]
        return made
