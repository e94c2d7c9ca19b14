"""Watching the collections of one isolate: a probe that stays a while and is asked for news."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from nodemem.errors import NodememError, TargetError
from nodemem.target import probe
from nodemem.target.isolate import Isolate

LEASE = 30.0  # seconds after our last sign of life
_GROUP = "nodemem-gc"

_Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
_Time = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """What perf_hooks tells of a collection, milliseconds on the clock of performance.now()."""

    start: _Time
    duration: _Time
    kind: int
    flags: int


class News(msgspec.Struct, frozen=True):
    """All since the last time, in order. `now` is performance.now() of the target, in milliseconds;
    `timeline` is what has to be added to it, in microseconds, for the clock of trace events.

    `lost` counts collections that nobody took in time; `spent` is how many milliseconds asking has
    taken in the target before, `interruptions` when each began that was between two marks, and how
    long it took. `tid` is the kernel's number of the thread, where that can be read.
    """

    now: _Time
    timeline: _Time
    thread: int
    entries: list[Entry]
    lost: _Size
    spent: _Time
    interruptions: Annotated[list[tuple[_Time, _Time]], msgspec.Meta(max_length=10_000)]
    tid: _Size | None = None


class GcProbe:
    """Watches one isolate from its making until `end`. It is asked no longer than `timeout` seconds
    for each answer. With `entries`, perf_hooks tells times; each collection costs the more for it.

    Raises:
        TargetError: the probe cannot be started there.
    """

    def __init__(self, isolate: Isolate, *, entries: bool, timeout: float = 20.0) -> None:
        self._isolate = isolate
        self._timeout = timeout
        answer = isolate.call(
            "Runtime.evaluate",
            {
                "expression": f"{probe.source('gc')}({LEASE}, {str(entries).lower()})",
                "objectGroup": _GROUP,
                "includeCommandLineAPI": not isolate.loads,
                "silent": True,
            },
            timeout=timeout,
        )
        found = answer.get("result", {}) if isinstance(answer, dict) else {}
        self._object = found.get("objectId")
        if self._object is None or "exceptionDetails" in answer:
            raise TargetError(
                f"the collections of {isolate.name} cannot be watched",
                why=str(answer.get("exceptionDetails", {}).get("text", "no answer"))[:300],
                next="read its log instead: node --trace-gc, then nodemem gc LOG",
            )

    def take(self) -> News:
        """What has happened since the last time.

        Raises:
            TargetError: the isolate ended, or does not answer as the probe would.
        """
        answer = self._call("take()", timeout=self._timeout)
        value = answer.get("result", {}).get("value") if isinstance(answer, dict) else None
        try:
            return msgspec.json.decode(value or "", type=News)
        except (msgspec.DecodeError, TypeError) as error:
            raise TargetError(
                f"what {self._isolate.name} tells of its collections cannot be read",
                why=str(error)[:300],
            ) from error

    def mark(self) -> None:
        """Call it before and after something that interrupts the isolate: the next news say how
        long that took."""
        self._isolate.post("Runtime.callFunctionOn", self._function("mark()"))

    def end(self) -> None:
        """Stop watching, and leave nothing behind. Never raises on account of the target."""
        try:
            self._call("end()", timeout=3.0)
            self._isolate.call("Runtime.releaseObjectGroup", {"objectGroup": _GROUP}, timeout=3.0)
        except NodememError:
            pass  # it has ended, or the lease will run out

    def _call(self, what: str, *, timeout: float) -> Any:
        return self._isolate.call(
            "Runtime.callFunctionOn",
            self._function(what),
            timeout=timeout,
            doing="its collections were watched",
        )

    def _function(self, what: str) -> dict[str, Any]:
        return {
            "objectId": self._object,
            "functionDeclaration": f"function () {{ return this.{what}; }}",
            "silent": True,
            "returnByValue": True,
        }
