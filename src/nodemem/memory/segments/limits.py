"""What limits the memory of a process besides V8's own limit: its control groups, the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nodemem.records import ControlGroup, Observed, Pressure

Then = Literal["process", "group", "wait", "slowed"]


@dataclass(frozen=True)
class Nearest:
    """The limit that leaves the least room, bytes; None is unknown.

    `used` leaves out page cache that is given up at once, and `room` is what is left then;
    `most_room` counts all caches as given up: the kernel tries that before it kills. `own` is
    whether the limit is that of the process's own group: Node.js looks at no other when it chooses
    the size of its heap. `then` says what happens at the limit: the kernel kills one `process`, or
    the whole `group`, lets it `wait`, or has it `slowed` by having to give up memory first.
    """

    kind: Literal["container", "machine"]
    path: str | None
    limit: int
    used: int | None
    room: int | None
    most_room: int | None
    own: bool
    then: Then


@dataclass(frozen=True)
class Machine:
    """The machine's memory, and what of it is still to be had; bytes, None is unknown."""

    limit: int | None = None
    room: int | None = None


@dataclass(frozen=True)
class Limits:
    """`groups` are the control groups of the process, the own one first; `pressure` is how much all
    programs of the machine together wait for memory."""

    groups: tuple[ControlGroup, ...] = ()
    machine: Machine = Machine()
    pressure: Pressure | None = None

    @property
    def limit(self) -> int | None:
        """The smallest limit of the groups: the one in force."""
        return min((one.limit for one in self.groups if one.limit is not None), default=None)

    @property
    def nearest(self) -> Nearest | None:
        """Where memory runs out first, as far as it can be seen."""
        found = [_of_group(one, own=n == 0) for n, one in enumerate(self.groups)]
        known = [one for one in found if one is not None]
        if self.machine.limit is not None:
            known.append(
                Nearest(
                    kind="machine",
                    path=None,
                    limit=self.machine.limit,
                    used=None,
                    room=self.machine.room,
                    most_room=self.machine.room,
                    own=False,
                    then="process",
                )
            )
        order = sorted(known, key=lambda one: (one.room is None, one.room or 0))
        return order[0] if order else None


def of(seen: Observed) -> Limits:
    """What was seen of the limits of a process."""
    return Limits(tuple(seen.groups), Machine(seen.machine_limit, seen.machine_room), seen.pressure)


def _of_group(one: ControlGroup, *, own: bool) -> Nearest | None:
    if one.limit is None:
        return None
    return Nearest(
        kind="container",
        path=one.path,
        limit=one.limit,
        used=one.used,
        room=one.room,
        most_room=one.most_room,
        own=own,
        then="slowed" if one.slows else one.at_limit,
    )
