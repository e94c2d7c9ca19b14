"""`--tree`: a process and those that it has started, asked one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nodemem.cli._frame import Output
from nodemem.cli._live import attached

if TYPE_CHECKING:
    from nodemem.api.family import Member, Visit
    from nodemem.records import MemorySample
    from nodemem.results import Table


def members_of(target: str) -> list[Member]:
    """The processes of the tree below the process id `target`.

    Raises:
        UsageError: it is no process id.
        TargetNotFound: there is no Node.js in that tree.
    """
    from nodemem.api.family import family
    from nodemem.errors import UsageError

    if not target.isdecimal() or len(target) > 20:
        raise UsageError(
            f"--tree needs a process id, and '{target[:80]}' is none",
            next="nodemem ps --tree lists the processes of this host",
        )
    return family(int(target))


def subject_of(member: Member) -> dict[str, Any]:
    """Who was looked at, for the JSON envelope."""
    process = member.process
    return {
        "pid": process.pid,
        "version": process.version,
        "script": process.script,
        "depth": member.depth,
    }


def refusals(*visits: Visit[Any]) -> tuple[str, ...]:
    """Why processes gave no answer, a line each."""
    errors = (visit.refusal for visit in visits if visit.refusal is not None)
    return tuple(f"{one}; next: {one.next}" if one.next else str(one) for one in errors)


def exit_code(visits: list[Visit[Any]]) -> int:
    """0 if any process has answered, else that of the first refusal."""
    codes = [0 if visit.refusal is None else visit.refusal.exit_code for visit in visits]
    return 0 if 0 in codes else codes[0]


def show_usage(out: Output, target: str) -> int:
    """Print what `usage` says of each process of the tree: in JSON an envelope a process, as soon
    as it has answered, else one table."""
    from nodemem.api.family import visit_each

    def ask(member: Member) -> MemorySample:
        with attached(out, str(member.pid)) as node:
            return node.memory_usage()

    members = members_of(target)
    visits = {}
    for visit in visit_each(members, ask):
        visits[visit.member.pid] = visit
        if out.json:
            data = None if visit.answer is None else visit.answer.to_data()
            out.line(
                out.envelope(data, subject_of(visit.member), warnings=refusals(visit)).rstrip("\n")
            )
    ordered = [visits[member.pid] for member in members]
    if not out.json:
        out.emit(_usage_table(ordered), subject={})
    return exit_code(ordered)


def _usage_table(visits: list[Visit[MemorySample]]) -> Table:
    """A row a process, figures of its main thread; RSS is there also where it gave no answer."""
    from nodemem.results import Column, Table

    figures = ("heap_used", "heap_total", "heap_limit", "external", "array_buffers")
    rows = []
    for visit in visits:
        process, sample = visit.member.process, visit.answer
        rss = process.rss if sample is None else sample.rss
        workers = None if sample is None else len(sample.workers)
        values = (None if sample is None else getattr(sample, name) for name in figures)
        rows.append((visit.member.depth, process.pid, process.script, rss, *values, workers))
    return Table(
        columns=(
            Column("depth", role="depth"),
            Column("pid", role="pid"),
            Column("script", role="name"),
            Column("rss", unit="bytes"),
            *(Column(name, unit="bytes") for name in figures),
            Column("workers", unit="count"),
        ),
        records=rows,
        warnings=refusals(*visits),
    )
