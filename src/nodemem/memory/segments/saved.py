"""A memory map from the JSON form that it was saved in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodemem.errors import InputError
from nodemem.memory.segments.limits import Limits, Machine
from nodemem.memory.segments.types import (
    Category,
    Check,
    Isolate,
    MemoryMap,
    Outside,
    Refusal,
    V8Space,
)
from nodemem.memory.segments.who import Who, from_data
from nodemem.records import ControlGroup, Pressure
from nodemem.results import Finding, saved

_MOST = 1 << 62  # bytes; no machine has more


@dataclass(frozen=True)
class _Check:
    name: str
    found: int
    told: int


@dataclass(frozen=True)
class _Data:
    """`MemoryMap.to_data`, as far as it is not worked out from the rest."""

    rss: int
    categories: list[Category]
    uss: int | None = None
    outside: Outside = field(default_factory=Outside)
    spaces: list[V8Space] = field(default_factory=list)
    isolates: list[Isolate] = field(default_factory=list)
    checks: list[_Check] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    groups: list[ControlGroup] = field(default_factory=list)
    pressure: Pressure | None = None
    machine: Machine = field(default_factory=Machine)
    findings: list[Finding] = field(default_factory=list)
    remarks: list[Finding] = field(default_factory=list)


def read(path: Path) -> tuple[Who, MemoryMap]:
    """Whose map is in a file of `nodemem map --json`, and the map.

    Raises:
        InputError: it cannot be read, is no such file, is damaged, does not add up, or needs a
            newer nodemem.
    """
    subject, data = saved.read(path, "map", _Data)
    figures = [data.rss, data.uss or 0, *_figures(data.categories)]
    if not all(0 <= figure < _MOST for figure in figures):
        raise InputError(f"{path} is damaged", why="a size in it is out of range")
    if sum(one.rss for one in data.categories) != data.rss:
        raise InputError(f"{path} is damaged", why="its categories do not add up to its RSS")
    return from_data(subject), MemoryMap(
        rss=data.rss,
        categories=data.categories,
        private=data.uss,
        outside=data.outside,
        limits=Limits(tuple(data.groups), data.machine, data.pressure),
        spaces=tuple(data.spaces),
        isolates=tuple(data.isolates),
        checks=tuple(Check(one.name, one.found, one.told) for one in data.checks),
        refusals=tuple(data.refusals),
        unseen=tuple(data.unseen),
        findings=tuple(data.findings),
        remarks=tuple(data.remarks),
    )


def _figures(categories: list[Category]) -> list[Any]:
    return [
        figure for one in categories for figure in (one.rss, one.pss, one.uss) if figure is not None
    ]
