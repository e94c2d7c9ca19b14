"""nodemem gc PID|LOG...|RECORDING"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodemem.cli._frame import Output, verb

if TYPE_CHECKING:
    from nodemem.api.gc import GcReport
    from nodemem.api.node import Node
    from nodemem.capture.collect import Which
    from nodemem.results import Table

_LATE = 2.0  # seconds after its time until it is said what is waited for


@verb(
    "gc",
    example=[
        "nodemem gc 4242 --for 30s",
        "nodemem gc 4242 --for 30s --tree",
        "nodemem gc 4242 --collect",
        "nodemem gc app.log",
        "nodemem gc app.log --json",
        "nodemem gc app.log --csv -o collections.csv",
        "nodemem gc app.log -o gc.html",
    ],
)
@click.argument("targets", nargs=-1, required=True, metavar="PID|LOG...|RECORDING")
@click.option(
    "--for", "duration", metavar="TIME", help="Watch the process so long  [default: until Ctrl-C]"
)
@click.option(
    "--tree", is_flag=True, help="Also the processes that it has started, all at the same time"
)
@click.option(
    "--record",
    "recording",
    type=click.Path(path_type=Path),
    help="Keep the collections that are watched in this recording (.ndjson, or .ndjson.zst)",
)
@click.option(
    "--collect",
    is_flag=False,
    flag_value="major",
    type=click.Choice(["major", "minor"]),
    help="Run one collection in each thread, major if not said, and show what it freed",
)
@click.option(
    "--worker",
    type=click.IntRange(min=0),
    help="With --collect: only in this worker thread; 0 is the main thread",
)
@click.option("--events", is_flag=True, help="One row a collection, instead of the figures")
@click.option("--csv", "as_csv", is_flag=True, help="Same as --format csv: one row a collection")
def command(
    out: Output,
    targets: tuple[str, ...],
    duration: str | None,
    tree: bool,
    recording: Path | None,
    collect: Which | None,
    worker: int | None,
    events: bool,
    as_csv: bool,
) -> int | None:
    """Show what the garbage collector did: pauses, rates, survival, and what triggered it.

    A PID is watched while it runs. The inspector of the process is opened if it is closed, and
    closed again afterwards; nothing stays behind in the process.

    LOG is what node --trace-gc, --trace-gc-nvp or --trace-gc-verbose wrote, alone or between the
    program's own output, from any Node.js; trace events; what v8.GCProfiler returned; or a
    recording. Several files are parts of one log; - is standard input.
    """
    from nodemem.errors import UsageError

    if as_csv:
        out.format = "csv"
    live = len(targets) == 1 and not _is_log(targets[0])
    _check(live, targets, duration, tree, recording, collect)
    if tree and (collect is not None or recording is not None):
        raise UsageError(
            "gc --tree watches, and keeps no recording",
            next="nodemem ps --tree names the processes; ask each by itself",
        )
    if worker is not None and collect is None:
        raise UsageError("--worker goes with --collect", next="all threads are watched")
    if collect is not None:
        _collect(out, targets[0], collect, worker)
    elif live and tree:
        return _watch_tree(out, targets[0], duration, events)
    elif live:
        _watch(out, targets[0], duration, recording, events)
    else:
        _read(out, targets, events)
    return None


def _is_log(name: str) -> bool:
    """Whether it is a file or a pipe, as `<(zcat app.log.gz)` makes one."""
    return name == "-" or Path(name).is_file() or Path(name).is_fifo()


def _check(live: bool, targets: tuple[str, ...], *options: Any) -> None:
    """
    Raises:
        UsageError: the options do not go together.
        InputError: what looks like a file is not there.
    """
    from nodemem.errors import InputError, UsageError

    if not live:
        if any(options):
            raise UsageError(
                "a file is read as it is",
                why="--for, --tree, --record and --collect are for a process",
                next=f"nodemem gc {targets[0]}",
            )
        return
    name = targets[0]
    if "/" in name.removeprefix("ws://").split("/")[0] or name.endswith(
        (".log", ".json", ".ndjson")
    ):
        raise InputError(f"cannot read {name}", why="there is no such file")


def _read(out: Output, targets: tuple[str, ...], events: bool) -> None:
    from nodemem.api.gc import read_gc_logs, summarize_gc_logs

    subject = {"files": list(targets)}
    if events or out.format not in ("text", "json"):
        table = read_gc_logs(targets)
        _emit_events(out, table, subject)
        if unreadable := table.summary["unreadable_lines"]:
            out.note(out.texts("gc.unreadable", count=unreadable))
        return
    report = summarize_gc_logs(targets, progress=out.progress)
    out.progress.finish()
    _show(out, report, subject, title=", ".join(targets))


def _watch(
    out: Output,
    target: str,
    duration: str | None,
    recording: Path | None,
    events: bool,
) -> None:
    from nodemem import paths
    from nodemem.api.gc import watch_gc
    from nodemem.cli._live import attached, subject_of
    from nodemem.gc.table import events_table
    from nodemem.records import GcEvent
    from nodemem.units import parse_duration

    seconds = None if duration is None else parse_duration(duration)
    if recording is not None:
        paths.refuse_existing(recording, force=out.force)
    kept: list[GcEvent] = []
    listing = events or out.format not in ("text", "json")
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(attached(out, target))
        keep = stack.enter_context(_recorder(node, recording, force=out.force))

        def take(event: Any) -> None:
            keep(event)
            if listing and isinstance(event, GcEvent):
                kept.append(event)

        out.note(out.texts("gc.watching", name=node.name))
        with _said_when_late(out, seconds):
            report = watch_gc(node, seconds, keep=take)
        subject = subject_of(node)
        title = node.name
    if recording is not None:
        out.note(f"wrote {recording}")
    if listing:
        _emit_events(out, events_table(kept), subject)
    else:
        _show(out, report, subject, title=title)


def _watch_tree(out: Output, target: str, duration: str | None, events: bool) -> int:
    from nodemem.api.gc_tree import watch_gc_tree
    from nodemem.cli._live import attached
    from nodemem.cli._tree import exit_code, members_of, refusals, subject_of
    from nodemem.gc.table import events_table
    from nodemem.records import GcEvent
    from nodemem.units import parse_duration

    seconds = None if duration is None else parse_duration(duration)
    kept: list[GcEvent] = []
    listing = events or out.format not in ("text", "json")
    members = members_of(target)
    title = f"process {target}"

    def take(event: Any) -> None:
        if listing and isinstance(event, GcEvent):
            kept.append(event)

    report, visits = watch_gc_tree(
        members,
        seconds,
        enter=lambda member: attached(out, str(member.pid)),
        keep=take,
        ready=lambda: out.note(out.texts("gc.watching", name=title)),
    )
    subject = {"processes": [subject_of(visit.member) for visit in visits if visit.answer]}
    for reason in refusals(*visits):
        out.note(reason)
    if listing:
        _emit_events(out, events_table(kept), subject)
    elif exit_code(visits) == 0:
        _show(out, report, subject, title=title)
    return exit_code(visits)


@contextlib.contextmanager
def _said_when_late(out: Output, seconds: float | None) -> Iterator[None]:
    """Whoever asked for so many `seconds` is told why it takes longer."""
    import threading

    if seconds is None:
        yield
        return
    late = threading.Timer(seconds + _LATE, lambda: out.note(out.texts("gc.late")))
    late.daemon = True
    late.start()
    try:
        yield
    finally:
        late.cancel()


@contextlib.contextmanager
def _recorder(node: Node, path: Path | None, *, force: bool) -> Iterator[Any]:
    """A function that keeps a record; it does nothing where no recording is wanted."""
    if path is None:
        yield lambda record: None
        return
    import time

    from nodemem.records import RecordingWriter

    with RecordingWriter(path, started=time.time(), force=force) as writer:
        writer.write(node.facts())
        yield writer.write


def _collect(out: Output, target: str, which: Which, worker: int | None) -> None:
    from nodemem.cli._live import attached, subject_of
    from nodemem.gc.table import collected_table

    with attached(out, target) as node:
        done = node.collect(which, worker=worker)
        subject, name = subject_of(node), node.name
    isolates = done.isolates
    table = collected_table([(one.thread, (one.before, one.after, one.later)) for one in isolates])
    if out.format != "text":
        data = table.to_data() | {
            "which": which,
            "freed_bytes": sum(one.freed for one in isolates),
            "events": [event for one in isolates for event in one.events],
            "isolates": [
                {
                    "thread": one.thread,
                    "freed_bytes": one.freed,
                    "pause_ms": None if one.pause is None else round(one.pause * 1000, 6),
                }
                for one in isolates
            ],
            "failed": list(done.failed),
        }
        out.emit(table, subject=subject, data=data)
        return
    lines = []
    for one in isolates:
        key = f"gc.collected_{which}_worker" if one.thread else f"gc.collected_{which}"
        freed = max(0, one.freed)
        lines.append(out.texts(key, name=name, thread=one.thread, freed=freed, pause=one.pause))
    out.write("\n".join(lines) + "\n\n" + out.text(table))
    for reason in done.failed:
        out.note(reason)


def _emit_events(out: Output, table: Table, subject: dict[str, Any]) -> None:
    from nodemem.gc.table import in_short

    out.emit(in_short(table) if out.format in ("text", "md") else table, subject=subject)


def _show(out: Output, report: GcReport, subject: dict[str, Any], *, title: str) -> None:
    """The figures, as text, as JSON, or as a page with charts (`-o FILE.html`)."""
    from nodemem.cli._gc_text import text_of

    notes = [out.texts(key, count=count) for key, count in report.notes.items()]
    nothing = None
    if not report.shapes:
        key = "gc.none_readable" if report.unreadable else "gc.nothing"
        nothing = out.texts(key, count=report.unreadable)
        notes.append(nothing)
    elif report.unreadable:
        notes.append(out.texts("gc.unreadable", count=report.unreadable))
    if out.json:
        out.write(out.envelope(report.to_data(), subject, warnings=tuple(notes)))
        return
    if nothing is not None:
        out.write(nothing)
        return
    if out.path is not None and out.path.suffix == ".html":
        from nodemem.api.gc import report_on
        from nodemem.render.html import to_html

        out.write(to_html(report_on(report, title, subject), out.texts))
    else:
        out.write(text_of(out, report, title))
    for note in notes:
        out.note(note)
