"""nodemem usage TARGET"""

from __future__ import annotations

import contextlib
import shlex
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodemem.cli._frame import Output, verb
from nodemem.cli._live import attached, subject_of
from nodemem.cli._overview import is_recording, show_recording
from nodemem.cli._tree import show_usage

if TYPE_CHECKING:
    from nodemem.api.node import Node
    from nodemem.records import MemorySample
    from nodemem.results import Table

_HISTORY = 40


@verb(
    "usage",
    output=False,
    example=[
        "nodemem usage 4242",
        "nodemem usage 127.0.0.1:9229 --json",
        "nodemem usage 4242 --watch 5s --count 12 -o day.ndjson.zst",
        "nodemem usage 4242 --tree",
        "nodemem usage day.ndjson.zst",
    ],
)
@click.argument("target", metavar="PID|HOST:PORT|URL|RECORDING")
@click.option(
    "--tree", is_flag=True, help="Also the processes that it has started, one after another"
)
@click.option(
    "--watch",
    is_flag=False,
    flag_value="",
    metavar="INTERVAL",
    help="Print a line per interval until Ctrl-C  [interval: the setting, 1s]",
)
@click.option("--count", type=click.IntRange(min=1), help="Stop after this many lines")
@click.option(
    "-o",
    "--output",
    "recording",
    type=click.Path(path_type=Path),
    help="Keep the samples in this recording (.ndjson, or .ndjson.zst)",
)
@click.option("--force", is_flag=True, help="Replace an existing recording")
def command(
    out: Output,
    target: str,
    tree: bool,
    watch: str | None,
    count: int | None,
    recording: Path | None,
    force: bool,
) -> int | None:
    """Show process.memoryUsage() of a running Node.js process, with its heap limit, every heap
    space and its workers.

    The inspector of the process is opened if it is closed, and closed again afterwards. Of a
    recording it shows how each figure began, went and ended.
    """
    from nodemem import paths
    from nodemem.errors import UsageError
    from nodemem.units import parse_duration

    watching = watch is not None or count is not None
    if watching and out.format not in ("text", "json"):
        raise UsageError(
            f"usage --watch prints lines, not {out.format}", next="leave --format, or take --json"
        )
    if is_recording(target):
        if watching or tree or recording is not None:
            raise UsageError(
                "a recording is shown as a whole", next=f"nodemem usage {shlex.quote(target)}"
            )
        show_recording(out, Path(target))
        return None
    if tree:
        if watching or recording is not None:
            raise UsageError(
                "usage --tree asks each process once",
                next="nodemem ps --tree, then for each process: nodemem record PID -o FILE",
            )
        return show_usage(out, target)
    interval = parse_duration(watch or out.config.interval)
    if recording is not None:
        paths.refuse_existing(recording, force=force)
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(attached(out, target))
        keep = stack.enter_context(_recorder(node, recording, force=force))
        if watching:
            with contextlib.suppress(KeyboardInterrupt):  # the ordinary way to end watching
                _watch(out, node, interval, count, keep)
        else:
            sample = node.memory_usage()
            keep(sample)
            _show(out, node, sample)
    if recording is not None:
        out.note(f"wrote {recording}")
    return None


def _watch(out: Output, node: Node, interval: float, count: int | None, keep: Any) -> None:
    from nodemem.render import sparkline

    heap: deque[float] = deque(maxlen=_HISTORY)
    for sample in node.watch(interval, count=count):
        keep(sample)
        if out.json:
            out.line(out.envelope(sample.to_data(), subject_of(node)).rstrip("\n"))
            continue
        heap.append(float(sample.heap_used))
        line = out.texts(
            "usage.line",
            time=sample.time,
            rss=sample.rss,
            used=sample.heap_used,
            total=sample.heap_total,
            limit=sample.heap_limit,
            external=sample.external,
        )
        out.line(f"{line}  {sparkline(list(heap))}")


def _show(out: Output, node: Node, sample: MemorySample) -> None:
    if out.json:
        out.emit(spaces_table(sample), subject=subject_of(node), data=sample.to_data())
        return
    out.emit(spaces_table(sample), subject=subject_of(node))
    if sample.workers and out.format == "text":
        out.line("\n" + out.text(workers_table(sample)).rstrip("\n"))


@contextlib.contextmanager
def _recorder(node: Node, path: Path | None, *, force: bool) -> Any:
    """A function that keeps a sample; it does nothing where no recording is wanted."""
    if path is None:
        yield lambda sample: None
        return
    import time

    from nodemem.records import RecordingWriter

    with RecordingWriter(path, started=time.time() - node.elapsed, force=force) as writer:
        writer.write(node.facts())
        yield writer.write


def spaces_table(sample: MemorySample) -> Table:
    """The heap spaces, under the figures of process.memoryUsage()."""
    from nodemem.results import Column, Table

    return Table(
        columns=(
            Column("space", role="name"),
            Column("used", unit="bytes"),
            Column("size", unit="bytes"),
            Column("available", unit="bytes"),
            Column("physical", unit="bytes"),
        ),
        records=[
            (space.name, space.used, space.size, space.available, space.physical)
            for space in sample.spaces
        ],
        summary={
            "rss": sample.rss,
            "heap_total": sample.heap_total,
            "heap_used": sample.heap_used,
            "heap_limit": sample.heap_limit,
            "external": sample.external,
            "array_buffers": sample.array_buffers,
        },
    )


def workers_table(sample: MemorySample) -> Table:
    """The worker threads, each with its own heap."""
    from nodemem.results import Column, Table

    return Table(
        columns=(
            Column("worker", role="name"),
            Column("heap_used", unit="bytes"),
            Column("heap_total", unit="bytes"),
            Column("heap_limit", unit="bytes"),
            Column("external", unit="bytes"),
            Column("array_buffers", unit="bytes"),
        ),
        records=[
            (
                one.title or f"worker {one.id}",
                one.heap_used,
                one.heap_total,
                one.heap_limit,
                one.external,
                one.array_buffers,
            )
            for one in sample.workers
        ],
    )
