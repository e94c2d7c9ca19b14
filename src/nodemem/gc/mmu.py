"""Minimum mutator utilisation: in the worst window of a length, the share of time that was the
program's. Cheng and Blelloch, "A parallel, real-time garbage collector", PLDI 2001.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Mmu:
    """For one length of window, in seconds. Pauses are given in the order of their beginnings;
    memory grows with the number of pauses in a window.

    The worst window ends with a pause: from a window that ends between pauses one can go back, and
    from one that ends inside of a pause on to that pause's end, and lose none of what was paused.
    """

    def __init__(self, window: float) -> None:
        self.window = window
        self._pauses: deque[tuple[float, float]] = deque()  # within one window of the last end
        self._paused = 0.0  # their sum
        self._last_end = float("-inf")
        self._worst = 0.0

    def add(self, pauses: Iterable[tuple[float, float]]) -> None:
        """Beginnings and ends, seconds. What overlaps the one before counts once."""
        recent, paused, last, worst = self._pauses, self._paused, self._last_end, self._worst
        window = self.window
        for pause in pauses:
            begin, end = pause
            if begin < last:
                begin = last
                pause = begin, end
            if end <= begin:
                continue
            last = end
            recent.append(pause)
            paused += end - begin
            start = end - window
            while recent[0][1] <= start:
                first = recent.popleft()
                paused -= first[1] - first[0]
            if paused > worst:
                worst = max(worst, paused - max(0.0, start - recent[0][0]))
        self._paused, self._last_end, self._worst = paused, last, worst

    def utilization(self, begin: float, end: float) -> float | None:
        """Over all that was seen from `begin` to `end`, seconds; None if no window fits in."""
        if end - begin < self.window:
            return None
        return min(1.0, max(0.0, 1.0 - self._worst / self.window))
