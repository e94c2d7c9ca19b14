"""A DuckDB that touches nothing but what it is given: no files, no network, no settings."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from nodemem.errors import MissingExtra

Result = TypeVar("Result")
_WAIT = 0.1


def load_duckdb() -> ModuleType:
    """Raises MissingExtra where it is not installed."""
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtra(
            "this needs DuckDB, which is not installed", next="pip install 'nodemem[sql]'"
        ) from error
    return duckdb


def connect(memory: int, allowed_path: str | None = None) -> Any:
    """A database in at most `memory` bytes, on one thread: the same question then gives its rows in
    the same order each time. `allowed_path` is the one file that it may write."""
    settings = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": f"{memory}B",
        "temp_directory": "",
        "threads": 1,
    }
    connection = load_duckdb().connect(config=settings)
    connection.execute("SET enable_progress_bar = false")
    if allowed_path is not None:
        connection.execute(f"SET allowed_paths = [{quoted(allowed_path)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def quoted(text: str) -> str:
    """`text` as SQL spells it."""
    return "'" + text.replace("'", "''") + "'"


def interruptible(connection: Any, call: Callable[[], Result]) -> Result:
    """The result of `call`, which uses `connection`. Ctrl-C ends it where DuckDB itself would go
    on to the end."""
    done: list[Result] = []
    failed: list[BaseException] = []
    # Not the thread's own join: interrupted, it takes the thread for ended (Python 3.11).
    ended = threading.Event()

    def work() -> None:
        try:
            done.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again by who waits
            failed.append(error)
        finally:
            ended.set()

    threading.Thread(target=work, daemon=True).start()
    try:
        while not ended.wait(_WAIT):
            pass
    except BaseException:
        while not ended.wait(_WAIT):
            connection.interrupt()
        raise
    if failed:
        raise failed[0]
    return done[0]
