"""Numbers that V8 writes as the names of references."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[0-9]{1,10}")


def entry_number(name: str | int) -> int | None:
    """The place in a table that a reference's name says; None when it is no such number."""
    return int(name) if _NUMBER.fullmatch(str(name)) else None
