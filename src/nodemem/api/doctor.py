"""Is everything here that is needed, and can this process be attached to?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nodemem.api.checks import installation, machine, process
from nodemem.api.checks.check import Check, Status
from nodemem.results import Column, Table

COLUMNS = (
    Column("check", role="name"),
    Column("status", role="kind"),
    Column("found"),
    Column("fix"),
)


@dataclass(frozen=True)
class Checkup:
    """What was looked at, in the order in which it matters; `pid` is the process, if one was."""

    checks: list[Check]
    pid: int | None = None

    @property
    def failed(self) -> bool:
        """Whether something is missing without which nothing can be done."""
        return any(check.status == "fail" for check in self.checks)

    def count(self, status: Status) -> int:
        return sum(check.status == status for check in self.checks)

    def table(self, tell: Callable[[str, Check], str]) -> Table:
        """One row a check. `tell` puts it in words: of the part `label`, or of its reason."""
        return Table(
            columns=COLUMNS,
            records=[
                (tell("label", check), check.status, tell(check.reason, check), check.fix)
                for check in self.checks
            ],
        )

    def to_data(self) -> dict[str, Any]:
        """The JSON form: `values` are what the sentence of each reason is filled with."""
        return {
            "summary": {status: self.count(status) for status in ("ok", "warn", "fail")},
            "rows": [
                {
                    "check": check.name,
                    "status": check.status,
                    "reason": check.reason,
                    "values": check.values,
                    "fix": check.fix,
                }
                for check in self.checks
            ],
        }


def doctor(pid: int | None = None) -> Checkup:
    """Look at this installation, this machine and, if one is named, a process. Nothing is sent to
    any process. Notes of visits that have left nothing behind are deleted on the way.

    Raises:
        TargetNotFound: there is no such process, or it has ended.
    """
    about = [] if pid is None else list(process.checks(pid))
    return Checkup([*installation.checks(), *machine.checks(), *about], pid)


def standing(pid: int) -> dict[str, Any]:
    """How process `pid` can be attached to, for a page that explains it: `inspector` is `closed`,
    `open` or `unknown`, `address` where it listens, `port` where it would (0: any free one), taken
    by process `owner`; `sigusr1` as in `ps`; `clients` are those connected now.

    Raises:
        TargetNotFound: there is no such process, or it is not Node.js.
    """
    return process.standing(pid)
