"""The one frame around everything that is printed as JSON."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from nodemem.results.table import Truncated

SCHEMA_VERSION = 1


class Envelope(msgspec.Struct, frozen=True):
    """`schema` is `nodemem/<command>@<version>`; within one version fields are only added.

    `subject` says what was looked at (pid, file, versions); `data` is the result itself.
    """

    schema: str
    nodemem: str
    subject: dict[str, Any]
    data: Any
    warnings: list[str] = []
    truncated: Truncated | None = None


def envelope(
    command: str,
    *,
    subject: dict[str, Any],
    data: Any,
    warnings: list[str] | tuple[str, ...] = (),
    truncated: Truncated | None = None,
) -> Envelope:
    """Frame `data`, the result of `command` (`ps`, `heap-classes`, ...)."""
    from nodemem import __version__

    return Envelope(
        schema=f"nodemem/{command}@{SCHEMA_VERSION}",
        nodemem=__version__,
        subject=subject,
        data=data,
        warnings=list(warnings),
        truncated=truncated,
    )


def to_json(value: Any, *, indent: int | None = None) -> bytes:
    """JSON bytes of an envelope or of any result; the same input gives the same bytes."""
    try:
        raw = msgspec.json.encode(value)
    except UnicodeEncodeError:
        # The name of a file need not be text; escaped, it can be read back (os.fsencode).
        raw = json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()
    return msgspec.json.format(raw, indent=indent) if indent else raw
