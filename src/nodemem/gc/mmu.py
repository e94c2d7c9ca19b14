"""Minimum mutator utilisation: in the worst window of a length, the share of time that was the
program's. Cheng and Blelloch, "A parallel, real-time garbage collector", PLDI 2001.
"""

from __future__ import annotations

from collections import deque


class Mmu:
    """For one length of window, in seconds. Pauses are given in the order of their beginnings;
    memory grows with the number of pauses in a window.

    The worst window ends with a pause or begins with one: between, sliding it makes it no worse.
    """

    def __init__(self, window: float) -> None:
        self.window = window
        self._pauses: deque[tuple[float, float]] = deque()  # within one window of the last end
        self._paused = 0.0  # their sum
        self._opened: deque[tuple[float, float]] = deque()  # (beginning, paused before it)
        self._before = 0.0  # all pauses so far
        self._last_end = float("-inf")
        self._worst = 0.0

    def add(self, begin: float, end: float) -> None:
        """One pause, seconds. What overlaps the one before counts once."""
        begin = max(begin, self._last_end)
        if end <= begin:
            return
        self._close(begin)
        self._opened.append((begin, self._before))
        self._before += end - begin
        self._last_end = end
        self._pauses.append((begin, end))
        self._paused += end - begin
        start = end - self.window
        while self._pauses[0][1] <= start:
            first = self._pauses.popleft()
            self._paused -= first[1] - first[0]
        cut = max(0.0, start - self._pauses[0][0])
        self._worst = max(self._worst, self._paused - cut)

    def _close(self, now: float) -> None:
        """Windows that began with a pause and were over before `now`."""
        while self._opened and self._opened[0][0] + self.window <= now:
            begin, before = self._opened.popleft()
            beyond = max(0.0, self._last_end - (begin + self.window))
            self._worst = max(self._worst, self._before - beyond - before)

    def utilization(self, begin: float, end: float) -> float | None:
        """Over all that was seen from `begin` to `end`, seconds; None if no window fits in."""
        if end - begin < self.window:
            return None
        self._close(float("inf"))
        return min(1.0, max(0.0, 1.0 - self._worst / self.window))
