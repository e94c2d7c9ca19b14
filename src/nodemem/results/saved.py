"""What nodemem printed as JSON, read again from a file that anybody may have written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from nodemem import portable
from nodemem.errors import InputError
from nodemem.results.envelope import SCHEMA_VERSION

MOST = 64 << 20
"""Bytes of the largest file that is read."""

Data = TypeVar("Data")
_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Saved(msgspec.Struct):
    schema: str
    data: msgspec.Raw
    subject: dict[str, Any] = {}


def read(path: Path, command: str, kind: type[Data]) -> tuple[dict[str, Any], Data]:
    """Subject and data of a file that `nodemem <command> --json` wrote, the data as `kind`. What it
    has besides is left out, as a later version of the same schema may have more.

    Raises:
        InputError: it cannot be read, is something else, is damaged, or needs a newer nodemem.
    """
    saved = _decode(path, _bytes(path), command)
    try:
        return saved.subject, msgspec.json.decode(saved.data, type=kind)
    except _MALFORMED as error:
        raise InputError(f"{path} is damaged", why=_short(error)) from error


def _decode(path: Path, raw: bytes, command: str) -> _Saved:
    how = f"nodemem {command} PID --json -o FILE writes one"
    try:
        saved = msgspec.json.decode(raw, type=_Saved)
    except _MALFORMED as error:
        raise InputError(
            f"{path} is no saved {command}",
            why=f"it is not JSON of nodemem: {_short(error)}",
            next=how,
        ) from error
    found = re.fullmatch(r"nodemem/([a-z-]{1,40})@(\d{1,6})", saved.schema)
    if found is None or found[1] != command:
        raise InputError(
            f"{path} is no saved {command}",
            why=f"it says to be '{saved.schema[:80]}'",
            next=how,
        )
    if int(found[2]) > SCHEMA_VERSION:
        raise InputError(
            f"{path} was written by a newer nodemem",
            why=f"its form is {saved.schema}, this version reads up to @{SCHEMA_VERSION}",
            next="pip install --upgrade nodemem",
        )
    return saved


def _bytes(path: Path) -> bytes:
    try:
        with open(portable.open_file(path), "rb") as file:
            raw = file.read(MOST + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {path}", why=why) from error
    if raw is None:  # nothing to read from a pipe now
        raise InputError(f"cannot read {path}", why="it is no regular file")
    if len(raw) > MOST:
        raise InputError(f"{path} is too large", why=f"it has more than {MOST >> 20} MiB")
    return raw


def _short(error: Exception) -> str:
    return str(error)[:200]
