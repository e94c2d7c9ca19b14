"""Finding: one conclusion with its evidence, without prose."""

from __future__ import annotations

from typing import Any

import msgspec


class Where(msgspec.Struct, frozen=True):
    """A place in the user's program; line and column count from 1. `path` is a retaining path."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    path: str | None = None

    def __str__(self) -> str:
        if self.file is None:
            return self.path or ""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return place if self.line is None or self.column is None else f"{place}:{self.column}"


class Evidence(msgspec.Struct, frozen=True):
    """One observation: what (a text key), its value and unit, and which observation it is from."""

    label: str
    value: Any
    unit: str | None = None
    source: str | None = None


class Finding(msgspec.Struct, frozen=True):
    """A conclusion. `id` is the key of its texts in every language, which `params` fill.

    `saving_bytes` is what acting on it would free, `saving_error` the error of that in bytes;
    `confidence` is 0..1; `next` is the command to run.
    """

    id: str
    params: dict[str, Any] = {}
    where: Where = Where()
    evidence: tuple[Evidence, ...] = ()
    saving_bytes: int | None = None
    saving_error: int | None = None
    confidence: float = 0.0
    next: str | None = None
    tip: str | None = None
