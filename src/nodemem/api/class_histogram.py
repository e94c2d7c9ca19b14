"""What a JavaScript heap holds, by class: counted from outside, in a process or in a core file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from nodemem.errors import InputError
from nodemem.memory import classes, core_program, isolates, metadata, survey
from nodemem.memory.core import Core
from nodemem.memory.survey import Budget, Estimate, HeapSurvey, Survey
from nodemem.records import AddressSpace, MappedMemory, ThreadName
from nodemem.results import SILENT, Column, Progress, Table
from nodemem.target import discover, family, host, procfs
from nodemem.target.address_space import LiveAddressSpace, lost, program_file
from nodemem.units import format_bytes

SECONDS = 10.0
"""How long pages are walked unless it is said: some gigabytes of them."""

COLUMNS = (
    Column("isolate", role="kind"),
    Column("class", role="class"),
    Column("count", unit="count"),
    Column("count_error", unit="count"),
    Column("shallow", unit="bytes"),
    Column("shallow_error", unit="bytes"),
    Column("share", unit="share"),
)
_TOLD_FROM = 0.01  # of what was read, if that much belongs to no object
_EVERYTHING = 1 << 60


def class_histogram(pid: int, *, seconds: float = SECONDS, progress: Progress = SILENT) -> Table:
    """The classes of the objects in all heaps of a process, those with the most bytes first.

    Each row is a class in one `isolate` (`main`, `worker 1`, ...; None if no thread runs it):
    `count` objects, `shallow` bytes of them alone, `share` of that in all. `count_error` and
    `shallow_error` are standard errors, 0 where all pages were walked, which is so unless it takes
    more than `seconds`. What is garbage but not collected yet is counted too.

    The process is neither asked, stopped nor changed, so it may hang or be stopped.

    Raises:
        TargetNotFound: there is no such process, or it is not Node.js.
        NotPermitted: its memory may not be read, as anywhere but on Linux.
        TargetLost: it ended meanwhile.
        InputError: V8 says nothing about its objects in this program, or has no heap in it.
    """
    host.require_linux(
        "to count objects from outside",
        instead=f"nodemem snapshot {pid} -o {pid}.heapsnapshot; "
        f"nodemem heap classes {pid}.heapsnapshot",
    )
    if discover.examine(pid) is None:
        raise family.not_node(pid)
    started = procfs.start_ticks(pid)
    with LiveAddressSpace(pid) as space:
        table = _count(
            space,
            program_file(pid),
            space.mappings(),
            procfs.threads(pid),
            pid,
            Budget(_EVERYTHING, seconds),
            progress,
        )
    if procfs.start_ticks(pid) != started:
        raise lost(pid)
    return table


def core_classes(
    path: str | Path,
    *,
    program: str | Path | None = None,
    seconds: float = SECONDS,
    progress: Progress = SILENT,
) -> Table:
    """The same of the process that a core file is of. `program` is the file of the Node.js that
    ran, unless it still is where it was.

    Raises:
        InputError: it is no core, not of this program, or not of Node.js.
    """
    with Core(path) as core:
        found = core_program.find(core, program)
        return _count(
            core,
            found.path,
            core.mappings(),
            core.threads(),
            core.notes.pid,
            Budget(_EVERYTHING, seconds),
            progress,
            core_program.doubts(core, found),
        )


def _count(
    space: AddressSpace,
    program: str,
    mappings: Iterable[MappedMemory],
    threads: Iterable[ThreadName],
    main: int,
    budget: Budget,
    progress: Progress,
    doubts: Sequence[str] = (),
) -> Table:
    symbols = metadata.load(program)
    taken = survey.take(space, symbols, budget, progress)
    if not taken.heaps:
        raise InputError(
            "no heap of V8 was found in this memory",
            why="; ".join(doubts)
            or "it is of another program, or of a build that keeps its heap in another way",
        )
    labels = isolates.names(mappings, threads, main, space, [one.heap for one in taken.heaps])
    name = classes.namer(taken, symbols)
    rows: list[tuple[str | None, str, Estimate, Estimate]] = []
    for heap in taken.heaps:
        label = labels.get(heap.heap.address)
        found = classes.histogram(taken, symbols, heap, name)
        rows += [(label, one.name, one.objects, one.bytes) for one in found]
    return _table(taken, rows, doubts)


def _table(
    taken: Survey,
    rows: list[tuple[str | None, str, Estimate, Estimate]],
    doubts: Sequence[str],
) -> Table:
    whole = sum(bytes_.value for *_, bytes_ in rows)
    rows.sort(key=lambda row: (-row[3].value, row[1], row[0] or ""))
    return Table(
        columns=COLUMNS,
        records=[
            (
                label,
                name,
                round(objects.value),
                round(objects.error),
                round(bytes_.value),
                round(bytes_.error),
                bytes_.value / whole if whole else 0.0,
            )
            for label, name, objects, bytes_ in rows
        ],
        summary={
            "counted_objects": round(sum(objects.value for _, _, objects, _ in rows)),
            "counted_bytes": round(whole),
            "isolates": len(taken.heaps),
        },
        warnings=(*doubts, *_warnings(taken.heaps)),
    )


def _warnings(heaps: list[HeapSurvey]) -> Iterable[str]:
    strata = [stratum for heap in heaps for stratum in heap.strata]
    pages, walked = sum(len(one.pages) for one in strata), sum(one.walked for one in strata)
    tried = sum(one.tried for one in strata)
    if tried < pages:
        yield (
            f"{tried} of {pages} pages were walked: the figures are estimates with their standard "
            "errors, and classes with few objects may be missing; --seconds N walks for longer"
        )
    to_read = sum(one.to_read for one in strata) + sum(heap.lost for heap in heaps)
    to_read += sum(one.size for heap in heaps for one in heap.large)
    unread = sum(one.unread for one in strata) + sum(heap.lost for heap in heaps)
    if to_read and (walked < tried or unread > _TOLD_FROM * to_read):
        yield (f"{format_bytes(unread)} of {format_bytes(to_read)} could not be read as objects")
    if any(heap.moved for heap in heaps):
        yield (
            "V8 was collecting garbage: what it moved may be counted twice or not at all; "
            "a second look, some moments later, may tell more"
        )
