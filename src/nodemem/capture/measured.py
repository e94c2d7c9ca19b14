"""What a snapshot has cost its process, seen from outside."""

from __future__ import annotations

import time

from nodemem.target import procfs

_EVERY = 0.05  # seconds from one look to the next


class Watch:
    """Watches process `pid` (None: out of sight) from now on; `look` is to be called often.

    The kernel keeps the peak of a process's resident memory, and would begin anew if it were told
    to. But the program itself may read that peak, so it is left alone: it tells what we want to
    know if it rises; where it was higher before, what `look` saw must do, which is at most a little
    lower, since a snapshot's memory stays until its end.
    """

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        status = None if pid is None else procfs.status(pid)
        self._before = None if status is None else status.rss
        self._peak = None if status is None else status.peak
        self._most = self._before
        self._looked = time.monotonic()
        self._cpu = None if pid is None else procfs.thread_cpu_seconds(pid)

    def look(self) -> None:
        """Look again, if the last time is long enough ago."""
        now = time.monotonic()
        if now - self._looked >= _EVERY:
            self._looked = now
            self._see()

    def extra_rss(self) -> int | None:
        """Bytes of resident memory at the peak above what there was at the beginning."""
        peak = self._see()
        if self._before is None or self._most is None:
            return None
        if peak is not None and self._peak is not None and peak > self._peak:
            self._most = max(self._most, peak)
        return max(0, self._most - self._before)

    def main_thread_cpu(self) -> float | None:
        """Seconds of processor time that the main thread has used meanwhile."""
        now = None if self._pid is None else procfs.thread_cpu_seconds(self._pid)
        return None if now is None or self._cpu is None else now - self._cpu

    def _see(self) -> int | None:
        status = None if self._pid is None else procfs.status(self._pid)
        if status is None:
            return None
        if status.rss is not None:
            self._most = max(self._most or 0, status.rss)
        return status.peak
