"""Two maps beside each other: what grew, and when the comparison may mislead."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodemem.api import map_growth
from nodemem.errors import InputError
from nodemem.memory.segments import growth, saved
from nodemem.memory.segments.types import SEGMENTS, Category, MemoryMap, Outside
from nodemem.memory.segments.who import Who
from nodemem.records import (
    MemorySample,
    ProcessFacts,
    ProcessSample,
    Record,
    RecordingWriter,
    Resident,
)
from nodemem.results import envelope, to_json

SCHEMAS = Path(__file__).parents[3] / "docs" / "schemas"
WHO = Who(7, "v22.1.0", "app.js", "boot", 100, 10.0)
LATER = replace(WHO, age=25.0)
NAMES = ("v8_old_space", "malloc_free", "malloc_in_use", "node_text")


def made(*parts: tuple[str, str, str | None, int], **more: Any) -> MemoryMap:
    categories = [Category(*part, None, None, "exact") for part in parts]  # type: ignore[arg-type]
    return MemoryMap(sum(part[3] for part in parts), categories, **more)


PARTS = st.lists(
    st.tuples(
        st.sampled_from(SEGMENTS),
        st.sampled_from(NAMES),
        st.sampled_from([None, "main", "worker 1"]),
        st.integers(0, 1000),
    ),
    max_size=12,
)


@given(PARTS, PARTS, st.sampled_from([(), ("spaces",), ("segments",)]))
def test_rows_add_up_to_both_maps(before: Any, after: Any, unseen: tuple[str, ...]) -> None:
    first, second = made(*before), made(*after, unseen=unseen)
    found = growth.compare((WHO, first), (LATER, second))
    assert sum(row.before for row in found.rows) == first.rss
    assert sum(row.after for row in found.rows) == second.rss
    assert found.growth == sum(row.growth for row in found.rows)
    changes = [abs(row.growth) for row in found.rows]
    assert changes == sorted(changes, reverse=True)
    if not unseen:
        sums: Counter[Any] = Counter()
        for *key, size in after:
            sums[tuple(key)] += size
        for row in found.rows:
            assert row.after == sums[row.segment, row.category, row.isolate]
    else:
        assert "less_seen" in found.doubts
        assert {row.category for row in found.rows} <= {None}


def test_json_is_what_the_schema_says() -> None:
    one = made(("heap", "malloc_in_use", None, 10), outside=Outside(page_tables=5))
    data = json.loads(to_json(growth.compare((WHO, one), (LATER, one)).to_data()))
    schema = json.loads((SCHEMAS / "map-growth.json").read_text())["$defs"]
    assert set(data) == set(schema["GrowthData"]["properties"])
    assert set(data["rows"][0]) == set(schema["GrowthRow"]["properties"])
    whole = json.loads((SCHEMAS / "map.json").read_text())["$defs"]
    assert set(one.to_data()) == set(whole["MapData"]["properties"])
    assert set(data["outside"][0]) == set(schema["GrowthOutside"]["properties"])


def test_order_is_that_of_time_for_one_process_only() -> None:
    small, large = (
        made(("heap", "malloc_in_use", None, 10)),
        made(("heap", "malloc_in_use", None, 30)),
    )
    turned = growth.compare((LATER, large), (WHO, small))
    assert (turned.growth, turned.seconds, turned.doubts) == (20, 15.0, ("swapped",))
    other = replace(WHO, pid=8, age=3.0)
    found = growth.compare((LATER, large), (other, small))
    assert (found.growth, found.seconds, found.doubts) == (-20, None, ("other_process",))
    elsewhere = replace(WHO, boot="another", version="v24.0.0")
    assert growth.compare((WHO, small), (elsewhere, large)).doubts == (
        "other_machine",
        "other_version",
    )
    reused = replace(WHO, started=101)
    assert growth.compare((WHO, small), (reused, large)).doubts == ("other_process",)


def test_workers_that_come_and_go_are_told() -> None:
    first = made(("heap", "v8_old_space", "worker 1", 5), ("heap", "v8_old_space", "worker 2", 5))
    second = made(("heap", "v8_old_space", "worker 1", 5))
    assert growth.compare((WHO, first), (LATER, second)).doubts == ("workers",)


def test_what_a_core_does_not_hold_has_not_grown() -> None:
    core = made(("heap", "malloc_in_use", None, 5), unseen=("files",))
    live = made(("heap", "malloc_in_use", None, 7), ("code", "node_text", None, 90))
    found = growth.compare((WHO, core), (LATER, live))
    assert found.doubts == ("files",)
    assert {row.category: row.growth for row in found.rows} == {
        "malloc_in_use": 2,
        "node_text": 90,
    }


def saved_as(path: Path, data: Any, *, schema: str = "nodemem/map@1", subject: Any = None) -> Path:
    path.write_text(json.dumps({"schema": schema, "subject": subject or {}, "data": data}))
    return path


def test_a_saved_map_is_read_as_it_was(tmp_path: Path) -> None:
    found = made(("heap", "malloc_free", None, 10), ("code", "node_text", None, 5), unseen=("pss",))
    framed = envelope("map", subject=WHO.to_data(), data=found.to_data())
    path = tmp_path / "a.json"
    path.write_bytes(to_json(framed))
    assert saved.read(path) == (WHO, found)


def test_a_map_of_another_version_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    one = {"segment": "heap", "category": "moon_dust", "isolate": None, "rss": 5, "pss": None}
    data = {"rss": 5, "categories": [one | {"uss": None, "exactness": "exact", "more": [1]}]}
    path = saved_as(tmp_path / "a.json", data | {"later": {}}, subject={"pid": "x", "age": 2})
    whose, found = saved.read(path)
    assert whose == Who(age=2)
    assert [category.category for category in found.categories] == ["moon_dust"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no saved map"),
        ("{", "no saved map"),
        ("[" * 100_000, "no saved map"),
        ("\xff\xfe", "no saved map"),
        ('{"schema": "nodemem/ps@1", "data": []}', "no saved map"),
        ('{"schema": "\\u001b[2J", "data": []}', "no saved map"),
        ('{"schema": "nodemem/map@2", "data": []}', "newer nodemem"),
        ('{"schema": "nodemem/map@1", "data": []}', "damaged"),
        ('{"schema": "nodemem/map@1", "data": {"rss": 1, "categories": []}}', "damaged"),
        ('{"schema": "nodemem/map@1", "data": {"rss": 1e400, "categories": []}}', "damaged"),
    ],
)
def test_what_is_no_saved_map(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=told):
        saved.read(path)


@pytest.mark.parametrize("size", [-1, 1 << 63, 1 << 70, 0.5, "1", None])
def test_sizes_that_lie(tmp_path: Path, size: Any) -> None:
    one = {"segment": "heap", "category": "x", "isolate": None, "rss": size, "pss": None}
    data = {"rss": size, "categories": [one | {"uss": None, "exactness": "exact"}]}
    with pytest.raises(InputError, match="damaged"):
        saved.read(saved_as(tmp_path / "a.json", data))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", ".", "pipe", "a\0b"):
        with pytest.raises(InputError):
            saved.read(tmp_path / name)
    with open(tmp_path / "large", "wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(InputError, match="too large"):
        saved.read(tmp_path / "large")


def resident(size: int, *, detailed: bool) -> Resident:
    totals = Resident(rss=100 + size, anonymous=60 + size, file=40, shared=0)
    if not detailed:
        return totals
    return Resident(
        rss=100 + size, anonymous=60 + size, file=40, shared=0, v8=20 + size, c_heap=30, stacks=5,
        code=25, data=15,
    )  # fmt: skip


@pytest.mark.parametrize("last", [True, False])
def test_a_recording_is_compared_by_what_was_read_twice(tmp_path: Path, last: bool) -> None:
    path = tmp_path / "a.ndjson.zst"
    records: list[Record] = [ProcessFacts(pid=7)]
    for time, size, detailed in ((0.0, 0, True), (5.0, 7, False), (20.0, 50, last)):
        records.append(ProcessSample(time=time, resident=resident(size, detailed=detailed)))
    records.append(MemorySample(time=21.0, rss=1, heap_total=1, heap_used=1, external=1))
    with RecordingWriter(path, started=0.0) as writer:
        for record in records:
            writer.write(record)
    found = map_growth.recorded_growth(path)
    assert (found.before.rss, found.after.rss, found.seconds) == (100, 150, 20.0)
    assert found.doubts == ()
    assert found.rows[0].category == ("v8_whole" if last else "anonymous_memory")
    assert found.rows[0].growth == 50
    assert ("segments" in found.before.unseen) is not last


def test_a_recording_with_one_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    with RecordingWriter(path, started=0.0) as writer:
        writer.write(ProcessSample(time=0.0, resident=resident(0, detailed=True)))
    with pytest.raises(InputError, match="nothing to compare"):
        map_growth.recorded_growth(path)
