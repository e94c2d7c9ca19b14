"""A hold on a process: what is sent through it cannot reach another one that got its number; and
waiting for its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from types import TracebackType
from typing import Self

from nodemem.target.told import Hold, portable


@portable
def take_hold(pid: int) -> Hold:
    """Take hold of a process. Raises OSError: there is no such process."""
    if sys.platform == "linux":
        return _Held(os.pidfd_open(pid))
    raise ProcessLookupError


class _Held:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def ended(self) -> bool:
        return bool(select.select([self._descriptor], [], [], 0)[0])

    def send(self, number: int) -> None:
        if sys.platform == "linux":
            signal.pidfd_send_signal(self._descriptor, number)

    def close(self) -> None:
        os.close(self._descriptor)


class Watch:
    """Waits for a process that is not our child. A context manager.

    Where there is no pidfd (Linux before 5.3, other systems) it only waits for the time to pass.
    """

    def __init__(self, pid: int) -> None:
        self._fd: int | None = None
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._fd = os.pidfd_open(pid)

    def wait(self, seconds: float) -> None:
        """Return when the process has ended, at the latest after `seconds`."""
        if sys.platform != "linux" or self._fd is None:
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
