"""nodemem map"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nodemem.cli._frame import Output, verb

if TYPE_CHECKING:
    from nodemem.memory.segments.types import MemoryMap
    from nodemem.results import Table


@verb("map", example=["nodemem map 4242", "nodemem map 4242 --json"])
@click.argument("pid", type=int)
def command(out: Output, pid: int) -> None:
    """Where every byte of the physical memory (RSS) of a process is: machine code, data, heap and
    stacks, each split by what it is for. The parts add up to RSS exactly.

    All is read from /proc. The process is neither stopped nor asked, no inspector is opened, and
    no page is brought into memory; so it also works where the process hangs.

    "~" marks an estimate: something that should agree with it did not.
    """
    from nodemem.api.memory_map import read

    process, found = read(pid)
    subject = {"pid": pid, "version": process.version, "script": process.script}
    if out.format == "text":
        from nodemem.cli._map_text import lines

        out.write("\n".join(lines(out, process, found)))
    else:
        out.emit(table(found), subject=subject, data=found.to_data())


def table(found: MemoryMap) -> Table:
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
        summary={"rss": found.rss, "pss": found.pss, "uss": found.uss},
        warnings=tuple(f"{one.what}: {one.why}; {one.next}" for one in found.refusals),
    )
