"""nodemem doctor [PID]"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nodemem.cli._frame import Output, verb

if TYPE_CHECKING:
    from nodemem.api.checks.check import Check
    from nodemem.api.doctor import Checkup
    from nodemem.results import Table

_STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


@verb(
    "doctor",
    output=False,
    example=[
        "nodemem doctor",
        "nodemem doctor 4242             can this process be attached to?",
        "nodemem doctor --clean          close what killed runs of nodemem left open",
        "nodemem doctor --clean 4242",
    ],
)
@click.argument("pid", type=click.IntRange(min=1), required=False, metavar="[PID]")
@click.option("--clean", is_flag=True, help="Close inspectors that killed runs left open")
@click.option(
    "--force", is_flag=True, help="With --clean PID: close the inspector whoever opened it"
)
def command(out: Output, pid: int | None, clean: bool, force: bool) -> int:
    """Is everything here that is needed? Each line is ok, warn or fail, with the command that
    helps. With a PID also: can that process be attached to? Nothing is sent to any process.

    --clean closes the inspector of a process if a run of nodemem opened it and was killed before
    it could close it; without a PID, of every such process.

    The exit code is 1 if a line is fail, or something could not be cleaned.
    """
    from nodemem.errors import UsageError

    if force and not (clean and pid):
        raise UsageError("--force goes with --clean PID", next="nodemem doctor --clean PID --force")
    return _clean(out, pid, force=force) if clean else _check(out, pid)


def _check(out: Output, pid: int | None) -> int:
    from nodemem.api.doctor import doctor

    found = doctor(pid)
    if out.format == "text":
        out.write(_lines(out, found))
    else:
        table = found.table(lambda part, check: _tell(out, part, check))
        out.emit(table, subject={} if pid is None else {"pid": pid}, data=found.to_data())
    return int(found.failed)


def _tell(out: Output, part: str, check: Check) -> str:
    return out.texts(f"doctor.{check.name}.{part}", **check.values)


def _lines(out: Output, found: Checkup) -> str:
    """A line a check, its text wrapped beside its name, and below it the command to run."""
    from nodemem.render.terminal import cells, detect, wrap
    from nodemem.render.visible import visible

    terminal = detect(out.color)
    labels = [_tell(out, "label", check) for check in found.checks]
    width = max(map(cells, labels))
    margin = 4 + 2 + width + 2
    lines = []
    for label, check in zip(labels, found.checks, strict=True):
        said = wrap(_tell(out, check.reason, check), terminal.prose - margin, terminal)
        status = terminal.style(f"{check.status:<4}", _STYLES[check.status])
        lines.append(f"{status}  {label}{' ' * (width - cells(label))}  {said[0]}")
        lines += [f"{'':{margin}}{line}" for line in said[1:]]
        if check.fix:
            sign, fix = terminal.style("$", "dim"), terminal.style(visible(check.fix), "green")
            lines.append(f"{'':{margin}}{sign} {fix}")
    counts = {status: found.count(status) for status in ("warn", "fail")}
    key = "all_well" if not any(counts.values()) else "counted"
    return terminal.encodable("\n".join([*lines, "", out.texts(f"doctor.{key}", **counts)]))


def _clean(out: Output, pid: int | None, *, force: bool) -> int:
    from nodemem.api import cleaning

    done = cleaning.clean_all() if pid is None else cleaning.clean(pid, force=force)
    subject = {} if pid is None else {"pid": pid}
    if out.format == "text":
        out.write(_told(out, done))
    else:
        out.emit(done, subject=subject)
    return int("failed" in done.values("outcome"))


def _told(out: Output, done: Table) -> str:
    from nodemem.render.visible import visible

    if not len(done):
        return out.texts("doctor.clean.nothing")
    lines = []
    for row in done.rows():
        lines.append(out.texts(f"doctor.clean.{row['outcome']}", **row))
        if row["fix"]:
            lines.append(f"  $ {visible(row['fix'])}")
    return "\n".join(lines)
