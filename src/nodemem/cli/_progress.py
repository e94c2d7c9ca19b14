"""Progress of long work on stderr: a moving line on a terminal, one line a phase elsewhere."""

from __future__ import annotations

import sys
import time

from nodemem.units import format_bytes, format_count, format_duration

_REDRAW = 0.1
_ETA_AFTER = 3.0


class StderrProgress:
    """Listens to a job (see `results.Progress`)."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._moving = self._stream.isatty()
        self._name = ""
        self._total: int | None = None
        self._bytes = True
        self._begun = self._drawn = 0.0

    def phase(self, name: str, total: int | None = None, unit: str = "bytes") -> None:
        self.finish()
        self._name, self._total, self._bytes = name, total, unit == "bytes"
        self._begun = time.monotonic()
        self._drawn = 0.0
        if self._moving:
            self.update(0)
        else:
            amount = f" ({self._amount(total)})" if total else ""
            self._stream.write(f"{name}{amount}\n")
            self._stream.flush()

    def update(self, done: int) -> None:
        now = time.monotonic()
        if not self._moving or now - self._drawn < _REDRAW:
            return
        self._drawn = now
        elapsed = now - self._begun
        parts = [self._name]
        if self._total:
            parts.append(f"{self._amount(done)} of {self._amount(self._total)}")
        elif done:
            parts.append(self._amount(done))
        if done and elapsed > 0.5:
            parts.append(f"{self._amount(done / elapsed)}/s")
        if self._total and done and elapsed > _ETA_AFTER:
            parts.append(f"{format_duration(elapsed * (self._total - done) / done)} left")
        self._stream.write("\r\x1b[K" + ", ".join(parts))
        self._stream.flush()

    def finish(self) -> None:
        """Clear the moving line, so that a result can follow."""
        if self._moving and self._name:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
        self._name = ""

    def _amount(self, n: float) -> str:
        return format_bytes(n) if self._bytes else format_count(n)
