"""Waiting beside a child of ours: for its end, and for the signals that are meant for it. Linux has
what that takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import TracebackType
from typing import Any, Self

assert sys.platform == "linux"

_FROM_KERNEL = 128  # SI_KERNEL: a key pressed in the terminal, which all of the foreground gets


class Foreground:
    """Our child as the program in the foreground: what is sent to us ends it, not us.

    SIGINT, SIGTERM and SIGHUP are handed on, but not those that the terminal has sent to both of
    us: a program that gets Ctrl-C twice gives up without tidying. A context manager, to be used
    from the main thread after the child was started, so that it does not inherit our mask.
    """

    def __init__(self, process: subprocess.Popen[Any]) -> None:
        self._process = process
        self._awaited = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}

    def wait(self, seconds: float) -> None:
        """Return when the child has ended, at the latest after `seconds`."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            news = signal.sigtimedwait(self._awaited, left)
            if news is None:
                return
            if news.si_signo == signal.SIGCHLD:
                if self._ended():
                    return
            elif news.si_code != _FROM_KERNEL and not self._ended():
                os.kill(self._process.pid, news.si_signo)

    def _ended(self) -> bool:
        """Whether the child has; its exit code stays to be asked for."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, flags) is not None

    def __enter__(self) -> Self:
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._awaited)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.returncode is not None or self._ended():
            # What came at the last moment was meant for the child, which is gone.
            while signal.sigtimedwait(self._awaited, 0) is not None:
                pass
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
