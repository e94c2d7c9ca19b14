"""Everything light that can be observed of a process over time, into a recording.

A reading takes a dozen small files of /proc and the control groups, of which none makes the
process wait. With a session the figures of its heap are asked for too. What costs more (smaps,
the list of active resources) is read now and then only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nodemem.capture.sampler import Sampler
from nodemem.errors import TargetError, TargetTimeout, UsageError
from nodemem.records import Marker, ProcessEnd, RotatingWriter
from nodemem.target import orderly, usage
from nodemem.target.death import Vigil
from nodemem.target.session import Session

SHORTEST = 0.01
SMALLEST_FILE = 10_000
_CLOSELY_EVERY = 10.0  # seconds between two readings that cost more, at least
_SHARE = 0.002  # of the time that these may take


@dataclass(frozen=True)
class Plan:
    """How to record: a reading `every` so many seconds, `count` of them or until it ends; a new
    file when one has `rotate` bytes, `keep` older ones besides. `force` replaces existing files.

    Raises:
        UsageError: a figure is out of range.
    """

    path: Path
    every: float = 1.0
    count: int | None = None
    rotate: int | None = None
    keep: int = 5
    force: bool = False

    def __post_init__(self) -> None:
        if self.every < SHORTEST:
            raise UsageError(
                f"a reading every {self.every:g} s is too often", next="choose 10ms or more"
            )
        if self.rotate is not None and self.rotate < SMALLEST_FILE:
            raise UsageError(
                f"{self.rotate} bytes are too few for a file", next="choose 10kB or more"
            )
        if self.keep < 1:
            raise UsageError("there is no room for older files", next="keep 1 or more")


@dataclass(frozen=True)
class Recorded:
    """A whole recording: how many readings it holds, over how many seconds. `end` is set when the
    process ended meanwhile."""

    path: Path
    samples: int
    seconds: float
    end: ProcessEnd | None


def record(
    sampler: Sampler,
    plan: Plan,
    *,
    wait: Callable[[float], object],
    session: Session | None = None,
) -> Recorded:
    """Record until the process ends, `plan.count` readings are taken, or Ctrl-C.

    `wait(seconds)` may return early when the process ends. A process that closes its inspector is
    recorded on without it.

    Raises:
        OutputExists, OutputError: see `RotatingWriter`.
    """
    holding = orderly.hold_termination()  # zstd wants its end written, also on SIGTERM
    try:
        return _Recording(sampler, plan, session).run(wait)
    finally:
        if holding:
            orderly.release_termination()


class _Recording:
    """One run of `record`."""

    def __init__(self, sampler: Sampler, plan: Plan, session: Session | None) -> None:
        self._sampler = sampler
        self._plan = plan
        self._session = session
        self._vigil = Vigil(sampler.pid)
        self._begun = time.monotonic()
        self._samples = 0
        self._next_close_look = 0.0

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._begun

    def run(self, wait: Callable[[float], object]) -> Recorded:
        plan, end, there = self._plan, None, True
        with RotatingWriter(
            plan.path,
            started=time.time(),
            head=[self._sampler.facts()],
            limit=plan.rotate,
            keep=plan.keep,
            force=plan.force,
        ) as writer:
            try:
                due = time.monotonic()
                while (there := self._read(writer)) and self._samples != plan.count:
                    due = max(due + plan.every, time.monotonic())
                    wait(due - time.monotonic())
            except KeyboardInterrupt:
                pass  # the ordinary way to end a recording
            # A big process has given its memory back some time before it counts as ended.
            if not there or not self._vigil.alive:
                end = ProcessEnd(
                    time=self._elapsed,
                    how=self._vigil.cause(),
                    exit_code=self._vigil.exit_code(),
                )
                writer.write(end)
        return Recorded(plan.path, self._samples, self._elapsed, end)

    def _read(self, writer: RotatingWriter) -> bool:
        """Take one reading; whether the process was still there."""
        begun = self._elapsed
        closely = begun >= self._next_close_look
        sample = self._sampler.sample(begun, detailed=None if closely else False)
        if sample is None:
            return False
        writer.write(sample)
        self._samples += 1
        if self._session is not None:
            self._ask(self._session, writer, closely=closely)
        if closely:
            pause = max(_CLOSELY_EVERY, (self._elapsed - begun) / _SHARE)
            self._next_close_look = self._elapsed + pause
        return True

    def _ask(self, session: Session, writer: RotatingWriter, *, closely: bool) -> None:
        """Write down what the process says of itself."""
        try:
            writer.write(usage.read_memory(session, time=self._elapsed))
            if closely and (found := usage.read_resources(session, time=self._elapsed)):
                writer.write(found)
        except TargetTimeout:
            pass  # busy; unknown for this reading
        except TargetError as error:
            self._session = None
            if self._vigil.alive:
                details = {"why": str(error)}
                writer.write(Marker(time=self._elapsed, label="detached", details=details))
