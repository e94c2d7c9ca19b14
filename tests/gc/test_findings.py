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
from nodemem.records import GcEvent, GcSpace
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
    assert summarize_gc_logs([LOGS / release / "jsonhttp.trace-gc.log"]).findings == []
    report = summarize_gc_logs([LOGS / release / "jsonhttp.trace-gc-nvp.log"])
    # Up to 20 new space began so small that a tenth of what this server makes was promoted, and
    # five major collections found nearly all of it dead.
    expected = ["gc.premature_promotion"] if release in ("node18", "node20") else []
    assert [finding.id for finding in report.findings] == expected


def test_a_heap_near_its_limit() -> None:
    full = [major(i, 98 * MB, 96 * MB, utilization=0.1, heap_limit=110 * MB) for i in range(4)]
    assert conclude(full)["near_limit"].params == {"live": 96 * MB}
    assert "near_limit" not in conclude([e.replaced(utilization=0.9) for e in full])
    assert "near_limit" not in conclude([e.replaced(used_after=50 * MB) for e in full])
    assert "near_limit" not in conclude(full[:3])
    resort = [major(1, 90 * MB, 80 * MB), major(2, 90 * MB, 80 * MB, cause="last resort")]
    assert conclude(resort)["near_limit"].confidence == 0.95


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


def test_external_memory() -> None:
    outside = [
        major(i, 9 * MB, 5 * MB, cause="external memory pressure", external_before=200 * MB)
        for i in range(3)
    ]
    inside = [major(i, 9 * MB, 5 * MB, cause="allocation limit") for i in range(3, 6)]
    finding = conclude(outside + inside)["external"]
    assert finding.params == {"count": 3, "total": 6}
    assert finding.evidence[1].value == 200 * MB
    much = [major(i, 9 * MB, 5 * MB, external_before=200 * MB) for i in range(6)]
    assert conclude(much)["external"].params == {"count": 6, "total": 6}
    assert "external" not in conclude(inside)


def minors(promoted: int) -> list[GcEvent]:
    return [
        GcEvent("minor", time=i / 10, pause=0.001, allocated=10 * MB, promoted=promoted)
        for i in range(20)
    ]


def test_premature_promotion() -> None:
    died = [GcSpace("old_space", used_before=60 * MB, used_after=45 * MB)]
    stays = [GcSpace("old_space", used_before=60 * MB, used_after=59 * MB)]
    dying = [major(3 + i, 70 * MB, 50 * MB, spaces=died) for i in range(3)]
    kept = [major(3 + i, 70 * MB, 50 * MB, spaces=stays) for i in range(3)]
    assert conclude([*minors(2 * MB), *dying])["premature_promotion"].params["part"] == 1.0
    assert "premature_promotion" not in conclude([*minors(2 * MB), *kept])
    assert "premature_promotion" not in conclude([*minors(MB // 10), *dying])
    # From --trace-gc-nvp: what died in new space is known from what survived there.
    nvp = [major(3 + i, 70 * MB, 40 * MB, promoted=2 * MB, survival=0.2) for i in range(3)]
    assert "premature_promotion" in conclude([*minors(2 * MB), *nvp])
    assert "premature_promotion" not in conclude(
        [*minors(2 * MB), *(major(3 + i, 70 * MB, 40 * MB) for i in range(3))]
    )


def test_callbacks() -> None:
    short = [GcEvent("minor", time=i, pause=0.002, callbacks=0.0001) for i in range(9)]
    assert "callbacks" not in conclude(short)
    long = [*short, GcEvent("major", time=9, pause=0.05, callbacks=0.03)]
    assert conclude(long)["callbacks"].params["longest"] == 0.03


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
