"""Strings from snapshots and processes, made safe to show.

A heap holds whatever users sent to the server: terminal escapes, line breaks, text that reorders
what stands beside it. They are shown as escapes and never act.
"""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # parts of ordinary words and emoji
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""`text` with control, format and surrogate characters as `\n`, `\x1b`, `\u202e`."""
    if text.isprintable():
        return text
    return "".join(char if _harmless(char) else _escape(char) for char in text)


def _harmless(char: str) -> bool:
    return char.isprintable() or char in _JOINERS or unicodedata.category(char) == "Zs"


def _escape(char: str) -> str:
    code = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
