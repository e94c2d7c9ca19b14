"""One thing that was looked at, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["ok", "warn", "fail"]
"""`warn` is what takes something away, `fail` what makes the command of no use."""


@dataclass(frozen=True)
class Check:
    """`reason` says what was found, with the figures in `values` (bytes, seconds, names): the text
    is `doctor.<name>.<reason>`. `fix` is a command to run or to begin from, None if there is none.
    """

    name: str
    status: Status
    reason: str
    values: dict[str, Any] = field(default_factory=dict)
    fix: str | None = None
