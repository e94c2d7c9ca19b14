"""What the garbage collector did, from files: the library's face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodemem.gc.log import GcLog
from nodemem.gc.statistics import Collected
from nodemem.gc.table import events_table
from nodemem.records import GcEvent, GcWatch
from nodemem.results import SILENT, Finding, Progress, Table

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

    def to_data(self) -> dict[str, Any]:
        """The JSON form: the figures of all isolates together, then `isolates` one by one."""
        isolates = self.collected.sorted()
        whole = isolates[0] if len(isolates) == 1 else self.collected.all
        data = whole.to_data()
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
    returned, or a recording; compressed (.gz, .zst) or not.

    Columns are those of `nodemem.gc.table.events_table`; None is what the source does not tell.
    `summary` holds `unreadable_lines` and `formats`.

    Raises:
        InputError: the file cannot be read, or holds nothing about collections.
    """
    with GcLog(path) as log:
        events = [event for event in log if isinstance(event, GcEvent)]
        summary = {"unreadable_lines": log.unreadable, "formats": log.shapes}
    return events_table(events, summary)


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
                if isinstance(event, GcWatch):
                    report.collected.watched(event)
                else:
                    report.collected.add(event)
                if number % _REPORT_EVERY == 0:
                    progress.update(number)
            report.unreadable += log.unreadable
            for key, count in log.notes.items():
                report.notes[key] = report.notes.get(key, 0) + count
            shapes.update(log.shapes)
    report.shapes = sorted(shapes)
    report.notes = dict(sorted(report.notes.items()))
    return report
