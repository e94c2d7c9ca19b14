"""nodemem map"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodemem.cli._frame import Output, verb
from nodemem.errors import InputError, UsageError

if TYPE_CHECKING:
    from nodemem.memory.segments.types import MemoryMap
    from nodemem.memory.segments.who import Who
    from nodemem.results import Table


@verb(
    "map",
    example=[
        "nodemem map 4242",
        "nodemem map 4242 --gentle",
        "nodemem map 4242 --tree",
        "nodemem map 4242 -o map.html",
        "nodemem map 4242 --json -o before.json",
        "nodemem map before.json 4242",
        "nodemem map 4242 --for 30s",
        "nodemem map --classes 4242",
        "nodemem map --core core.4242 --classes",
    ],
)
@click.argument("targets", nargs=-1, metavar="[PID|FILE [PID|FILE]]")
@click.option("--freeze", is_flag=True, help="Hold the process still meanwhile, 5 s at most")
@click.option(
    "--gentle", is_flag=True, help="Hardly hold up a process of many gigabytes: no PSS and USS"
)
@click.option("--tree", is_flag=True, help="Also Node.js that it has started; PSS adds up")
@click.option(
    "--explain", is_flag=True, help="Only tell what each way of reading costs the process"
)
@click.option("--for", "period", metavar="DURATION", help="What grows in so much time instead")
@click.option(
    "--classes", is_flag=True, help="What the JavaScript heap holds instead, by class, counted"
)
@click.option("--top", type=click.IntRange(min=1), help="Classes to show  [default: the setting]")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Count no longer than this; beyond, it is estimated from a sample  [default: 10]",
)
@click.option(
    "--core", type=click.Path(path_type=Path), help="Look at this core file, not at a process"
)
@click.option(
    "--exe",
    type=click.Path(path_type=Path),
    help="The Node.js that the core is of  [default: what the core names]",
)
def command(
    out: Output,
    targets: tuple[str, ...],
    freeze: bool,
    gentle: bool,
    tree: bool,
    explain: bool,
    period: str | None,
    classes: bool,
    top: int | None,
    seconds: float | None,
    core: Path | None,
    exe: Path | None,
) -> int | None:
    """Where every byte of the physical memory (RSS) of a process is: machine code, data, heap and
    stacks, each split by what it is for. The parts add up to RSS exactly.

    All is read from /proc. The process is neither asked nor, without --freeze, stopped, no
    inspector is opened, and no page is brought into memory; so it also works where it hangs.

    So it is on Linux. macOS and Windows (untested) tell totals only; there the inspector is opened
    for a moment, for what V8 says of its heaps.

    "~" marks an estimate: something that should agree with it did not.

    "worker N" is the Nth of the worker threads that live now, in the order of their start, and not
    its threadId.

    FILE is a map saved with --json -o FILE, or a recording. Of two targets, or of a recording, it
    is told what grew, and in which category.
    """
    found = _targets(targets)
    pid = found[0] if len(found) == 1 and isinstance(found[0], int) else None
    if (not found) == (core is None) or len(found) > 2:
        raise UsageError(
            "map takes one process id or file, or two to compare, or --core FILE",
            next="nodemem map 4242",
        )
    if exe is not None and core is None:
        raise UsageError("--exe says which Node.js a core is of: --core FILE is missing")
    if not classes and (top is not None or seconds is not None):
        raise UsageError("--top and --seconds belong to --classes")
    given = {
        "--freeze": freeze,
        "--gentle": gentle,
        "--tree": tree,
        "--explain": explain,
        "--for": period is not None,
        "--classes": classes,
        "--core": core is not None,
    }
    _refuse_pairs(given)
    if pid is None and core is None and any(given.values()):
        name = next(name for name, value in given.items() if value)
        raise UsageError(f"{name} takes the id of one process that runs")
    if classes:
        from nodemem.cli import _map_classes

        _map_classes.show(out, pid or 0, core, exe, top=top, seconds=seconds)
    elif core is not None:
        _show_core(out, core, exe)
    elif pid is not None and period is not None:
        from nodemem.cli import _map_growth
        from nodemem.units import parse_duration

        _map_growth.over_time(out, pid, parse_duration(period), freeze=freeze, gentle=gentle)
    elif pid is not None and tree:
        from nodemem.cli import _map_tree

        return _map_tree.show(out, pid, gentle=gentle)
    elif pid is not None and explain:
        from nodemem.cli import _map_tree

        _map_tree.show_costs(out, pid)
    elif pid is not None:
        _show_process(out, pid, freeze=freeze, gentle=gentle)
    else:
        _show_others(out, found)
    return None


def _targets(given: tuple[str, ...]) -> list[int | Path]:
    """Process ids and files."""
    return [int(one) if one.isdecimal() and len(one) < 20 else Path(one) for one in given]


def _refuse_pairs(given: dict[str, bool]) -> None:
    """Options that cannot be meant together."""
    named = [name for name, value in given.items() if value]
    if len(named) > 1 and set(named) not in _TOGETHER:
        raise UsageError(
            f"{named[0]} and {named[1]} exclude each other", next="leave one of them out"
        )


_TOGETHER = (
    {"--gentle", "--tree"},
    {"--classes", "--core"},
    {"--gentle", "--for"},
    {"--freeze", "--for"},
)


def _show_process(out: Output, pid: int, *, freeze: bool, gentle: bool) -> None:
    from nodemem.api.map_growth import who
    from nodemem.api.memory_map import read

    process, found = read(pid, freeze=freeze, gentle=gentle)
    _show_map(out, who(process), found)


def _show_others(out: Output, targets: list[int | Path]) -> None:
    """A saved map, a recording, or two targets beside each other."""
    from nodemem.cli import _map_growth
    from nodemem.memory.segments import saved
    from nodemem.records import is_recording

    for one in targets:
        if isinstance(one, Path):
            _refuse_others(one)
    first = targets[0]
    if len(targets) == 2:
        _map_growth.between(out, targets)
    elif isinstance(first, Path) and is_recording(first):
        _map_growth.within(out, first)
    elif isinstance(first, Path):
        _show_map(out, *saved.read(first))


def _refuse_others(path: Path) -> None:
    """What was very likely meant where a name is of no file, or of a core.

    Raises:
        InputError: there is no such file.
        UsageError: it is a core.
    """
    if not os.path.exists(path):  # noqa: PTH110  no name is too long for it
        raise InputError(
            f"'{str(path)[:80]}' is no process id, and there is no such file",
            why="a map is read from /proc on this host, or was saved with --json -o FILE",
            next="nodemem ps lists the Node.js processes of this host",
        )
    if path.is_file():
        with contextlib.suppress(OSError), path.open("rb") as file:
            if file.read(4) == b"\x7fELF":
                raise UsageError(f"{path} is no saved map", next=f"nodemem map --core {path}")


def _show_map(out: Output, whose: Who, found: MemoryMap) -> None:
    unknown = out.texts("unknown")
    heading = out.texts(
        "map.head",
        script=whose.script or unknown,
        pid=whose.pid,
        version=whose.version or unknown,
    )
    _show(out, heading, found, whose, whose.to_data())


def _page(out: Output, whose: Who, found: MemoryMap) -> str:
    """The map as one HTML file."""
    from functools import partial

    from nodemem.api.map_report import report_on
    from nodemem.render.html import to_html
    from nodemem.render.segments import category_name, segment_name

    names = partial(segment_name, out.texts), partial(category_name, out.texts)
    return to_html(report_on(whose, found, *names), out.texts)


def _show_core(out: Output, core: Path, exe: Path | None) -> None:
    from nodemem.api.core_map import core_map
    from nodemem.memory.segments.who import Who

    found, pid, version, warnings = core_map(core, exe)
    unknown = out.texts("unknown")
    heading = out.texts("map.core_head", core=core, pid=pid or unknown, version=version or unknown)
    subject = {"core": str(core), "pid": pid or None, "version": version}
    _show(out, heading, found, Who(pid, version, core.name), subject, warnings)


def _show(
    out: Output,
    heading: str,
    found: MemoryMap,
    whose: Who,
    subject: dict[str, Any],
    warnings: tuple[str, ...] = (),
) -> None:
    if out.format == "text" and out.path is not None and out.path.suffix == ".html":
        for warning in warnings:
            out.note(warning)
        out.write(_page(out, whose, found))
    elif out.format == "text":
        from nodemem.cli._map_text import lines

        for warning in warnings:
            out.note(warning)
        out.write("\n".join(lines(out, heading, found)))
    else:
        out.emit(table(found, warnings), subject=subject, data=found.to_data())


def table(found: MemoryMap, warnings: tuple[str, ...] = ()) -> Table:
    """The categories, one a row."""
    from nodemem.results import Column, Table

    return Table(
        columns=(
            Column("segment", role="kind"),
            Column("category", role="name"),
            Column("isolate"),
            Column("rss", unit="bytes"),
            Column("pss", unit="bytes"),
            Column("uss", unit="bytes"),
            Column("exactness", role="kind"),
        ),
        records=[
            (one.segment, one.category, one.isolate, one.rss, one.pss, one.uss, one.exactness)
            for one in found.categories
        ],
        findings=found.findings + found.remarks,
        summary={"rss": found.rss, "pss": found.pss, "uss": found.uss},
        warnings=(
            *warnings,
            *(f"{one.what}: {one.why}; {one.next}" for one in found.refusals),
        ),
    )
