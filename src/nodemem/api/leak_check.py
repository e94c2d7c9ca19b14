"""From an experiment to its verdict, and to the report that one sends to a colleague."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nodemem.api.experiment import Experiment
from nodemem.gc.collected import collect
from nodemem.gc.statistics import KINDS, Statistics
from nodemem.heap import open_snapshot
from nodemem.heap.findings.tree import dominator_tree
from nodemem.heap.naming.names import Names
from nodemem.leaks import Diagnosis, Observation, diagnose
from nodemem.render.html import Report, Said, leak_report
from nodemem.results import SILENT, Evidence, Progress, Series, Table
from nodemem.source.files import SourceRoots

GROWTH_SHOWN = ("class", "holder", "added", "removed", "added_bytes", "own_bytes", "source")


@dataclass(frozen=True)
class LeakCheck:
    """`dominators` is the dominator tree of the second snapshot, its small nodes by class."""

    experiment: Experiment
    diagnosis: Diagnosis
    dominators: Table

    @property
    def collections(self) -> Statistics:
        """The figures of the collections under load."""
        return collect(self.experiment.collections).all()

    @property
    def growth(self) -> Table:
        """Who keeps what is new, the greatest first, in the columns people read."""
        return self.diagnosis.growth.select(*GROWTH_SHOWN)

    def to_data(self) -> dict[str, Any]:
        """The JSON form; sizes are bytes, times seconds."""
        seen, found = self.experiment, self.diagnosis
        return {
            "verdict": found.verdict,
            "reason": found.reason,
            "findings": list(found.findings),
            "process": seen.facts,
            "samples": list(seen.samples),
            "snapshots": [
                {"file": str(taken.path), "size": taken.size, "seconds": taken.seconds}
                for taken in (seen.before, seen.after)
            ],
            "collections": self.collections.to_data(),
            "requests": seen.requests,
            "failures": seen.failures,
            "seconds": seen.seconds,
            "growth": found.growth.to_data(),
            "path": None if found.path is None else found.path.to_data(),
            "trend": None if found.trend is None else found.trend._asdict(),
        }


def check_for_leaks(
    experiment: Experiment,
    progress: Progress = SILENT,
    *,
    source_roots: SourceRoots | Iterable[str] = (),
) -> LeakCheck:
    """Say whether the observed process leaks, what, and who holds it. `source_roots` as for
    `open_snapshot`.

    Raises:
        InputError: a snapshot of the experiment is gone or damaged.
    """
    taken = [marker.time for marker in experiment.markers if marker.label == "snapshot"]
    with (
        open_snapshot(experiment.before.path, progress, source_roots=source_roots) as before,
        open_snapshot(experiment.after.path, progress, source_roots=source_roots) as after,
    ):
        diagnosis = diagnose(
            Observation(
                before=before,
                after=after,
                samples=experiment.samples,
                before_time=taken[0],
                after_time=taken[-1],
                requests=experiment.requests,
            )
        )
        progress.phase("dominator tree", unit="nodes")
        return LeakCheck(experiment, diagnosis, dominator_tree(Names(after)))


def _collections(figures: Statistics) -> tuple[dict[str, Any], list[Series]]:
    """What the chapter on collections says, and the course of the heap."""
    longest = [figures.pauses[kind].to_data()["max"] for kind in KINDS]
    params = {
        "minor": figures.pauses["minor"].count,
        "major": figures.pauses["major"].count,
        "longest": max((value for value in longest if value is not None), default=None),
    }
    return params, [one for one in figures.series() if one.unit == "bytes"]


def report_on(check: LeakCheck, memory_map: Table | None = None) -> Report:
    """The report: verdict, memory over time, what grew, the holder's path, the dominator tree, and
    where the process's memory was afterwards (`map_tree`)."""
    seen, found = check.experiment, check.diagnosis
    facts = seen.facts
    samples = [sample for sample in seen.samples if sample.time is not None]
    times = [sample.time for sample in samples]
    verdict = None if found.findings else Said(f"leaks.reason.{found.reason}")
    return leak_report(
        title=Said("report.leaks_of", {"script": facts.script or "", "pid": facts.pid}),
        findings=found.findings,
        verdict=verdict,
        tone=_TONES[found.verdict],
        memory=(
            Series("rss", "bytes", times, [sample.rss for sample in samples]),
            Series("heap_total", "bytes", times, [sample.heap_total for sample in samples]),
            Series("heap_used", "bytes", times, [sample.heap_used for sample in samples]),
            Series("external", "bytes", times, [sample.external for sample in samples]),
        ),
        markers=[
            (marker.time, Said("report.marker.snapshot"))
            for marker in seen.markers
            if marker.label == "snapshot"
        ],
        collections=_collections(check.collections),
        growth=check.growth.head(12, "nodemem heap diff BEFORE AFTER"),
        growth_by="added_bytes",
        path=found.path,
        dominators=check.dominators,
        memory_map=memory_map,
        process=(
            Evidence("pid", str(facts.pid)),
            Evidence("version", facts.version),
            Evidence("script", facts.script),
            Evidence("cgroup_limit", facts.limit, "bytes"),
            Evidence("heap_limit", samples[-1].heap_limit if samples else None, "bytes"),
        ),
        method=(
            Evidence("samples", len(samples), "count"),
            Evidence("requests", seen.requests, "count"),
            Evidence("load", seen.seconds, "s"),
            Evidence("pause_before", seen.before.seconds, "s"),
            Evidence("pause_after", seen.after.seconds, "s"),
            Evidence("snapshot_size", seen.after.size, "bytes"),
        ),
        subject={"pid": facts.pid, "version": facts.version, "script": facts.script},
    )


_TONES: dict[str, Any] = {
    "leak": "bad",
    "bounded growth": "good",
    "steady": "good",
    "insufficient evidence": "unsure",
}
