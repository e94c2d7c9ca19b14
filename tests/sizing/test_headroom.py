"""Which limit is met first, and what about the limits looks wrong."""

from __future__ import annotations

from typing import Any

from nodemem.records import GroupMemory, ProcessSample, Resident
from nodemem.sizing import headroom
from nodemem.sizing.headroom import Situation

MB = 1 << 20


def situation(
    *, before: int = 100, after: int = 100, groups: Any = (), events: Any = None, **known: Any
) -> Situation:
    """Two readings 5 s apart; sizes in MiB."""
    readings = [
        ProcessSample(
            time=t, resident=Resident(rss=rss * MB), groups=list(groups), events=events or {}
        )
        for t, rss in ((0.0, before), (5.0, after))
    ]
    return Situation(pid=7, before=readings[0], after=readings[1], **known)


def ids(seen: Situation) -> list[str]:
    return [finding.id for finding in headroom.findings(seen)]


def group(limit: int, used: int, path: str = "/app") -> GroupMemory:
    return GroupMemory(path=path, limit=limit * MB, used=used * MB)


def test_the_least_room_is_met_first() -> None:
    seen = situation(
        groups=[group(512, 100), group(256, 200, "/pod")],
        heap_limit=128 * MB,
        heap_used=90 * MB,
        machine_limit=9000 * MB,
        machine_room=50 * MB,
    )
    found = headroom.bounds(seen)
    assert [(b.kind, b.room and b.room // MB) for b in found] == [
        ("heap", 38),
        ("machine", 50),
        ("container", 56),
        ("container", 412),
    ]
    assert headroom.first(found) is found[0]


def test_unknown_is_last_and_never_first() -> None:
    found = headroom.bounds(situation())
    assert [bound.kind for bound in found] == ["heap"]
    assert found[0].room is None
    assert headroom.first(found) is None


def test_growth_within_the_noise_has_no_rate() -> None:
    assert situation(before=1000, after=1009).rate is None
    assert situation(before=10, after=13).rate is None
    assert situation(before=100, after=90).rate is None
    assert situation(before=100, after=150).rate == 10 * MB


def test_time_left_is_room_by_rate() -> None:
    seen = situation(before=100, after=150, groups=[group(256, 156)])
    bound = headroom.first(headroom.bounds(seen))
    assert bound is not None
    assert headroom.seconds_left(bound, seen.rate) == 10
    assert ids(seen) == ["triage.soon", "triage.growing"]


def test_a_quiet_process_with_room_has_no_findings() -> None:
    seen = situation(groups=[group(512, 100)], heap_limit=256 * MB, heap_used=50 * MB, state="S")
    assert ids(seen) == []


def test_what_looks_wrong_is_found() -> None:
    assert ids(situation(state="T")) == ["triage.stopped"]
    assert ids(situation(groups=[group(512, 500)])) == ["triage.close.container"]
    assert ids(situation(groups=[group(512, 10)], heap_limit=513 * MB)) == [
        "triage.heap_above_container"
    ]
    assert ids(situation(groups=[group(512, 10)], events={"oom_kill": 2})) == ["triage.oom_kills"]
    assert ids(situation(mappings=60_000, mappings_limit=65_530)) == ["triage.mappings"]


def test_a_limit_that_only_slows_is_not_told_as_one_that_kills() -> None:
    soft = GroupMemory(path="/app", limit=100 * MB, used=95 * MB, slows=True)
    assert "triage.close.slowing" in ids(situation(groups=[soft]))
    hard = GroupMemory(path="/app", limit=100 * MB, used=95 * MB)
    assert "triage.close.container" in ids(situation(groups=[hard]))
