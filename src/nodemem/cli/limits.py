"""nodemem limits [PID]"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nodemem.cli._frame import Output, verb

if TYPE_CHECKING:
    from nodemem.api.limits_report import LimitsReport
    from nodemem.results import Table

_MIB = "MiB"


@verb(
    "limits",
    example=[
        "nodemem limits 4242",
        "nodemem limits 4242 --cgroup 512m",
        "nodemem limits --node 24 --memory 2g",
        "nodemem limits --node 22 --memory 16g --cgroup 1g --max-old-space-size 700 --json",
        "nodemem limits --table",
    ],
)
@click.argument("pid", required=False, type=int)
@click.option("--node", metavar="RELEASE", help="24, 22.20, v20.18.0  [default: the one on PATH]")
@click.option(
    "--memory", metavar="SIZE", help="Memory of the machine, as 2g  [default: this one's]"
)
@click.option(
    "--cgroup", metavar="SIZE", help="Limit of the control group (the container): 1g, or max"
)
@click.option(
    "--cgroup-version",
    type=click.Choice(["1", "2"]),
    help="Of control groups; before 20.3 Node.js sees version 1 only  [default: 2]",
)
@click.option("--bits", type=click.Choice(["32", "64"]), help="Of the program  [default: 64]")
@click.option("--max-old-space-size", type=int, metavar=_MIB, help="As the flag of Node.js")
@click.option("--max-semi-space-size", type=int, metavar=_MIB, help="As the flag of Node.js")
@click.option("--min-semi-space-size", type=int, metavar=_MIB, help="As the flag of Node.js")
@click.option("--max-heap-size", type=int, metavar=_MIB, help="As the flag of Node.js")
@click.option(
    "--max-old-space-size-percentage", type=float, metavar="N", help="As the flag of Node.js"
)
@click.option("--optimize-for-size", is_flag=True, default=None, help="As the flag of Node.js")
@click.option("--lite-mode", is_flag=True, default=None, help="As the flag of Node.js")
@click.option("--minor-ms", is_flag=True, default=None, help="As the flag of Node.js")
@click.option("--minor-mc", is_flag=True, default=None, help="As the flag of Node.js")
@click.option(
    "--huge-max-old-generation-size/--no-huge-max-old-generation-size",
    default=None,
    help="As the flag of Node.js",
)
@click.option("--processes", type=int, metavar="N", help="That many alike share the container")
@click.option("--attach", is_flag=True, help="Open the inspector too, to ask V8 and the workers")
@click.option("--table", is_flag=True, help="The default limits of all releases instead")
def command(
    out: Output,
    pid: int | None,
    node: str | None,
    memory: str | None,
    cgroup: str | None,
    cgroup_version: str | None,
    bits: str | None,
    processes: int | None,
    attach: bool,
    table: bool,
    **flags: Any,
) -> None:
    """The limits of the V8 heap and which rule made each of them, what ends the process at the
    limit, and what to set instead.

    With a PID they are those of a running process, from its command line, NODE_OPTIONS, control
    groups and memory, without touching it; --cgroup and --processes then ask what if. Without one
    they are those that a Node.js release takes with the memory and flags that are given; nothing is
    run. Sizes are in bytes or with a suffix (k, m, g) that is a power of 1024; flags are in MiB, as
    in Node.js.
    """
    from nodemem.errors import UsageError

    given = {name: value for name, value in flags.items() if value is not None}
    alone = {
        "--node": node,
        "--memory": memory,
        "--cgroup-version": cgroup_version,
        "--bits": bits,
        **{"--" + name.replace("_", "-"): value for name, value in given.items()},
    }
    asked = [name for name, value in alone.items() if value is not None]
    if table:
        if pid is not None or asked or cgroup or processes is not None or attach:
            raise UsageError("the table takes no other options", next="nodemem limits --table")
        _show_table(out)
    elif pid is not None:
        if asked:
            raise UsageError(
                f"{asked[0]} goes without a PID: a process has its own",
                next=f"nodemem limits {pid} --cgroup SIZE asks what if it had such a container",
            )
        _running(out, pid, cgroup, processes, attach=attach)
    else:
        if attach:
            raise UsageError("--attach goes with a PID", next="nodemem ps lists processes")
        count = 1 if processes is None else processes
        _hypothetical(out, node, memory, cgroup, cgroup_version, bits, count, given)


def _running(
    out: Output, pid: int, cgroup: str | None, processes: int | None, *, attach: bool
) -> None:
    from nodemem.api.limits import group_limit
    from nodemem.api.limits_running import limits

    what_if = None if cgroup is None else group_limit(cgroup)
    found = limits(pid, cgroup=what_if, processes=processes, attached=attach)
    facts = found.facts
    subject = {"pid": pid, "version": facts and facts.version, "script": facts and facts.script}
    _show(out, found, subject)


def _hypothetical(
    out: Output,
    node: str | None,
    memory: str | None,
    cgroup: str | None,
    cgroup_version: str | None,
    bits: str | None,
    processes: int,
    flags: dict[str, Any],
) -> None:
    from nodemem.api.limits import group_limit, heap_limits, machine, size
    from nodemem.api.limits_report import report

    total = machine() if memory is None else size(memory)
    asked = None if cgroup is None else group_limit(cgroup)
    container = None if asked == "max" else asked
    found = heap_limits(
        node,
        total,
        container,
        cgroup_version=1 if cgroup_version == "1" else 2,
        bits=32 if bits == "32" else 64,
        **flags,
    )
    bound = None if container is None else min(container, total)
    budget = total if bound is None and memory is not None else bound
    subject = {"node": str(found.node), "memory": total, "cgroup": container}
    _show(out, report(found, total, bound, budget=budget, processes=processes), subject)


def _show(out: Output, found: LimitsReport, subject: dict[str, Any]) -> None:
    if out.format == "text":
        from nodemem.cli._limits_text import lines

        out.write("\n".join(lines(out, found)))
    else:
        out.emit(_table(found), subject=subject, data=found.to_data())


def _table(found: LimitsReport) -> Table:
    """The numbers with their reasons, for CSV and Markdown."""
    from nodemem.results import Column, Table

    limits = found.limits
    values = {
        "memory": limits.memory,
        "max_old_space_size": limits.max_old_space_size,
        "max_semi_space_size": limits.max_semi_space_size,
        "heap_size_limit": limits.heap_size_limit,
    }
    return Table(
        columns=(
            Column("limit", role="name"),
            Column("bytes", unit="bytes"),
            Column("rule", role="kind"),
            Column("origin"),
        ),
        records=[(one.number, values[one.number], one.rule, one.source) for one in limits.reasons],
        findings=found.findings,
    )


def _show_table(out: Output) -> None:
    from nodemem.api.limits_table import limits_table

    found = limits_table()
    if out.format == "text":
        from nodemem.cli._limits_text import table_lines

        out.write("\n".join(table_lines(out, found)))
    else:
        out.emit(found, subject={})


# Flags may be written with underscores, as Node.js takes them.
command.context_settings["token_normalize_func"] = lambda word: word.replace("_", "-")
