"""Write the JSON schemas of what nodemem prints and records, from the types themselves.

    python tools/schemas.py            # docs/schemas/*.json

A test holds the files equal to the types: within one version fields are only added.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import msgspec

from nodemem.memory.segments.growth import Doubt
from nodemem.memory.segments.limits import Machine, Nearest
from nodemem.memory.segments.types import (
    Category,
    Check,
    Isolate,
    Outside,
    Refusal,
    Segment,
    V8Space,
)
from nodemem.records import ControlGroup, MemorySample, Pressure, Record
from nodemem.results import Column, Envelope, Finding, Table, to_json
from nodemem.results.digest import Digest

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"


class TableData(msgspec.Struct):
    """`data` of every command that answers with a table; the keys of a row are the columns'."""

    summary: dict[str, msgspec.Raw]
    columns: list[Column]
    rows: list[dict[str, msgspec.Raw]]
    findings: list[Finding]


class MapData(msgspec.Struct):
    """`data` of map. The `rss` of the categories add up to `rss`, and by segment to `segments`."""

    rss: int
    pss: int | None
    uss: int | None
    segments: dict[Segment, int]
    categories: list[Category]
    unattributed: int
    outside: Outside
    groups: list[ControlGroup]
    limit: int | None
    nearest: Nearest | None
    pressure: Pressure | None
    machine: Machine
    spaces: list[V8Space]
    isolates: list[Isolate]
    checks: list[Check]
    refusals: list[Refusal]
    unseen: list[str]
    findings: list[Finding]
    remarks: list[Finding]


class InTree(msgspec.Struct):
    """One process of a tree; `map` is null where it could not be read."""

    pid: int
    depth: int
    version: str | None
    script: str | None
    map: MapData | None


class MapTreeData(msgspec.Struct):
    """`data` of map --tree; `pss` and `segments` are of all processes together."""

    pss: int | None
    segments: dict[Segment, int] | None
    processes: list[InTree]


class GrowthRow(msgspec.Struct):
    """One category of two maps, bytes; null where it does not apply, or only coarser parts can be
    compared."""

    segment: Segment | None
    category: str | None
    isolate: str | None
    before: int
    after: int
    growth: int


class GrowthOutside(msgspec.Struct):
    """Something besides RSS that both maps know, bytes."""

    name: str
    before: int
    after: int


class GrowthData(msgspec.Struct):
    """`data` of map with two targets, a recording, or --for. The rows add up to the RSS of both."""

    rss_before: int
    rss_after: int
    growth: int
    seconds: float | None
    rows: list[GrowthRow]
    outside: list[GrowthOutside]
    doubts: list[Doubt]


SCHEMAS = {
    "envelope": Envelope,  # all --json output
    "table": TableData,  # `data` of ps, heap ..., map --classes, explain without a topic
    "map": MapData,
    "map-growth": GrowthData,
    "map-tree": MapTreeData,
    "usage": MemorySample,  # `data` of usage
    "digest": Digest,  # what heap digest -o writes, and `data` of its --json
    "recording": Record,  # a line of a recording after its header
}


def schema(name: str) -> bytes:
    """The schema file `name` as it should be."""
    return to_json(_tidy(msgspec.json.schema(SCHEMAS[name])), indent=2) + b"\n"


def _tidy(value: Any) -> Any:
    """Docstrings without their indentation, which Python 3.13 takes away and earlier ones keep."""
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: inspect.cleandoc(item)
        if key == "description" and isinstance(item, str)
        else _tidy(item)
        for key, item in value.items()
    }


def main() -> None:
    assert set(TableData.__struct_fields__) == set(Table((), []).to_data())
    FOLDER.mkdir(exist_ok=True)
    for name in SCHEMAS:
        (FOLDER / f"{name}.json").write_bytes(schema(name))


if __name__ == "__main__":
    main()
