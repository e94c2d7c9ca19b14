"""Ending in good order: what was opened in the target must be closed, however we end."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

if sys.platform == "win32":
    _SIGNALS: tuple[signal.Signals, ...] = (signal.SIGTERM,)
else:
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


def in_thread(action: Callable[[], object], name: str) -> threading.Event:
    """Run `action` in a thread of its own, for whose end the interpreter waits; the event tells
    that it is done. So a Ctrl-C ends our waiting, not the action.

    The event is to be waited for, not the thread: until Python 3.13 a `join` that is interrupted
    takes the thread for ended, and the interpreter then leaves without it.
    """
    done = threading.Event()

    def run() -> None:
        try:
            action()
        finally:
            done.set()

    with _signals_later():
        threading.Thread(target=run, name=name, daemon=False).start()
    return done


def to_the_end(action: Callable[[], Value], undo: Callable[[Value], object]) -> Value:
    """Run `action` without a break: Ctrl-C in the meantime lets it come to its end, calls `undo`
    with its value and is raised then. A second Ctrl-C is raised at once; both still run."""
    outcome: dict[str, Any] = {}

    def act() -> None:
        try:
            outcome["value"] = action()
        except BaseException as error:  # noqa: BLE001 - raised again below, where it belongs
            outcome["error"] = error

    def take_back(acted: threading.Event) -> None:
        acted.wait()
        if "value" in outcome:
            undo(outcome["value"])

    acted: threading.Event | None = None
    try:
        with _signals_later():  # or one might come before we know that it runs
            acted = in_thread(act, "nodemem-opening")
        acted.wait()
    except BaseException:
        if acted is not None:
            in_thread(lambda: take_back(acted), "nodemem-undoing").wait()
        raise
    if "error" in outcome:
        raise outcome["error"]
    value: Value = outcome["value"]
    return value


@contextlib.contextmanager
def _signals_later() -> Iterator[None]:
    """Signals that would end us and come during the block are dealt with at its end."""
    if sys.platform == "win32":  # where none can be put off
        yield
    else:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *_SIGNALS})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _exit(number: int, frame: types.FrameType | None) -> None:
    raise SystemExit(128 + number)
