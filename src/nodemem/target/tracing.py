"""V8's trace events over the inspector's NodeTracing, which only the main thread offers."""

from __future__ import annotations

import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import msgspec

from nodemem.errors import NodememError, TargetError
from nodemem.target.session import Session

_STARTING = 5.0
_STOPPING = 10.0
_QUIET = 0.25
_ARRIVING = 0.5
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


class _InUse(msgspec.Struct, frozen=True):
    categories: Annotated[str, msgspec.Meta(max_length=10_000)] | None = None


class Trace:
    """What a process records, from the beginning of `traced` to its end."""

    def __init__(self, session: Session, categories: Sequence[str], names: set[str]) -> None:
        self._session = session
        self._what = {"traceConfig": {"includedCategories": list(categories)}}
        self._names = names
        self.recorded: Counter[int] = Counter()
        """How many events have arrived of each thread, whatever their names; `count` of all."""
        self.count = 0
        self.main: int | None = None
        """The thread that runs the program, once events have arrived."""
        self._found: deque[Any] = deque()
        self._pieces: list[bool] = []
        self._decoder = msgspec.json.Decoder(_Data)
        self._ended = False

    def cut(self, mark: Callable[[], None]) -> None:
        """Ask for what was recorded until now, which arrives a little later; see `arrived`. It goes
        on at once: the main thread runs nothing in between, workers may for a moment. `mark` is
        called before and after, to post what measures the time between.
        """
        self._pieces.clear()
        with self._session.connection.together():
            mark()
            self._session.post("NodeTracing.stop")
            self._session.post("NodeTracing.start", self._what)
            mark()

    def arrived(self) -> None:
        """Wait a moment for what was cut: among the last are the metadata."""
        until = time.monotonic() + _ARRIVING
        while not any(self._pieces) and time.monotonic() < until:
            if self._session.connection.wait_until_ended(_ARRIVING / 100):
                return

    def taken(self) -> list[Any]:
        """What has arrived since the last time, in the order of time; dicts in the trace event
        format."""
        found = [self._found.popleft() for _ in range(len(self._found))]
        return sorted(found, key=lambda event: float(event["ts"]))

    def begin(self) -> None:
        """Record from now on.

        Raises:
            TargetError: the process cannot trace, has ended, or does not answer.
        """
        self._session.call("NodeTracing.start", self._what, timeout=_STARTING)

    def end(self) -> None:
        """Stop, and wait for the rest. Never raises on account of the target."""
        if self._ended:
            return
        self._ended = True
        with contextlib.suppress(NodememError):
            self._pieces.clear()
            self._session.call("NodeTracing.stop", timeout=_STOPPING)
            self._wait()

    def collected(self, params: bytes) -> None:
        """Take one piece; called in the reading thread."""
        events = self._decoder.decode(params).value
        self.recorded.update(event.tid for event in events)
        self.count += len(events)
        for event in events:
            if event.name == "thread_name" and event.args == _MAIN:
                self.main = event.tid
            if event.name in self._names and len(self._found) < _MOST:
                self._found.append(msgspec.structs.asdict(event))
        self._pieces.append(any(event.ph == "M" for event in events))

    def _wait(self) -> None:
        """Events arrive after the process has said that tracing is over; among the last are the
        metadata."""
        until, seen, since = time.monotonic() + _STOPPING, 0, time.monotonic()
        while time.monotonic() < until and not self._session.connection.ended:
            if len(self._pieces) > seen:
                seen, since = len(self._pieces), time.monotonic()
            if any(self._pieces) and time.monotonic() - since > _QUIET:
                return
            self._session.wait(_QUIET / 5)


_MAIN = {"name": "JavaScriptMainThread"}


@contextlib.contextmanager
def traced(session: Session, categories: Sequence[str], names: set[str]) -> Iterator[Trace]:
    """Record the events of all threads that are called one of `names`, during the block.

    Raises:
        TargetError: the process cannot trace, or somebody else does already: their file would get
            our events, too.
    """
    in_use = session.ask("tracing", _InUse)
    if in_use.categories is not None:
        raise TargetError(
            f"{session.name} records trace events already",
            why=f"of {in_use.categories[:100]}",
        )
    trace = Trace(session, categories, names)
    with session.on("NodeTracing.dataCollected", trace.collected):
        trace.begin()
        session.undo_with("NodeTracing.stop")
        try:
            yield trace
        finally:
            trace.end()
            session.done_with("NodeTracing.stop")
