"""What can be asked of one isolate, be it that of the main thread or of a worker thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from nodemem.target.channel import Handler


class Isolate(Protocol):
    """See `Session` for the main thread's; `WorkerThread` is that of a worker."""

    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int | None: ...

    @property
    def version(self) -> str: ...

    @property
    def loads(self) -> bool: ...

    def call(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        timeout: float | None = 10.0,
        check: Callable[[], None] | None = None,
        doing: str = "we were attached",
    ) -> Any: ...

    def post(self, method: str, params: dict[str, Any] | None = None) -> None: ...

    def ask(self, name: str, shape: type[Any], *, timeout: float = 10.0) -> Any: ...

    def on(self, event: str, handler: Handler) -> AbstractContextManager[None]: ...

    def while_it_sends(self) -> AbstractContextManager[None]: ...

    def forget_console(self) -> None: ...

    def undo_with(self, method: str) -> None: ...

    def done_with(self, method: str) -> None: ...
