"""Ending in good order: what was opened in the target must be closed, however we end."""

from __future__ import annotations

import signal
import threading
import types
from collections.abc import Callable
from typing import Any, TypeVar

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_taken: list[signal.Signals] = []
_users = 0

Value = TypeVar("Value")


def hold_termination() -> bool:
    """Turn SIGTERM and SIGHUP into SystemExit(128 + n) until `release_termination`, so that
    cleaning up runs; whether that was done.

    Only signals that would otherwise end us on the spot are touched, and only from the main
    thread, where Python allows it; a program's own handlers stay.
    """
    global _users
    if threading.current_thread() is not threading.main_thread():
        return False
    if _users == 0:
        for number in _SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _exit)
                _taken.append(number)
    _users += 1
    return True


def release_termination() -> None:
    """Undo one `hold_termination`; the last one gives the signals back."""
    global _users
    _users -= 1
    if _users == 0 and threading.current_thread() is threading.main_thread():
        while _taken:
            signal.signal(_taken.pop(), signal.SIG_DFL)


def to_the_end(action: Callable[[], Value], undo: Callable[[Value], object]) -> Value:
    """Run `action` without a break: Ctrl-C in the meantime lets it come to its end, calls `undo`
    with its value and is raised then."""
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["value"] = action()
        except BaseException as error:  # noqa: BLE001 - raised again below, where it belongs
            outcome["error"] = error

    thread = threading.Thread(target=run, name="nodemem-opening")
    thread.start()
    try:
        thread.join()
    except BaseException:
        thread.join()
        if "value" in outcome:
            undo(outcome["value"])
        raise
    if "error" in outcome:
        raise outcome["error"]
    value: Value = outcome["value"]
    return value


def _exit(number: int, frame: types.FrameType | None) -> None:
    raise SystemExit(128 + number)
