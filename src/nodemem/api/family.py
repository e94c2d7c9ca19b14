"""One visit after another to the processes of a tree."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from nodemem.errors import TargetError
from nodemem.target import discover, ports
from nodemem.target.family import Member, family

__all__ = ["Member", "Visit", "family", "visit_each"]

Answer = TypeVar("Answer")
_CLOSES_WITHIN = 10.0
_LOOK_EVERY = 0.05


@dataclass(frozen=True)
class Visit(Generic[Answer]):
    """What came of one visit: an answer, or the reason why there is none."""

    member: Member
    answer: Answer | None = None
    refusal: TargetError | None = None


def visit_each(
    members: Sequence[Member], ask: Callable[[Member], Answer]
) -> Iterator[Visit[Answer]]:
    """Let `ask` visit each process in turn. One that cannot be used does not end it.

    They often share one inspector port, which serves a process at a time. A process whose port is
    still held by one that we have just left, which was too busy to close it, comes last.
    """
    left: set[int] = set()
    later = []
    for member in members:
        visit = _visit(member, ask)
        if visit.refusal is not None and _holder(member.pid) in left:
            later.append(member)
            continue
        left.add(member.pid)
        yield visit
    for member in later:
        until = time.monotonic() + _CLOSES_WITHIN
        while _holder(member.pid) in left and time.monotonic() < until:
            time.sleep(_LOOK_EVERY)
        yield _visit(member, ask)
        left.add(member.pid)


def _visit(member: Member, ask: Callable[[Member], Answer]) -> Visit[Answer]:
    try:
        return Visit(member, answer=ask(member))
    except TargetError as error:
        return Visit(member, refusal=error)


def _holder(pid: int) -> int | None:
    """The other process that listens where the inspector of `pid` would."""
    port = discover.options_of(pid).port
    owner = ports.listener(port, pid) if port else None
    return None if owner == pid else owner
