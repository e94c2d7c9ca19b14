"""How often the sizes of collections are told, so that telling costs little."""

from __future__ import annotations

import time

SHARE = 0.005  # of the time, or of the processor time where that is more
EVENT = 3e-6
"""Seconds of processor time that a trace event takes in the process, about: see bench/gc."""
_WINDOW = 0.25  # seconds
_LONGEST = 10.0  # seconds without sizes


class Pace:
    """Sizes are told of every collection while that costs less than `SHARE`; where it would cost
    more, for `_WINDOW` seconds at a time, and so rarely that it does not. `sizes` says whether they
    are told now."""

    def __init__(self) -> None:
        self.sizes = True
        self._pause = 0.0
        self._begun = False
        self._since = time.monotonic()

    def wait(self, every: float) -> float:
        """Seconds until isolates are to be asked again."""
        if not self.sizes:
            return self._pause
        return every if self._begun and not self._pause else min(every, _WINDOW)

    def sizes_next(self) -> bool:
        """Whether sizes are to be told after isolates have been asked now."""
        return not self.sizes or self._pause == 0.0

    def spent(self, events: int, cpu: float) -> None:
        """Isolates have been asked. Take in how many events were recorded since the last time, and
        how long the program used the processor, in seconds."""
        self._begun = True
        now = time.monotonic()
        lasted, self._since = now - self._since, now
        told, self.sizes = self.sizes, self.sizes_next()
        if told and lasted > 0:
            share = events * EVENT / max(cpu, lasted)
            self._pause = min(_LONGEST, max(0.0, lasted * (share / SHARE - 1)))
