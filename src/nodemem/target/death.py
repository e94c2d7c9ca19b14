"""Why a process that we were using is no longer there, as far as an outsider can know."""

from __future__ import annotations

import os
import signal
import sys
import time

from nodemem.errors import TargetLost
from nodemem.target import cgroup, procfs

_SETTLE = 1.0


class Vigil:
    """Remembers what identifies a process and what is known now, to explain its end later."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._started = procfs.start_ticks(pid)
        self._oom_kills = cgroup.memory(pid).oom_kills
        self._groups = cgroup.memory_groups(pid)
        self.leaving = False
        """Set when the process has announced that it comes to its end in the ordinary way."""

    @property
    def alive(self) -> bool:
        """Whether the very same process still runs; a zombie does not."""
        status = procfs.status(self.pid)
        return (
            status is not None
            and status.state not in "ZX"
            and procfs.start_ticks(self.pid) == self._started
        )

    def lost(self, doing: str) -> TargetLost:
        """The error to raise when the connection ended while we were `doing` something."""
        deadline = time.monotonic() + _SETTLE
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.02)  # the socket closes a moment before the process is gone
        if self.alive and not self.leaving:
            return TargetLost(
                f"process {self.pid} closed its inspector while {doing}",
                why="the program or another tool closed it; the process itself still runs",
                next=f"nodemem ps, then try again with {self.pid}",
            )
        return TargetLost(
            f"process {self.pid} ended while {doing}",
            why=self.cause(),
            next="nodemem ps shows the Node.js processes that run now",
        )

    def cause(self) -> str:
        """Why the process, which has ended, did so: a clause to follow "process 7 ended:"."""
        code = self.exit_code()
        kills = cgroup.oom_kills(self._groups)
        if kills is not None and self._oom_kills is not None and kills > self._oom_kills:
            return "the kernel killed it: its container (cgroup) ran out of memory"
        if code is None:
            if self.leaving:
                return "the program came to its end (process.exit, or nothing was left to do)"
            return "its exit code is known to its parent process only; see the log of the service"
        if code >= 0:
            return f"it exited with code {code}"
        number = -code
        names = {one.value: one.name for one in signal.Signals if not one.name.startswith("SIGRT")}
        name = names.get(number, f"signal {number}")
        if name == "SIGABRT":
            return "it aborted (SIGABRT), as Node.js does when its heap limit is reached"
        if name == "SIGKILL":
            return "it was killed by SIGKILL: by a person, a supervisor or the kernel out of memory"
        return f"it was killed by {name}"

    def exit_code(self) -> int | None:
        """Its exit code, negative for a signal; None unless it was our child.

        It is looked at without collecting it, which the owner will do.
        """
        if sys.platform != "linux":
            return None
        deadline = time.monotonic() + _SETTLE
        seen = None
        while seen is None:  # a big process is a zombie for a while before it can be waited for
            try:
                seen = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except OSError:
                return None
            if seen is None and time.monotonic() > deadline:
                return None
            time.sleep(0 if seen else 0.02)
        return seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status
