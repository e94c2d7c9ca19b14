"""What the garbage collector did, from files: the library's face."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nodemem.errors import TargetLost
from nodemem.gc.collected import Collected
from nodemem.gc.findings import findings
from nodemem.gc.log import GcLog
from nodemem.gc.statistics import KINDS, Statistics
from nodemem.gc.table import (
    events_table,
    isolates_table,
    longest_table,
    pauses_table,
    triggers_table,
)
from nodemem.records import GcEvent, GcWatch
from nodemem.render.html import Report, Said, gc_report
from nodemem.results import SILENT, Evidence, Finding, Progress, Table

if TYPE_CHECKING:
    from nodemem.api.node import Node

_REPORT_EVERY = 10_000


@dataclass
class GcReport:
    """What files, or a time of watching, tell of collections.

    `unreadable` counts records that were begun but could not be read; `notes` by text key what was
    corrected or left out; `shapes` names the formats met. Notes and shapes are sorted.
    """

    collected: Collected
    unreadable: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    shapes: Sequence[str] = ()
    findings: Sequence[Finding] = ()

    def add(self, event: GcEvent | GcWatch) -> None:
        """Take in one event."""
        if isinstance(event, GcWatch):
            self.collected.watched(event)
        else:
            self.collected.add(event)

    def conclude(self, *, version: str | None = None) -> None:
        """Work out the findings, those of each isolate by itself."""
        self.findings = [
            finding for one in self.collected.sorted() for finding in findings(one, version=version)
        ]

    @property
    def figures(self) -> Statistics:
        """Those of the only isolate, or of all together."""
        return self.collected.all()

    def to_data(self) -> dict[str, Any]:
        """The JSON form: the figures of all isolates together, then `isolates` one by one."""
        isolates = self.collected.sorted()
        data = self.figures.to_data()
        if len(isolates) > 1:
            # Pauses of isolates overlap: they share no time that could be divided up.
            data |= {"mmu": None, "gc_share": None}
        return {
            **data,
            "unreadable_lines": self.unreadable,
            "formats": list(self.shapes),
            "notes": self.notes,
            "isolates": [one.to_data() for one in isolates],
            "findings": list(self.findings),
        }


def read_gc_log(path: Path | str) -> Table:
    """The events of a file, one a row: output of node --trace-gc, --trace-gc-nvp or
    --trace-gc-verbose in whatever else the program wrote, trace events, what v8.GCProfiler
    returned, or a recording; compressed (.gz, .zst) or not. `-` is standard input.

    Columns are those of `nodemem.gc.table.events_table`; None is what the source does not tell.
    `summary` holds `unreadable_lines` and `formats`.

    Raises:
        InputError: the file cannot be read.
    """
    return read_gc_logs([path])


def read_gc_logs(paths: Sequence[Path | str]) -> Table:
    """The same of several files, parts of one log, in their order.

    Raises:
        InputError: a file cannot be read.
    """
    events: list[GcEvent] = []
    unreadable, shapes = 0, set[str]()
    for path in paths:
        with GcLog(path) as log:
            events += (event for event in log if isinstance(event, GcEvent))
            unreadable += log.unreadable
            shapes.update(log.shapes)
    return events_table(events, {"unreadable_lines": unreadable, "formats": sorted(shapes)})


def summarize_gc_logs(paths: Sequence[Path | str], *, progress: Progress = SILENT) -> GcReport:
    """The figures of one file or of several parts of one log, in order and in bounded memory.

    Raises:
        InputError: see `read_gc_log`.
    """
    report = GcReport(Collected())
    shapes: set[str] = set()
    for path in paths:
        with GcLog(path) as log:
            progress.phase(f"reading {Path(path).name}", None, "events")
            for number, event in enumerate(log):
                report.add(event)
                if number % _REPORT_EVERY == 0:
                    progress.update(number)
            report.unreadable += log.unreadable
            for key, count in log.notes.items():
                report.notes[key] = report.notes.get(key, 0) + count
            shapes.update(log.shapes)
    report.shapes = sorted(shapes)
    report.notes = dict(sorted(report.notes.items()))
    report.conclude()
    return report


def watch_gc(
    node: Node,
    seconds: float | None,
    *,
    keep: Callable[[GcEvent | GcWatch], object] = lambda event: None,
) -> GcReport:
    """Watch a process for `seconds`, or until Ctrl-C: the same figures. `keep` gets each event. Of
    a process that ends meanwhile they are those until then, and a note says so.

    Raises:
        TargetError: see `Node.watch_gc`; also where it ended before anything was seen.
    """
    intake = Intake(keep)
    report = intake.report
    try:
        with contextlib.suppress(KeyboardInterrupt):
            for some in node.watch_gc(seconds):
                intake.add(some)
    except TargetLost:
        if not report.collected.sorted():
            raise
        report.notes["gc.note.ended"] = 1
    return intake.concluded(node.version)


class Intake:
    """Makes a report of what is watched. `keep` gets each event."""

    def __init__(self, keep: Callable[[GcEvent | GcWatch], object]) -> None:
        self.report = GcReport(Collected(), shapes=("live",))
        self._keep = keep
        self._count, self._caused = 0, 0

    def add(self, events: Sequence[GcEvent | GcWatch]) -> None:
        """Take in what was handed out."""
        for event in events:
            self._keep(event)
            self.report.add(event)
            if isinstance(event, GcEvent) and event.kind in ("minor", "major"):
                self._count += 1
                self._caused += event.cause is not None

    def concluded(self, version: str | None) -> GcReport:
        """The report, with findings, and notes on what was not told."""
        if self._count and not self._caused:
            self.report.notes["gc.note.entries"] = self._count
        self.report.conclude(version=version)
        return self.report


def report_on(report: GcReport, title: str, subject: dict[str, Any]) -> Report:
    """The same figures as a page: `title` names what was looked at."""
    one, isolates = report.figures, report.collected.sorted()
    verdict = Said("report.gc_verdict", {"count": one.count, "seconds": one.seconds})
    if report.findings:
        verdict = Said(f"finding.{report.findings[0].id}.title", report.findings[0].params)
    return gc_report(
        title=Said("report.gc_of", {"title": title}),
        verdict=verdict,
        pauses=pauses_table(one),
        series=one.series(),
        triggers=triggers_table(one),
        longest=longest_table(one),
        isolates=isolates_table(isolates) if len(isolates) > 1 else None,
        figures=(
            Evidence("gc_count", one.count, "count"),
            Evidence("gc_paused", one.paused_total, "s"),
            Evidence("gc_rate", one.rate(one.allocated), "bytes/s"),
            Evidence("gc_live", one.live.last, "bytes"),
        ),
        findings=report.findings,
        subject=subject,
    )


def gc_facts(node: Node, seconds: float) -> dict[str, Any]:
    """What the main thread's collections were during `seconds`: values of `render.topics.VALUES`,
    in seconds, bytes, bytes a second and shares; None is what was not seen.

    Raises:
        TargetError: see `Node.watch_gc`.
    """
    report = watch_gc(node, seconds)
    one = next((one for one in report.collected.sorted() if one.thread == 0), Statistics())
    longest = {kind: one.pauses[kind].to_data()["max"] for kind in KINDS}
    known = [value for value in longest.values() if value is not None]
    p50 = one.pauses["minor"].quantile(0.5)
    return {
        "gc_seconds": one.seconds,
        "gc_minor": one.pauses["minor"].count,
        "gc_major": one.pauses["major"].count,
        "gc_share": one.share,
        "gc_longest": max(known) / 1000 if known else None,
        "gc_rate": one.rate(one.allocated),
        "gc_promotion": one.rate(one.promoted),
        "gc_minor_p50": None if p50 is None else p50 / 1000,
        "gc_minor_longest": _seconds(longest["minor"]),
        "gc_major_longest": _seconds(longest["major"]),
        "gc_new_capacity": None if one.last is None else one.last.new_capacity,
        "gc_survival": one.mean_survival,
        "gc_live": one.live.last,
    }


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
