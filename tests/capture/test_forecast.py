"""The forecast of a snapshot: ranges that grow with the heap and never promise too much."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nodemem.capture.forecast import Forecast, forecast_snapshot
from nodemem.records import HeapSpace, MemorySample

SIZES = st.integers(0, 1 << 40)


def sample(old: int, large: int) -> MemorySample:
    spaces = [
        HeapSpace(name=name, size=used, used=used, available=0, physical=used)
        for name, used in (("old_space", old), ("large_object_space", large))
    ]
    return MemorySample(
        time=0.0, rss=0, heap_total=old + large, heap_used=old + large, external=0, spaces=spaces
    )


def forecast(old: int, large: int, version: str = "v22.1.0") -> Forecast:
    return forecast_snapshot(sample(old, large), version=version, pid=None, folder=Path())


@given(SIZES, SIZES, SIZES)
def test_ranges_are_ranges_and_grow(old: int, large: int, more: int) -> None:
    small, big = forecast(old, large), forecast(old + more, large)
    for name in ("pause", "extra_rss", "file_size"):
        low, high = getattr(small, name).low, getattr(small, name).high
        assert 0 < low <= high
        assert getattr(big, name).low >= low
        assert getattr(big, name).high >= high


@given(SIZES)
def test_large_arrays_are_dearer_at_the_upper_end_only(used: int) -> None:
    assert forecast(0, used).extra_rss.high >= forecast(used, 0).extra_rss.high
    assert forecast(0, used).extra_rss.low <= forecast(used, 0).extra_rss.low


def test_older_releases_take_longer() -> None:
    pauses = [forecast(10**8, 10**6, v).pause.high for v in ("v18.1.0", "v20.1.0", "v24.1.0")]
    assert pauses == sorted(pauses, reverse=True)


def test_room_is_compared_with_the_upper_end() -> None:
    known = forecast(10**8, 0)
    assert known.fits_memory, "no limit in sight"
    high = int(known.extra_rss.high)
    for room, fits in ((high + 1, True), (high - 1, False)):
        limited = Forecast(
            known.pause, known.extra_rss, known.file_size, room, room, known.disk_room
        )
        assert limited.fits_memory is fits
    assert not Forecast(known.pause, known.extra_rss, known.file_size, None, None, 1).fits_disk


def test_a_folder_that_is_not_there_has_unknown_room(tmp_path: Path) -> None:
    found = forecast_snapshot(sample(1, 1), version="v22", pid=None, folder=tmp_path / "none")
    assert found.disk_room is None
    assert found.fits_disk
