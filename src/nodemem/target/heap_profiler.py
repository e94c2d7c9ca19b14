"""The inspector's HeapProfiler: a heap snapshot as a stream of bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

import msgspec

from nodemem.errors import NodememError, TargetError, TargetTimeout
from nodemem.target import procfs
from nodemem.target.isolate import Isolate

_TAKING = "its heap snapshot was taken"
_ASK_AFTER = 2.0  # seconds without any sign before we look whether the snapshot has begun
_STALLED = 120.0
_LOOK_EVERY = 5.0
_BEGINNING = b'{"snapshot":'
# A snapshot takes up to some 3 times the heap, as measured; what goes on beyond this has no end.
_TIMES_THE_HEAP = 32
_ALWAYS_GRANTED = 1 << 30


class _Chunk(msgspec.Struct):
    chunk: str


_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]


class _Objects(msgspec.Struct):
    done: _Count
    total: _Count


class _HeapUsage(msgspec.Struct, rename="camel"):
    total_size: Annotated[float, msgspec.Meta(ge=0, le=1 << 53)]


class Stream:
    """One snapshot being taken of `isolate`. `write` gets the file's bytes in order, `objects`
    (done, total) as V8 walks the heap. Both run in the reading thread; what they raise ends the
    snapshot.

    `waited` is how long, in seconds, the event loop was busy before V8 began; `paused` says that
    the program had to be paused in its loop to let it begin.
    """

    def __init__(
        self,
        isolate: Isolate,
        write: Callable[[bytes], object],
        objects: Callable[[int, int], object],
        *,
        numeric: bool = False,
        internals: bool = False,
    ) -> None:
        self._isolate = isolate
        self._options = {"captureNumericValue": numeric, "exposeInternals": internals}
        self._write = write
        self._objects = objects
        self._chunk = msgspec.json.Decoder(_Chunk)
        self._begun = False
        self._sign = time.monotonic()
        self._cpu: float | None = None
        self._looked = -_LOOK_EVERY
        self._ask_after = _ASK_AFTER
        self._end = b""
        self._size = 0
        self._largest = _ALWAYS_GRANTED
        self.waited = 0.0
        self.paused = False

    def run(self) -> None:
        """Take the snapshot; returns when all of it was written.

        Raises:
            TargetLost: the process ended meanwhile, with the reason as far as it is known.
            TargetTimeout: nothing has happened for two minutes.
            TargetError: the stream ended before the snapshot did, has no end, or is none.
        """
        self._largest += int(_TIMES_THE_HEAP * self._heap_size())
        self._started = self._sign = time.monotonic()
        on = self._isolate.on
        with self._isolate.while_it_sends(), ExitStack() as stack:
            stack.enter_context(on("HeapProfiler.addHeapSnapshotChunk", self._on_chunk))
            stack.enter_context(on("HeapProfiler.reportHeapSnapshotProgress", self._on_progress))
            self._isolate.call(
                "HeapProfiler.takeHeapSnapshot",
                {"reportProgress": True, **self._options},
                timeout=None,
                check=lambda: self._check(stack),
                doing=_TAKING,
            )
        if self._end != b"]}":
            raise TargetError(
                f"{self._isolate.name} sent a heap snapshot without its end",
                next="take it again",
            )

    def _heap_size(self) -> float:
        usage = self._isolate.call("Runtime.getHeapUsage")
        try:
            return msgspec.convert(usage, _HeapUsage).total_size
        except msgspec.ValidationError as error:
            what = f"{self._isolate.name} does not say how large its heap is"
            raise TargetError(what, why=str(error)) from error

    def _on_chunk(self, params: bytes) -> None:
        data = self._chunk.decode(params).chunk.encode()
        if self._size == 0 and not data.startswith(_BEGINNING):
            raise TargetError(
                f"what {self._isolate.name} sends is no heap snapshot",
                why=f"it begins with {data[:20]!r}",
                next="nodemem ps shows the Node.js processes of this host",
            )
        self._size += len(data)
        if self._size > self._largest:
            raise TargetError(
                f"the heap snapshot of {self._isolate.name} does not come to an end",
                why=f"{self._size >> 20} MiB are too many for the heap that it says it has",
                next="nodemem ps shows the Node.js processes of this host",
            )
        self._write(data)
        self._end = (self._end + data[-2:])[-2:]
        self._seen()

    def _on_progress(self, params: bytes) -> None:
        event = msgspec.json.decode(params, type=_Objects)
        self._objects(event.done, event.total)
        self._seen()

    def _seen(self) -> None:
        self._sign = time.monotonic()
        if not self._begun:
            self._begun = True
            self.waited = self._sign - self._started if self.paused else 0.0

    def _check(self, stack: ExitStack) -> None:
        """Called while we wait: the snapshot may not have begun, or nothing may move any more."""
        silent = time.monotonic() - self._sign
        if not self.paused and not self._begun and silent > self._ask_after:
            self._ask_after = silent + _ASK_AFTER
            if self._program_runs() and not self._begun:
                self.paused = True
                stack.enter_context(self._paused())
                return
        if silent > _STALLED and not self._uses_cpu():
            raise TargetTimeout(
                f"{self._isolate.name} has sent nothing for {silent:.0f} s",
                why="it is stopped, or waits for something outside",
                next="look at its state with nodemem ps, then try again",
            )

    def _program_runs(self) -> bool:
        """Whether JavaScript is running: it answers between two steps of its loop, while V8
        answers nothing once the snapshot has begun."""
        try:
            self._isolate.call("Runtime.evaluate", {"expression": "0"}, timeout=0.5)
        except TargetTimeout:
            return False
        return True

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """Stop the program in its loop: from Node.js 22 on V8 takes no snapshot inside one."""
        self._isolate.undo_with("Debugger.disable")
        self._isolate.call("Debugger.enable")
        self._isolate.call("Debugger.pause")
        try:
            yield
        finally:
            try:
                self._isolate.call("Debugger.resume")
                self._isolate.call("Debugger.disable")
            except NodememError:
                pass  # the program has ended; leaving tries once more
            else:
                self._isolate.done_with("Debugger.disable")

    def _uses_cpu(self) -> bool:
        """Whether it has used the processor since the last look, a few seconds ago; True until
        there are two looks to compare."""
        if self._isolate.pid is None:
            return False
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY:
            return True
        self._looked = now
        before, self._cpu = self._cpu, procfs.cpu_seconds(self._isolate.pid)
        return self._cpu is not None and (before is None or self._cpu > before + 0.1)
