"""Work side by side: kernels run without the interpreter's lock."""

from __future__ import annotations

import threading
from _thread import start_new_thread
from collections.abc import Callable
from typing import Generic, TypeVar

from nodemem import portable

T = TypeVar("T")


def threads_for(size: int) -> int:
    """How many threads pay for `size` bytes or items. For few millions none but one."""
    return min(2, portable.processors()) if size >= 4_000_000 else 1


class Aside(Generic[T]):
    """Work that is done in a thread of its own, from now on."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._done = threading.Event()
        # What the work holds on to is not ours to keep, so it is the thread's alone.
        held = [work]
        del work
        # Not threading.Thread: its start waits, and who is interrupted there never gets to wait.
        start_new_thread(self._run, (held,))

    def _run(self, held: list[Callable[[], T]]) -> None:
        try:
            self._results.append(held.pop()())
        except BaseException as error:  # noqa: BLE001 (raised again by join)
            self._error = error
        finally:
            self._done.set()

    def join(self) -> T:
        """Wait until it is done; what it gave. Raises what it raised."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._results[0]

    def wait(self) -> None:
        """Wait until it is done, however that ended.

        An interrupt (Ctrl-C) is raised when it is done and not before: whoever is interrupted lets
        go of files and memory that the work still uses.
        """
        interrupt: BaseException | None = None
        while not self._done.is_set():
            try:
                self._done.wait()
            except BaseException as error:  # noqa: BLE001 (raised below)
                interrupt = error
        if interrupt is not None:
            raise interrupt


def side_by_side(first: Callable[[], object], *others: Callable[[], object]) -> None:
    """Do all of these, each in a thread, the first in this one; back when all are done. Raises what
    the first of them raised that raised anything."""
    asides = [Aside(work) for work in others]
    try:
        first()
    finally:
        for aside in asides:
            aside.wait()
    for aside in asides:
        aside.join()
