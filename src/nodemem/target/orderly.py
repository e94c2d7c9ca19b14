"""Ending in good order: a request to terminate becomes an exception, so that cleaning up runs."""

from __future__ import annotations

import contextlib
import signal
import threading
import types
from collections.abc import Iterator

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def termination_as_exit() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SystemExit(128 + n) during the block.

    Only signals that would otherwise end us on the spot are touched, and only from the main
    thread, where Python allows it; a program's own handlers stay.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _exit)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _exit(number: int, frame: types.FrameType | None) -> None:
    raise SystemExit(128 + number)
