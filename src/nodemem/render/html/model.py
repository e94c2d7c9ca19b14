"""What a report consists of. Rooms fill it with results; no HTML, no prose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nodemem.results import Evidence, Finding, Series, Table

Tone = Literal["bad", "good", "unsure"]


@dataclass(frozen=True)
class Said:
    """A text by its key, with its parameters."""

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lines:
    """Series of one unit over time; `markers` are (seconds, label), `levels` (value, label)."""

    series: tuple[Series, ...]
    markers: tuple[tuple[float, Said], ...] = ()
    levels: tuple[tuple[float, Said], ...] = ()


@dataclass(frozen=True)
class Bars:
    """Bars of the first `top` rows: the column `value` by the column `name`."""

    table: Table
    name: str
    value: str
    top: int = 12


@dataclass(frozen=True)
class Treemap:
    """A tree (a table with a column of role `depth`), its column `size` as areas."""

    table: Table
    name: str = "name"
    size: str = "retained"


@dataclass(frozen=True)
class Path:
    """A retaining path, a row a step, the root first; see `html.path`."""

    table: Table


@dataclass(frozen=True)
class Facts:
    """Single values with their labels (`[evidence]` in the texts)."""

    items: tuple[Evidence, ...]


Block = Lines | Bars | Treemap | Path | Facts | Table


@dataclass(frozen=True)
class Section:
    """One chapter: its heading and lead are the texts `report.<id>.title` and `.intro`."""

    id: str
    blocks: tuple[Block, ...]
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """One file to send to a colleague: verdict, key figures, findings, then the sections.

    `title` is what the report is about. `figures` are the up to four figures to remember.
    `badge` stands for the name of the tone. `subject` says what was looked at, for machines.
    """

    title: Said
    verdict: Said
    tone: Tone
    badge: Said | None = None
    lead: Said | None = None
    figures: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()
    sections: tuple[Section, ...] = ()
    subject: Mapping[str, Any] = field(default_factory=dict)
