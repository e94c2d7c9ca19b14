"""`attach` and `launch`: one live Node.js process to ask."""

from __future__ import annotations

import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from nodemem.capture.collect import CollectedAll, Which, collect
from nodemem.capture.forecast import Forecast
from nodemem.capture.gc import watch
from nodemem.capture.snapshot import SnapshotFile, forecast_isolate, take_snapshot
from nodemem.errors import TargetError, TargetNotFound
from nodemem.records import GcEvent, GcWatch, MemorySample, ProcessFacts
from nodemem.results import SILENT, Progress
from nodemem.target import cgroup, usage
from nodemem.target import launch as launching
from nodemem.target.session import Session


class Node:
    """An attached Node.js process. A context manager: at its end the process is as it was found.

    Ids of heap objects stay the same across the snapshots that one `Node` takes, so they can be
    compared; another tool that detaches meanwhile breaks that (V8 then numbers anew).
    """

    def __init__(self, session: Session, process: subprocess.Popen[Any] | None = None) -> None:
        self._session = session
        self._begun = time.monotonic()
        self.process = process
        """The program that `launch` started; None after `attach`."""

    @property
    def pid(self) -> int | None:
        """Its process id on this host; None if it runs elsewhere."""
        return self._session.pid

    @property
    def version(self) -> str:
        """Node.js release, e.g. `v22.20.0`."""
        return self._session.version

    @property
    def name(self) -> str:
        """What to call it in messages: its pid, else its address."""
        return self._session.name

    @property
    def opened_inspector(self) -> bool:
        """Whether its inspector was closed before we came, so that leaving closes it again."""
        return self._session.endpoint.opened

    @property
    def inspector_url(self) -> str:
        """The `ws://` address at which debuggers reach it. Who knows it can run code there."""
        return self._session.endpoint.url

    @property
    def warnings(self) -> list[str]:
        """Text keys of what could not be left as it was found; complete after `close`."""
        return self._session.warnings

    @property
    def elapsed(self) -> float:
        """Seconds since we attached: the clock of the samples."""
        return time.monotonic() - self._begun

    def facts(self) -> ProcessFacts:
        """Who it is, for the head of a recording."""
        identity, pid = self._session.identity, self.pid
        return ProcessFacts(
            pid=identity.pid if pid is None else pid,
            version=identity.version,
            script=identity.argv[1] if len(identity.argv) > 1 else None,
            argv=[*identity.argv[:1], *identity.exec_argv, *identity.argv[1:]],
            limit=None if pid is None else cgroup.memory(pid).limit,
        )

    def memory_usage(self) -> MemorySample:
        """process.memoryUsage() with the heap limit and every heap space, in bytes. `rss` is that
        of the process, the rest of its main thread; worker threads stand apart in `workers`.

        Raises:
            TargetError: the process ended, or does not answer.
        """
        return usage.read_memory(self._session, time=self.elapsed)

    def heap_statistics(self) -> dict[str, int]:
        """v8.getHeapStatistics() as this release spells it, in bytes and counts.

        Raises:
            TargetError: the process ended, or does not answer.
        """
        return self.memory_usage().statistics

    def watch(self, interval: float = 1.0, *, count: int | None = None) -> Iterator[MemorySample]:
        """A sample now and then one every `interval` seconds: `count` of them, or until the caller
        stops. A sample that is late does not shift the next ones.

        Raises:
            TargetError: the process ended, or does not answer.
        """
        due = time.monotonic()
        taken = 0
        while count is None or taken < count:
            self._session.wait(due - time.monotonic())
            yield self.memory_usage()
            taken += 1
            due = max(due + interval, time.monotonic())

    def watch_gc(
        self,
        seconds: float | None = None,
        *,
        every: float = 1.0,
        workers: bool = True,
        stop: threading.Event | None = None,
    ) -> Iterator[list[GcEvent | GcWatch]]:
        """The collections of the main thread and of all workers as they happen, in the order of
        time: about `every` second what is new, for `seconds`, until `stop` is set or until the
        caller stops; at the end
        a `GcWatch` for each isolate. Times count from the beginning. While `workers` are watched,
        `memory_usage` must not be asked for.

        Kinds, pauses, the heap in use, why each ran and how long its thread used the processor come
        from V8's trace events; heap spaces and what was promoted they do not tell. Where trace
        events are in use already, perf_hooks tells kinds and pauses; then there are no causes and
        no sizes.

        Raises:
            TargetError: the process ended, or does not answer.
        """
        return watch(self._session, seconds, every=every, workers=workers, stop=stop)

    def step_aside(self) -> None:
        """If we opened the inspector, move it to a free port, so that another process with the same
        one can be attached to as well. Before anything else is asked.

        Raises:
            TargetError: it does not open there.
        """
        self._session.step_aside()

    def collect(self, which: Which = "major", *, worker: int | None = None) -> CollectedAll:
        """Run one `minor` or `major` collection in the main thread and in each worker thread, one
        after another, or only in that `worker` (0: the main thread), and see what they free.

        Raises:
            TargetNotFound: there is no such worker.
            TargetError: the process ended, or its event loop is busy for more than a minute.
        """
        return collect(self._session, which, worker=worker)

    def collect_garbage(self) -> None:
        """Run a full garbage collection, so that what follows counts live objects only.

        Raises:
            TargetError: the process ended, or its event loop is busy for more than a minute.
        """
        self._session.call("HeapProfiler.collectGarbage", timeout=60.0)

    def forecast_snapshot(self, folder: Path | str = ".") -> Forecast:
        """What a heap snapshot of the main thread into `folder` would cost: ranges, estimated. Its
        `basis` says on what they rest.

        Raises:
            TargetError: the process ended, or does not answer.
        """
        return forecast_isolate(self._session, self._session, self.memory_usage(), Path(folder))

    def take_heap_snapshot(
        self,
        path: Path | str,
        *,
        worker: int | None = None,
        numeric: bool = False,
        internals: bool = False,
        force: bool = False,
        progress: Progress = SILENT,
        announce: Callable[[Forecast], object] | None = None,
    ) -> SnapshotFile:
        """Stream the heap of the main thread to the file `path`, mode 0600, whole or not at all:
        until it is complete it is `<path>.partial`. A name that ends in `.gz` or `.zst` gets it
        compressed. The program stands still meanwhile.

        `worker` is the `threadId` of a worker thread whose heap is wanted instead; only that
        thread stands still then. `numeric` puts the values of numbers into the file, which can
        double its cost; `internals` names the fields of V8's own objects.

        `announce` gets the forecast first; `force` replaces an existing file and goes on where
        the forecast does not fit.

        Raises:
            OutputExists, OutputError: the file is there already, or cannot be written.
            TargetNotFound: there is no such worker.
            UnsafeTarget: by the forecast it may not fit the container's limit, the machine's memory
                or the disk.
            TargetError: the process ended (with the reason, if known), or does not answer.
        """
        return take_snapshot(
            self._session,
            Path(path),
            worker=worker,
            numeric=numeric,
            internals=internals,
            force=force,
            progress=progress,
            announce=announce,
        )

    def hold(self) -> None:
        """Keep the inspector open for other tools until the caller is interrupted. `close` then
        closes it, if it was closed before, even while they use it.

        Raises:
            TargetLost: the process ended, or somebody else closed its inspector.
        """
        self._session.opens_for_others = True
        self._session.wait(None)
        self._session.call("Runtime.evaluate", {"expression": "0"}, doing="its inspector was open")

    def close(self) -> None:
        """Leave the process as it was found; end it if `launch` started it. Never raises on
        account of the process."""
        self._session.close()
        if self.process is not None:
            launching.end(self.process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def attach(target: int | str) -> Node:
    """Attach to a live Node.js process: a process id, `host:port` of an open inspector, or its
    `ws://...` URL.

    The inspector of a local process is opened if it is closed, and then closed again by `close`,
    which also runs at the end of a `with` block, on Ctrl-C, SIGTERM and any exception.

    Raises:
        TargetNotFound, NotPermitted, UnsafeTarget, TargetError: with the reason, and what to do.
        UsageError: the text names no process.
    """
    return Node(Session(target))


def launch(
    program: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
) -> Node:
    """Start a Node.js program, e.g. `["node", "app.js"]`, and attach to it. `close` ends it.

    `env` and `cwd` are as in subprocess.Popen; `stdout` and `stderr` too, and are inherited when
    not given.

    Raises:
        TargetNotFound: the program cannot be started, or is not Node.js.
        TargetError: see `attach`.
    """
    process = launching.start(program, env=env, cwd=cwd, stdout=stdout, stderr=stderr)
    try:
        return Node(Session(process.pid), process)
    except BaseException as error:
        code = process.poll()
        launching.end(process)
        if isinstance(error, TargetError) and code is not None:
            raise TargetNotFound(
                f"{program[0]} ended before it could be attached to",
                why=f"its exit code is {code}",
                next=f"run it by itself first: {shlex.join(program)}",
            ) from error
        raise
