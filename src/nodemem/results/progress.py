"""How long work reports on itself, whoever listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives phases of a long job. `total` and `done` are in `unit`; a total may be unknown.

    A listener may raise to cancel: the job lets the exception pass and leaves nothing behind.
    """

    def phase(self, name: str, total: int | None = None, unit: str = "bytes") -> None: ...

    def update(self, done: int) -> None: ...


class _Silent:
    def phase(self, name: str, total: int | None = None, unit: str = "bytes") -> None:
        pass

    def update(self, done: int) -> None:
        pass


SILENT: Progress = _Silent()
