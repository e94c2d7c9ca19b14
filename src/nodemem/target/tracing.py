"""V8's trace events over the inspector's NodeTracing, which only the main thread offers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from nodemem.errors import NodememError
from nodemem.target.session import Session

_STOPPING = 10.0
_QUIET = 0.25
_MOST = 1_000_000


class _Event(msgspec.Struct, frozen=True):
    """One event; fields as in the trace event format."""

    name: str = ""
    ph: str = ""
    pid: int = 0
    tid: int = 0
    ts: float = 0.0
    tts: float = 0.0
    dur: float = 0.0
    tdur: float = 0.0
    args: Any = None


class _Data(msgspec.Struct):
    value: list[_Event] = []


@contextlib.contextmanager
def traced(session: Session, categories: list[str], names: set[str]) -> Iterator[list[Any]]:
    """Collect the events of all threads that are called one of `names`, during the block. The list
    that it yields, dicts in the trace event format, is complete after the block.

    Raises:
        TargetError: the process does not trace, or somebody else does already.
    """
    found: list[Any] = []
    decoder = msgspec.json.Decoder(_Data)
    pieces: list[bool] = []

    def collected(params: bytes) -> None:
        events = decoder.decode(params).value
        for event in events:
            if event.name in names and len(found) < _MOST:
                found.append(msgspec.structs.asdict(event))
        pieces.append(any(event.ph == "M" for event in events))

    with session.on("NodeTracing.dataCollected", collected):
        session.call("NodeTracing.start", {"traceConfig": {"includedCategories": categories}})
        session.undo_with("NodeTracing.stop")
        try:
            yield found
        finally:
            with contextlib.suppress(NodememError):
                session.call("NodeTracing.stop", timeout=_STOPPING)
                session.done_with("NodeTracing.stop")
                _wait(session, pieces)


def _wait(session: Session, pieces: list[bool]) -> None:
    """Events arrive after the process has said that tracing is over; among the last are the
    metadata."""
    until, seen, since = time.monotonic() + _STOPPING, 0, time.monotonic()
    while time.monotonic() < until:
        if len(pieces) > seen:
            seen, since = len(pieces), time.monotonic()
        if any(pieces) and time.monotonic() - since > _QUIET:
            return
        session.wait(_QUIET / 5)
