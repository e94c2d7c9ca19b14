"""Waiting beside a process: for its end, and for the signals that are meant for it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from types import TracebackType
from typing import Any, Self

_FROM_KERNEL = 128  # SI_KERNEL: a key pressed in the terminal, which all of the foreground gets
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Watch:
    """Waits for a process that is not our child. A context manager.

    Where the kernel has no pidfd (before 5.3) it only waits for the time to pass.
    """

    def __init__(self, pid: int) -> None:
        try:
            self._fd: int | None = os.pidfd_open(pid)
        except OSError:
            self._fd = None

    def wait(self, seconds: float) -> None:
        """Return when the process has ended, at the latest after `seconds`."""
        if self._fd is None:
            time.sleep(max(0.0, seconds))
            return
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.poll(max(0.0, seconds) * 1000)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._fd is not None:
            os.close(self._fd)


class Foreground:
    """Our child as the program in the foreground: what is sent to us ends it, not us.

    SIGINT, SIGTERM and SIGHUP are handed on, but not those that the terminal has sent to both of
    us: a program that gets Ctrl-C twice gives up without tidying. A context manager, to be used
    from the main thread after the child was started, so that it does not inherit our mask.
    """

    def __init__(self, process: subprocess.Popen[Any]) -> None:
        self._process = process
        self._awaited = {*_FORWARDED, signal.SIGCHLD}

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
