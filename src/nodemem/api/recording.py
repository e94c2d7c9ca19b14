"""Recording a process that runs, or a program from its start."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nodemem import paths
from nodemem.capture import recorder
from nodemem.capture.recorder import Plan, Recorded
from nodemem.capture.sampler import Sampler
from nodemem.errors import TargetNotFound
from nodemem.target import binary, host
from nodemem.target import launch as launching
from nodemem.target.hold import Watch
from nodemem.target.session import Session

Wait = Callable[[float], object]

_TO_BECOME_NODE = 2.0


def record(
    pid: int,
    path: Path | str,
    *,
    every: float = 1.0,
    count: int | None = None,
    rotate: int | None = None,
    keep: int = 5,
    attached: bool = False,
    force: bool = False,
    begun: Callable[[], object] = lambda: None,
) -> Recorded:
    """Record a Node.js process to the file `path` (zstd when it ends in `.zst`) until it ends,
    `count` readings are taken, or Ctrl-C.

    A reading comes `every` so many seconds, from /proc and the control groups alone; with
    `attached` process.memoryUsage() and the heap spaces are in it too. When the file has `rotate`
    bytes a new one begins; `path.1` to `path.<keep>` are the older ones. `begun` is called once
    nothing stands in the way.

    Raises:
        TargetNotFound: there is no such process, or it is not Node.js.
        TargetError: see `attach`; only with `attached`.
        OutputExists, OutputError: the file is there already, or cannot be written.
        UsageError: a figure is out of range.
    """
    plan = Plan(Path(path), every=every, count=count, rotate=rotate, keep=keep, force=force)
    sampler = Sampler(pid)
    with contextlib.ExitStack() as stack:
        watch = stack.enter_context(Watch(pid))
        session = stack.enter_context(Session(pid)) if attached else None
        paths.refuse_existing(plan.path, force=force)
        begun()
        return recorder.record(sampler, plan, wait=watch.wait, session=session)


@dataclass(frozen=True)
class Run:
    """A program that has run. `exit_code` is its own, negative for a signal; `recorded` is None
    when it ended before it could be looked at."""

    pid: int
    exit_code: int
    recorded: Recorded | None


def run(
    program: Sequence[str],
    path: Path | str | None = None,
    *,
    every: float = 1.0,
    rotate: int | None = None,
    keep: int = 5,
    attached: bool = False,
    force: bool = False,
    started: Callable[[int, Path], object] = lambda pid, path: None,
) -> Run:
    """Run a Node.js program, e.g. `["node", "app.js"]`, to its end with our own stdin, stdout and
    stderr, and record it from the start. To be called from the main thread.

    `path` is `nodemem-<pid>.ndjson` where none is given; `started` gets the process id and the
    file. SIGINT, SIGTERM and SIGHUP reach the program.

    Raises:
        TargetNotFound: the program cannot be started, or is not Node.js.
        OutputExists, OutputError, UsageError: see `record`.
        NotPermitted: this is not Linux.
    """
    host.require_linux("to stand between a terminal and a program", instead="nodemem record PID")
    from nodemem.target.foreground import Foreground  # type: ignore[attr-defined, unused-ignore]

    chosen = Path("nodemem.ndjson" if path is None else path)
    plan = Plan(chosen, every=every, rotate=rotate, keep=keep, force=force)
    paths.refuse_existing(chosen, force=force or path is None)
    _get_to_know(program)
    process = launching.start(program)
    try:
        with Foreground(process) as foreground:
            if path is None:
                plan = replace(plan, path=Path(f"nodemem-{process.pid}.ndjson"))
            sampler = _sampler(process, foreground.wait)
            recorded = None
            if sampler is not None:
                started(process.pid, plan.path)
                recorded = _record(sampler, plan, foreground.wait, attached=attached)
            return Run(process.pid, process.wait(), recorded)
    except BaseException:
        launching.end(process)
        raise


def _get_to_know(program: Sequence[str]) -> None:
    """Search the executable for its version beforehand: a tenth of a second of the program's life
    would go unrecorded for that."""
    path = shutil.which(program[0]) if program else None
    if path is not None:
        binary.of_file(path)


def _record(sampler: Sampler, plan: Plan, wait: Wait, *, attached: bool) -> Recorded:
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(Session(sampler.pid)) if attached else None
        return recorder.record(sampler, plan, wait=wait, session=session)


def _sampler(process: subprocess.Popen[Any], wait: Wait) -> Sampler | None:
    """The program as soon as it is Node.js, None if it ends before: `env node` and shell scripts
    become it a moment after their start."""
    deadline = time.monotonic() + _TO_BECOME_NODE
    while True:
        try:
            return Sampler(process.pid)
        except TargetNotFound:
            if process.poll() is not None:
                return None
            if time.monotonic() > deadline:
                raise
            wait(0.02)
