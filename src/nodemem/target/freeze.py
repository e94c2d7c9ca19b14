"""All threads of a process held still for a moment, in a way that the kernel undoes if we die.

ptrace's SEIZE and INTERRUPT, not SIGSTOP: a supervisor sees nothing, a shell takes no job back, and
what the kernel has stopped for us goes on the moment our process is gone, however it goes. ptrace
belongs to one thread of ours, so a thread does all of it; it lets go after a fixed time, whatever
the rest of us does meanwhile. How it works: ptrace(2), "Attaching and detaching".
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import sys
import threading
import time
from typing import Self

from nodemem.errors import NotPermitted, TargetError, TargetTimeout
from nodemem.target import procfs
from nodemem.target.address_space import lost, reason

AT_MOST = 5.0
"""Seconds after which a process goes on, whatever we are at."""

_STOPS_WITHIN = 1.0
_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000
_EVENT = 0x100  # from here on a stop is an event of ptrace, below it is a signal to be handed on


class Frozen:
    """Holds all threads of process `pid` in a `with` statement, `at_most` seconds.

    Entering it raises:
        NotPermitted: we may not, or a debugger is there already.
        TargetLost: it ended.
        TargetTimeout: a thread did not stop in time, as one that waits for a dead disk.
    """

    def __init__(self, pid: int, *, at_most: float = AT_MOST) -> None:
        self.pid = pid
        self.held = 0.0
        self._at_most = at_most
        self._stopped, self._release = threading.Event(), threading.Event()
        self._error: TargetError | None = None
        self._thread = threading.Thread(target=self._hold, daemon=True)

    @property
    def let_go_early(self) -> bool:
        """Whether the time was over before the `with` statement was."""
        return self.held >= self._at_most

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._stopped.wait()
        except BaseException:
            self._let_go()
            raise
        if self._error is not None:
            self._let_go()
            raise self._error
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go()

    def _let_go(self) -> None:
        self._release.set()
        self._thread.join()

    def _hold(self) -> None:
        threads: dict[int, int] = {}  # those seized, and the signal to hand on to each
        begun = time.monotonic()
        try:
            self._stop_all(threads)
        except TargetError as error:
            self._error = error
        else:
            self._stopped.set()
            self._release.wait(max(0.0, begun + self._at_most - time.monotonic()))
        finally:
            for tid, signal in threads.items():
                with contextlib.suppress(OSError):
                    _ptrace(_DETACH, tid, signal)
            self.held = time.monotonic() - begun
            self._stopped.set()

    def _stop_all(self, threads: dict[int, int]) -> None:
        """Seize and stop all threads, those too that are made meanwhile."""
        deadline = time.monotonic() + _STOPS_WITHIN
        while True:
            fresh = [tid for tid in procfs.thread_ids(self.pid) if tid not in threads]
            if not fresh:
                break
            for tid in fresh:
                self._seize(tid, threads)
            for tid in fresh:
                if tid in threads:
                    threads[tid] = self._wait(tid, deadline)
        if not threads:
            raise lost(self.pid)

    def _seize(self, tid: int, threads: dict[int, int]) -> None:
        try:
            _ptrace(_SEIZE, tid)
            threads[tid] = 0
            _ptrace(_INTERRUPT, tid)
        except OSError as error:
            if error.errno == errno.ESRCH:
                threads.setdefault(tid, 0)  # it has ended; not to be tried again
                return
            raise NotPermitted(
                f"process {self.pid} may not be frozen",
                why="a debugger holds it" if procfs.is_traced(self.pid) else reason(self.pid),
                next="leave --freeze out, end the debugger, or run nodemem with sudo",
            ) from error

    def _wait(self, tid: int, deadline: float) -> int:
        """Wait until a thread stops; the signal that it was about to get, 0 for none.

        We only look: the status of a child of ours is left for whoever waits for it.
        """
        if sys.platform != "linux":
            return 0
        look = os.WNOHANG | os.WNOWAIT | os.WSTOPPED | os.WEXITED | _WALL
        while True:
            try:
                seen = os.waitid(os.P_PID, tid, look)
            except ChildProcessError:
                return 0  # it has ended
            if seen is not None:
                is_signal = seen.si_code == os.CLD_TRAPPED and seen.si_status < _EVENT
                return seen.si_status if is_signal else 0
            if time.monotonic() > deadline:
                raise TargetTimeout(
                    f"a thread of process {self.pid} does not stop",
                    why="it waits for something that cannot be interrupted",
                    next="leave --freeze out",
                )
            time.sleep(0.0002)


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    return libc


def _ptrace(request: int, tid: int, data: int = 0) -> None:
    if _libc().ptrace(request, tid, None, data or None) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
