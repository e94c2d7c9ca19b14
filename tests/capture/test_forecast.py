"""The forecast of a snapshot: ranges that grow with the heap and never promise too much."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nodemem.capture.contents import Counted
from nodemem.capture.cost_model import Contents, cost, least_file_size
from nodemem.capture.forecast import Forecast, forecast_snapshot
from nodemem.capture.history import Past
from nodemem.records import HeapSpace, MemorySample

SIZES = st.integers(0, 1 << 40)
COUNTS = st.integers(0, 10**9)
VERSIONS = st.sampled_from(["v18.20.8", "v20.18.0", "v20.20.2", "v22.1.0", "v24.1.0", "v99.0.0"])
NAMES = ("pause", "extra_rss", "file_size")


def sample(old: int, large: int) -> MemorySample:
    spaces = [
        HeapSpace(name=name, size=used, used=used, available=0, physical=used)
        for name, used in (("old_space", old), ("large_object_space", large))
    ]
    return MemorySample(
        time=0.0, rss=0, heap_total=old + large, heap_used=old + large, external=0, spaces=spaces
    )


def forecast(old: int, large: int, version: str = "v22.1.0", **options: object) -> Forecast:
    return forecast_snapshot(
        sample(old, large),
        version=version,
        pid=None,
        folder=Path(),
        **options,
    )


def contents(nodes: int, edges: int, names: int, texts: int) -> Contents:
    return Contents(nodes, edges, names, names + texts, 10 * (names + texts), names)


def known(one: Contents, spread: float = 1.3) -> Counted:
    """Counts that may be `spread` times less or more than `one`."""

    def times(factor: float) -> Contents:
        return Contents(*(value * factor for value in dataclasses.astuple(one)))

    return Counted(times(1 / spread), one, times(spread))


def past(**changes: object) -> Past:
    one = Past(
        version="v22.1.0",
        program="p",
        basis="census",
        heap_used=10**8,
        nodes=10**6,
        edges=3 * 10**6,
        pause=2.0,
        file_size=7 * 10**7,
        cpu=2.0,
        extra_rss=2 * 10**8,
        expected_cpu=2.0,
        expected_extra_rss=2e8,
        expected_file_size=7e7,
    )
    return dataclasses.replace(one, **changes)


@given(SIZES, SIZES, SIZES)
def test_ranges_are_ranges_and_grow(old: int, large: int, more: int) -> None:
    small, big = forecast(old, large), forecast(old + more, large)
    for name in NAMES:
        low, high = getattr(small, name).low, getattr(small, name).high
        assert 0 < low <= high
        assert getattr(big, name).low >= low
        assert getattr(big, name).high >= high


@given(VERSIONS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.floats(1.0, 3.0))
def test_ranges_from_counts_are_no_wider_than_four_times_and_grow(
    version: str, nodes: int, edges: int, names: int, texts: int, more: int, spread: float
) -> None:
    less = contents(nodes, edges, names, texts)
    greater = contents(nodes + more, edges + more, names + more, texts + more)
    small = forecast(10**8, 0, version, counted=known(less, spread))
    big = forecast(10**8, 0, version, counted=known(greater, spread))
    for name, nothing in (("pause", 1.0), ("extra_rss", 100e6), ("file_size", 24e6)):
        low, high = getattr(small, name).low, getattr(small, name).high
        assert 0 <= low <= high
        assert high <= max(nothing, 4.001 * low)
        assert getattr(big, name).high >= high * 0.999
    assert small.basis == big.basis == "census"


@given(VERSIONS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_more_costs_more(version: str, nodes: int, edges: int, names: int, texts: int) -> None:
    less = cost(contents(nodes, edges, names, texts), version)
    for greater in (
        contents(nodes + 1000, edges, names, texts),
        contents(nodes, edges + 1000, names, texts),
        contents(nodes, edges, names + 1000, texts),
        contents(nodes, edges, names, texts + 1000),
    ):
        more = cost(greater, version)
        assert more.cpu >= less.cpu
        assert more.extra_rss >= less.extra_rss
        assert more.file_size > less.file_size
    if edges > nodes:  # as in every heap
        assert least_file_size(nodes, edges) <= less.file_size


@given(SIZES)
def test_large_arrays_are_dearer_at_the_upper_end_only(used: int) -> None:
    assert forecast(0, used).extra_rss.high >= forecast(used, 0).extra_rss.high
    assert forecast(0, used).extra_rss.low <= forecast(used, 0).extra_rss.low


def test_older_releases_take_longer() -> None:
    pauses = [forecast(10**8, 10**6, v).pause.high for v in ("v18.1.0", "v20.1.0", "v24.1.0")]
    assert pauses == sorted(pauses, reverse=True)
    crowded = known(contents(10**6, 3 * 10**6, 800_000, 800_000))
    pauses = [
        forecast(10**8, 0, version, counted=crowded).pause.high
        for version in ("v18.20.8", "v20.18.0", "v22.1.0")
    ]
    assert pauses[0] > pauses[1] > 5 * pauses[2]


def test_what_is_counted_is_better_known_than_bytes_are() -> None:
    blind = forecast(10**8, 0)
    counted = forecast(10**8, 0, counted=known(contents(10**6, 3 * 10**6, 10_000, 10_000)))
    assert blind.basis == "heap statistics"
    assert blind.expected is None
    assert counted.expected is not None
    for name in NAMES:
        wide, narrow = getattr(blind, name), getattr(counted, name)
        assert narrow.high / narrow.low < wide.high / wide.low


def test_an_earlier_snapshot_of_the_program_stands_in_for_counts() -> None:
    found = forecast(10**8, 0, program="p", past=[past()])
    assert found.basis == "earlier snapshot"
    assert found.extra_rss.low < 2 * 10**8 < found.extra_rss.high
    assert found.extra_rss.high / found.extra_rss.low < 4
    grown = forecast(2 * 10**8, 0, program="p", past=[past()])
    assert grown.extra_rss.high > 2 * found.extra_rss.high * 0.99
    other = forecast(10**8, 0, program="q", past=[past()])
    newer = forecast(10**8, 0, "v24.1.0", program="p", past=[past()])
    assert other.basis == newer.basis == "heap statistics"
    unseen = forecast(10**8, 0, program="p", past=[past(extra_rss=None)])
    assert unseen.extra_rss == forecast(10**8, 0).extra_rss


def test_what_happened_moves_the_next_forecast() -> None:
    counted = known(contents(10**6, 3 * 10**6, 10_000, 10_000))
    before = forecast(10**8, 0, counted=counted, program="p")
    slow = [past(cpu=4.0, program="other")] * 3
    after = forecast(10**8, 0, counted=counted, program="p", past=slow)
    assert after.pause.high == 2 * before.pause.high, "the machine is half as fast"
    assert after.extra_rss == before.extra_rss, "of another program"
    more = [past(extra_rss=3 * 10**8)]
    after = forecast(10**8, 0, counted=counted, program="p", past=more)
    assert after.extra_rss.high == 1.5 * before.extra_rss.high
    absurd = forecast(10**8, 0, counted=counted, program="p", past=[past(extra_rss=10**15)])
    assert absurd.extra_rss.high < 3 * before.extra_rss.high


def test_numbers_make_it_dearer_unless_they_were_in_already() -> None:
    counted = known(contents(10**6, 3 * 10**6, 10_000, 10_000))
    plain = forecast(10**8, 0, counted=counted)
    numeric = forecast(10**8, 0, counted=counted, numeric=True)
    assert numeric.extra_rss.high > 2 * plain.extra_rss.high
    assert numeric.extra_rss.low == plain.extra_rss.low
    had = [past(numeric=True, basis="heap statistics")]
    again = forecast(10**8, 0, numeric=True, program="p", past=had)
    assert again.basis == "earlier snapshot"
    assert again.extra_rss.high < 4 * 10**8


def test_room_is_compared_with_the_upper_end() -> None:
    known_ = forecast(10**8, 0)
    assert known_.fits_memory, "no limit in sight"
    high = int(known_.extra_rss.high)
    for room, fits in ((high + 1, True), (high - 1, False)):
        limited = dataclasses.replace(known_, memory_room=room, memory_limit=room)
        assert limited.fits_memory is fits
    assert not dataclasses.replace(known_, disk_room=1).fits_disk
    assert dataclasses.replace(known_, machine_room=high + 1).fits_machine
    assert not dataclasses.replace(known_, machine_room=high - 1).fits_machine


def test_a_folder_that_is_not_there_has_unknown_room(tmp_path: Path) -> None:
    found = forecast_snapshot(sample(1, 1), version="v22", pid=None, folder=tmp_path / "none")
    assert found.disk_room is None
    assert found.fits_disk
