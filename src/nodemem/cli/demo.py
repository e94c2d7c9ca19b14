"""nodemem demo: a leaking server of ours, from its pid to the line that leaks."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from nodemem.cli._frame import Output, verb

if TYPE_CHECKING:
    from nodemem.api.leak_check import LeakCheck
    from nodemem.records import MemorySample

STARTING = 15.0


class Example(NamedTuple):
    """A server in `examples/`, and what the diagnosis of its leaking form must name: these words,
    and the line on which `line` stands in the program."""

    folder: str
    words: tuple[str, ...]
    line: str


EXAMPLES = {
    "cache": Example("unbounded-cache", ("sessions", "Session"), "const sessions ="),
    "listeners": Example("forgotten-listeners", ("price", "Subscription"), "function onPrice"),
    "timers": Example("endless-timers", ("Upload",), "setInterval("),
    "promises": Example("stalled-requests", ("building", "Report"), "const building ="),
}


@verb(
    "demo",
    output=False,
    example=[
        "nodemem demo",
        "nodemem demo --example listeners",
        "nodemem demo --healthy",
        "nodemem demo --json -o /tmp/demo",
    ],
)
@click.option(
    "--example",
    "name",
    type=click.Choice(list(EXAMPLES)),
    default="cache",
    help="An unbounded Map, listeners never removed, timers never cleared, or promises that never "
    "settle  [default: cache]",
)
@click.option("--healthy", is_flag=True, help="Run the same server without the leak")
@click.option(
    "--seconds",
    type=click.IntRange(4, 600),
    default=8,
    help="How long the load runs between the two snapshots  [default: 8]",
)
@click.option("--node", "binary", type=click.Path(path_type=Path), help="The Node.js to use")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("nodemem-demo"),
    help="Folder for the report, the recording and the snapshots  [default: nodemem-demo]",
)
def command(
    out: Output, name: str, healthy: bool, seconds: int, binary: Path | None, folder: Path
) -> int:
    """Show the whole way on a server of ours: start it on real Node.js, drive HTTP load, attach
    by its pid, watch its memory, take two snapshots, and name what leaks, who holds it and on which
    source line; say where all of its memory is. Writes a report that opens offline.

    Exit code 0 when the expected diagnosis came out, 1 when not.
    """
    from nodemem.api.experiment import run_experiment
    from nodemem.api.leak_check import check_for_leaks, report_on
    from nodemem.api.map_report import map_tree
    from nodemem.api.memory_map import memory_map
    from nodemem.api.node import attach
    from nodemem.paths import cannot_write, whole_file
    from nodemem.render.html import to_html
    from nodemem.render.segments import category_name, segment_name
    from nodemem.results import SILENT
    from nodemem.source.files import SourceRoots
    from nodemem.target.binary import find_node

    example = EXAMPLES[name]
    script = _script(example, healthy=healthy)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    say = _Story(out)
    # Off a terminal the story itself is the progress.
    progress = out.progress if sys.stderr.isatty() else SILENT
    with _server(find_node(binary), script) as (pid, port):
        say("started", script=script.name, pid=pid, port=port)
        with attach(pid) as node:
            say("attached", version=node.version, pid=pid)
            say.heading()
            experiment = run_experiment(
                node,
                port,
                "/?n={n}",
                folder,
                warm_up=3.0,
                seconds=seconds,
                interval=1.0,
                progress=progress,
                watch=say.sample,
            )
            out.progress.finish()
        say("detached", requests=experiment.requests, t=experiment.seconds)
        memory = memory_map(pid)
        say("map", rss=memory.rss, **memory.segments)
    for taken in (experiment.before, experiment.after):
        say("snapshot", file=str(taken.path), size=taken.size, t=taken.seconds)
    roots = SourceRoots.parse((), out.config.sources)
    check = check_for_leaks(experiment, progress=progress, source_roots=roots)
    out.progress.finish()
    tree = map_tree(memory, partial(segment_name, out.texts), partial(category_name, out.texts))
    report = folder / "report.html"
    with whole_file(report, force=True) as file:
        file.write(to_html(report_on(check, tree), out.texts).encode())
    as_expected = _as_expected(check, example, script, healthy=healthy)
    if out.json:
        data = check.to_data() | {"report": str(report), "as_expected": as_expected}
        out.line(out.envelope(data, {"example": name, "healthy": healthy}).rstrip())
    else:
        say.result(check, report, as_expected=as_expected)
    return 0 if as_expected else 1


class _Story:
    """Tells what happens while it happens: on stdout as text, not at all in JSON."""

    def __init__(self, out: Output) -> None:
        self._out = out

    def __call__(self, key: str, **values: Any) -> None:
        if not self._out.json:
            self._out.progress.finish()
            self._out.line(self._out.texts(f"demo.{key}", **values))

    def heading(self) -> None:
        self("memory")

    def sample(self, sample: MemorySample) -> None:
        self(
            "sample",
            time=sample.time,
            rss=sample.rss,
            used=sample.heap_used,
            total=sample.heap_total,
            external=sample.external,
        )

    def collections(self, check: LeakCheck) -> None:
        """What the collector did while the load ran."""
        from nodemem.gc.table import pauses_table

        figures = check.collections
        self("collections")
        self._out.line(self._out.text(pauses_table(figures)).rstrip("\n"))
        for series in figures.series()[:1]:
            self._out.line(self._out.text(series).rstrip("\n"))

    def result(self, check: LeakCheck, report: Path, *, as_expected: bool) -> None:
        diagnosis = check.diagnosis
        self.collections(check)
        self("growth")
        self._out.line(self._out.text(check.growth.head(8, "nodemem heap diff BEFORE AFTER")))
        self(f"verdict.{diagnosis.verdict.replace(' ', '_')}")
        for finding in diagnosis.findings:
            self._out.line(self._out.text(finding))
        if diagnosis.path is not None:
            self("path")
            self._out.line(self._out.text(diagnosis.path))
        self("report", path=str(report.absolute()))
        self("as_expected" if as_expected else "not_as_expected")


def _as_expected(check: LeakCheck, example: Example, script: Path, *, healthy: bool) -> bool:
    """Whether the diagnosis names the known leak of the example, or finds none in its twin."""
    diagnosis = check.diagnosis
    if healthy or diagnosis.verdict != "leak":
        return healthy and diagnosis.verdict != "leak"
    first = diagnosis.findings[0]
    lines = script.read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if example.line in text)
    return (first.where.file, first.where.line) == (str(script), line) and all(
        word in str(first.params) for word in example.words
    )


@contextlib.contextmanager
def _server(node: Path, script: Path) -> Iterator[tuple[int, int]]:
    """Start the example with an inspector port of its own; its pid and its HTTP port."""
    from nodemem.errors import TargetLost
    from nodemem.target.launch import end, start

    # Node.js announces on stderr that its inspector opens and closes; the demo tells that itself.
    process = start([str(node), str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        # What NODE_OPTIONS preloads may print lines of its own first.
        line = next((said for said in process.stdout if said.startswith(b"listening on ")), None)
        if line is None:
            raise TargetLost(
                "the example server did not start",
                why=f"it ended with exit code {process.wait(STARTING)}",
                next=f"try it by hand: {node} {script}",
            )
        time.sleep(0.1)  # a process that has just begun is not safe to signal
        yield process.pid, int(line.split()[-1])
    finally:
        end(process)


def _script(example: Example, *, healthy: bool) -> Path:
    """The program in the installed package, or in the checkout that is run from."""
    from nodemem.errors import InternalError

    name = Path(example.folder) / ("healthy.js" if healthy else "leaky.js")
    package = Path(str(resources.files("nodemem")))
    for folder in (package / "examples", package.parents[1] / "examples"):
        if (folder / name).is_file():
            return folder / name
    raise InternalError(f"the example {name} is missing from this installation of nodemem")
