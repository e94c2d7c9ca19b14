"""Conclusions: each is drawn from what shows it, and from nothing else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nodemem.api.gc import GcReport, summarize_gc_logs
from nodemem.gc.collected import Collected
from nodemem.gc.findings import findings
from nodemem.records import GcEvent
from nodemem.render import to_text
from nodemem.render.texts import load_texts

LOGS = Path(__file__).with_name("logs")
MB = 1_000_000
RELEASES = ("node18", "node20", "node22", "node24", "node26")


def conclude(events: list[GcEvent]) -> dict[str, Any]:
    collected = Collected()
    for event in events:
        collected.add(event)
    found = findings(collected.sorted()[0])
    for finding in found:
        assert finding.evidence
        for lang in ("en", "ko"):
            assert to_text(finding, load_texts(lang)).startswith("●")
    return {finding.id.removeprefix("gc."): finding for finding in found}


def major(time: float, before: int, after: int, **columns: Any) -> GcEvent:
    return GcEvent("major", time=time, pause=0.02, used_before=before, used_after=after, **columns)


@pytest.mark.parametrize("release", RELEASES)
def test_programs_that_ran_out_of_memory(release: str) -> None:
    """With the releases whose last collections are in the log; 20 and 22 died in the midst."""
    report = summarize_gc_logs([LOGS / release / "oom.trace-gc.log"])
    found = {finding.id for finding in report.findings}
    assert ("gc.near_limit" in found) == (release == "node26")


@pytest.mark.parametrize("release", RELEASES)
def test_healthy_programs(release: str) -> None:
    # Up to 20 new space began so small that a sixth of what this server makes came to old space,
    # and five major collections found nearly all of it dead.
    expected = ["gc.premature_promotion"] if release in ("node18", "node20") else []
    for log in ("jsonhttp.trace-gc.log", "jsonhttp.trace-gc-nvp.log"):
        report = summarize_gc_logs([LOGS / release / log])
        assert [finding.id for finding in report.findings] == expected


def test_a_heap_near_its_limit() -> None:
    full = [major(i, 98 * MB, 96 * MB, utilization=0.1, heap_limit=250 * MB) for i in range(4)]
    assert conclude(full)["near_limit"].params == {"live": 96 * MB}
    assert "near_limit" not in conclude([e.replaced(utilization=0.9) for e in full])
    assert "near_limit" not in conclude([e.replaced(used_after=50 * MB) for e in full])
    assert "near_limit" not in conclude(full[:3])
    resort = [major(1, 90 * MB, 80 * MB), major(2, 90 * MB, 80 * MB, cause="last resort")]
    assert conclude(resort)["near_limit"].confidence == 0.95


def test_calls_of_gc_say_nothing_of_a_limit() -> None:
    called = [major(i, 98 * MB, 96 * MB, utilization=0.1, cause="testing") for i in range(5)]
    found = conclude(called)
    assert "near_limit" not in found
    assert found["forced"].params == {"count": 5}
    unknown = conclude([event.replaced(cause=None) for event in called])
    assert "near_limit" not in unknown, "neither a cause nor a limit is known"
    assert unknown["unexplained"].params == {"count": 4, "total": 5}


def test_a_limit_that_allows_less_than_v8_always_waits_for() -> None:
    """8 MiB of growth, but for the limit: where external memory is known not to have grown."""
    events = [
        major(i, 98 * MB, 95 * MB, cause="allocation limit", external_after=1 * MB)
        for i in range(5)
    ]
    assert conclude(events)["near_limit"].evidence[-2].value == 4
    assert "near_limit" not in conclude([e.replaced(used_before=104 * MB) for e in events])
    without = conclude([e.replaced(external_after=None) for e in events])
    assert {"near_limit", "unexplained"} & set(without) == {"unexplained"}


def test_a_limit_that_leaves_less_than_new_space() -> None:
    def events(room: int) -> list[GcEvent]:
        pairs = [
            (
                major(i, 130 * MB, 95 * MB, new_capacity=16 * MB),
                GcEvent("minor", time=i + 0.5, old_limit=95 * MB + room, new_capacity=16 * MB),
            )
            for i in range(3)
        ]
        return [event for pair in pairs for event in pair]

    assert "near_limit" in conclude(events(9 * MB))
    assert "near_limit" not in conclude(events(20 * MB))


def test_the_zone_in_which_each_major_collection_starts_the_next() -> None:
    """Old generation 200 MiB, semi-spaces of 64 MiB: from 72 MiB on."""
    limit, semi = (200 + 3 * 64) << 20, 64 << 20
    for live, expected in ((80 << 20, True), (60 << 20, False)):
        events = [
            major(i, live + 30 * MB, live, heap_limit=limit, new_capacity=semi) for i in range(3)
        ]
        assert ("near_limit" in conclude(events)) == expected


def test_what_is_alive_grows() -> None:
    rising = [major(i, (40 + 3 * i) * MB, (20 + 2 * i) * MB) for i in range(12)]
    assert conclude(rising)["live_rising"].params["growth"] == 16 * MB
    full = [major(i, 60 * MB, (20 + 2 * min(i, 3)) * MB) for i in range(12)]
    assert "live_rising" not in conclude(full)  # a cache that has filled
    saw = [major(i, 60 * MB, (20 + 9 * (i % 3)) * MB) for i in range(12)]
    assert "live_rising" not in conclude(saw)


def test_growth_that_has_ended_is_none() -> None:
    """A table that is loaded: major collections while it grows, one soon after, none later."""
    loading = [major(i / 4, (30 + 20 * i) * MB, (20 + 20 * i) * MB) for i in range(7)]
    minor = [GcEvent("minor", time=2 + i, pause=0.001) for i in range(20)]
    assert "live_rising" in conclude(loading)
    assert "live_rising" not in conclude([*loading, *minor])
    flat = [major(2 + i, 160 * MB, 140 * MB) for i in range(6)]
    assert "live_rising" not in conclude([*loading, *flat])


def test_external_memory() -> None:
    outside = [
        major(i, 9 * MB, 5 * MB, cause="external memory pressure", external_before=200 * MB)
        for i in range(3)
    ]
    inside = [major(i, 29 * MB, 5 * MB, cause="allocation limit") for i in range(3, 6)]
    finding = conclude(outside + inside)["external"]
    assert finding.params == {"count": 3, "total": 6}
    assert finding.evidence[2].value == 200 * MB
    assert "external" not in conclude(inside)


def test_external_memory_where_no_cause_is_told() -> None:
    known: dict[str, Any] = {"forced": False, "heap_limit": 2000 * MB}

    def events(before: int, after: int, grown: int = 4 * MB) -> list[GcEvent]:
        sizes: dict[str, Any] = {"external_before": before, "external_after": after}
        return [major(i, 5 * MB + grown, 5 * MB, **sizes, **known) for i in range(6)]

    found = conclude(events(90 * MB, 20 * MB))["external"]
    assert (found.params["count"], found.confidence) == (5, 0.7)
    assert found.evidence[1].value == 5, "all of them inferred"
    assert "external" in conclude(events(200 * MB, 200 * MB))
    assert "external" not in conclude(events(200 * MB, 200 * MB, grown=30 * MB))
    assert "external" not in conclude(events(9 * MB, 9 * MB))
    assert "external" not in conclude(events(200 * MB, 200 * MB)[:3])


def cycles(entering: int, live: int, *, allocated: int = 40 * MB) -> list[GcEvent]:
    """Four times: ten minor collections, then a major one."""
    events = []
    for k in range(4):
        for i in range(11):
            used = live + entering * i // 10
            events.append(
                GcEvent(
                    "minor",
                    time=k + i / 20,
                    pause=0.001,
                    used_before=used + MB,
                    used_after=used,
                    allocated=allocated // 10,
                )
            )
        events.append(major(k + 0.9, live + entering + MB, live, allocated=MB))
    return events


def test_premature_promotion() -> None:
    found = conclude(cycles(20 * MB, 6 * MB))["premature_promotion"]
    # Half of what is allocated comes to old space, and lives on until 12 MB more are.
    assert found.params == {"entered": 60 * MB, "part": 1.0, "semi": 16}
    assert found.evidence[3].value == pytest.approx(12 * MB, rel=0.01)
    assert "premature_promotion" not in conclude(cycles(20 * MB, 90 * MB)), "a large cache"
    assert "premature_promotion" not in conclude(cycles(2 * MB, 6 * MB)), "little"
    assert "premature_promotion" not in conclude(cycles(20 * MB, 6 * MB)[:24]), "one interval"
    growing = cycles(20 * MB, 6 * MB)
    for at in range(11, 48, 12):
        growing[at] = growing[at].replaced(used_after=(6 + at) * MB)
    assert "premature_promotion" not in conclude(growing), "it stays"


@pytest.mark.parametrize(("kind", "other"), [("minor", "major"), ("major", "minor")])
def test_much_time(kind: Any, other: Any) -> None:
    def events(pause: float) -> list[GcEvent]:
        most = [GcEvent(kind, time=i / 10, pause=pause, cause="task") for i in range(50)]
        return [*most, GcEvent(other, time=5, pause=0.01)]

    found = conclude(events(0.04))[f"time_{kind}"]
    assert found.params["part"] == pytest.approx(0.4, abs=0.02)
    assert found.evidence[4].value == "task"
    assert f"time_{kind}" not in conclude(events(0.005))
    at_first = [event.replaced(time=(event.time or 0) / 10) for event in events(0.004)]
    late = GcEvent("minor", time=0.6, pause=0.001)
    assert f"time_{kind}" in conclude([*at_first, late])
    assert f"time_{kind}" not in conclude([*at_first, late.replaced(time=1.2)]), "only at first"


def test_standing_still_for_the_processor() -> None:
    def events(cpu: float) -> list[GcEvent]:
        return [GcEvent("minor", time=i / 10, pause=0.04, cpu=cpu) for i in range(50)]

    assert set(conclude(events(0.002))) == {"waiting"}
    assert set(conclude(events(0.03))) == {"time_minor"}


def test_callbacks() -> None:
    short = [GcEvent("minor", time=i, pause=0.002, callbacks=0.0001) for i in range(9)]
    assert "callbacks" not in conclude(short)
    long = [GcEvent("major", time=9 + i, pause=0.5, callbacks=0.015) for i in range(3)]
    assert conclude([*short, *long])["callbacks"].params["longest"] == 0.015
    assert "callbacks" not in conclude([*short, *long[:2]]), "the machine was busy, perhaps"
    much = GcEvent("major", time=9, pause=0.15, callbacks=0.06)
    assert conclude([*short, much])["callbacks"].params["longest"] == 0.06


def test_the_memory_reducer() -> None:
    idle = [major(10 * i, 9 * MB, 5 * MB, reduce=True) for i in range(3)]
    assert conclude(idle)["reducing"].params["count"] == 3
    assert "reducing" not in conclude(idle[:1])


def test_external_memory_of_a_real_program(any_node: Path, tmp_path: Path) -> None:
    source = """
      let n = 0;
      const kept = [];
      const timer = setInterval(() => {
        for (let i = 0; i < 10; i++) kept.push(Buffer.alloc(3e6));
        kept.splice(0, kept.length - 40);
        if (++n > 40) clearInterval(timer);
      }, 2);
    """
    log = tmp_path / "gc.log"
    with log.open("wb") as file:
        subprocess.run([str(any_node), "--trace-gc", "-e", source], stdout=file, check=True)
    report = summarize_gc_logs([log])
    assert "gc.external" in {finding.id for finding in report.findings}
    assert isinstance(report, GcReport)
    json.dumps(report.figures.to_data()["triggers"])
