"""Figures against their definitions, by brute force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodemem.gc.collected import collect
from nodemem.gc.course import Course
from nodemem.gc.mmu import Mmu
from nodemem.gc.pauses import Pauses
from nodemem.gc.trend import Trend
from nodemem.records import GcEvent, GcWatch

PAUSES = st.lists(st.integers(0, 5_000_000), min_size=1, max_size=60)


@given(PAUSES)
def test_quantiles_by_nearest_rank(lengths: list[int]) -> None:
    pauses = Pauses()
    pauses.add(length / 1e6 for length in lengths)
    data, ordered = pauses.to_data(), sorted(lengths)
    for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        short = [x for x in ordered if sum(y <= x for y in ordered) >= q * len(ordered)]
        assert data[name] == pytest.approx(short[0] / 1000)
    assert data["max"] == pytest.approx(ordered[-1] / 1000)
    assert data["total"] == pytest.approx(sum(lengths) / 1000)


def test_pauses_that_are_not_known() -> None:
    pauses = Pauses()
    pauses.add([None])
    assert pauses.count == 1
    assert pauses.to_data() == {"total": None, "p50": None, "p95": None, "p99": None, "max": None}
    assert Pauses().to_data()["total"] == 0


# Whole milliseconds, so that windows can be tried at each of them.
SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), min_size=1, max_size=25)


@given(SPANS, st.sampled_from([1, 7, 20, 100]))
def test_mmu_is_that_of_the_worst_window(spans: list[tuple[int, int]], window: int) -> None:
    busy: set[int] = set()
    at, mmu, ends = 0, Mmu(window / 1000), 0
    for gap, length in spans:
        at += gap
        mmu.add([(at / 1000, (at + length) / 1000)])
        busy |= set(range(at, at + length))
        at = ends = at + length
    worst = max(sum(t in busy for t in range(b, b + window)) for b in range(-window, ends + 1))
    found = mmu.utilization(-window / 1000, (ends + window) / 1000)
    assert found == pytest.approx(1 - worst / window, abs=1e-6)


def test_mmu_of_less_than_a_window_is_unknown() -> None:
    mmu = Mmu(1.0)
    mmu.add([(0.1, 0.2)])
    assert mmu.utilization(0.0, 0.9) is None


@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e3)), min_size=1, max_size=300),
    st.integers(1, 300),
)
def test_a_course_loses_no_peak_and_no_second(
    values: list[tuple[float, float]], together: int
) -> None:
    peaks, sums = Course(max), Course(sum)
    for i in range(0, len(values), together):
        some = values[i : i + together]
        times = [time for time, _ in some]
        peaks.add(times, [value for _, value in some])
        sums.add_spans(times, [time + value / 1e3 for time, value in some])
    series = peaks.series("heap", "bytes")
    assert len(series.values) <= 128
    assert max(v for v in series.values if v is not None) == max(v for _, v in values)
    spent = sum(v for v in sums.series("x", "s").values if v is not None)
    assert spent == pytest.approx(sum(v for _, v in values) / 1e3, abs=1e-6)


def test_trend() -> None:
    rising, level = Trend(), Trend()
    for i in range(1000):
        rising.add(i, 10_000 * i)
        level.add(i, 50_000_000 + (-1) ** i * 1000)
    assert rising.slope() == pytest.approx(10_000)
    assert rising.rising() == 1.0
    assert len(rising.points) < 256
    assert level.rising() == pytest.approx(0.5, abs=0.1)
    few = Trend()
    few.add(0, 1)
    assert (few.slope(), few.rising(), few.growth()) == (None, None, None)


def minor(time: float, **columns: object) -> GcEvent:
    return GcEvent("minor", time=time, pause=0.01, **columns)  # type: ignore[arg-type]


def test_rates_and_shares() -> None:
    events = [minor(i, allocated=1000, promoted=10, pid=1, isolate="0x1") for i in range(11)]
    one = collect(events).sorted()[0]
    assert one.seconds == pytest.approx(10.01)
    assert one.rate(one.allocated) == pytest.approx(10_000 / 10.01)
    assert one.share == pytest.approx(0.11 / 10.01)
    data = one.to_data()
    assert (data["allocated_bytes"], data["promoted_bytes"]) == (11_000, 110)
    assert data["survived_bytes"] is None
    assert data["mmu"] == {"10": 0.0, "100": 0.9, "1000": 0.99}


def test_isolates_each_by_itself() -> None:
    events = [minor(i / 10, pid=1, thread=i % 3) for i in range(30)]
    watches = [GcWatch(time=9.0, begun=1.0, events=10, thread=t, pid=1) for t in range(3)]
    collected = collect([*events, *watches])
    assert [one.count for one in collected.sorted()] == [10, 10, 10]
    assert collected.sorted()[0].seconds == 9.0
    assert collected.all().count == 30
    assert collected.all().to_data()["minor"]["pause_ms"]["total"] == 300


def test_memory_does_not_grow_with_the_log() -> None:
    """What is kept is a few hundred values."""

    def events() -> object:
        for i in range(20_000):
            kind = "major" if i % 50 == 0 else "minor"
            yield GcEvent(kind, time=i * 0.02, pause=0.0005 + (i % 997) * 1e-5, used_after=i % 977)

    one = collect(events()).sorted()[0]  # type: ignore[arg-type]
    assert one.count == 20_000
    assert len(one.live.points) <= 256
    assert len(one.longest) == 5
    assert sum(len(mmu._pauses) for mmu in one.mmu) < 1000
