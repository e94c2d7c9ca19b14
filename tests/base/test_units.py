from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodemem.errors import UsageError
from nodemem.units import (
    format_bytes,
    format_count,
    format_duration,
    format_share,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (48_210, "48.2 kB"),
        (999_999, "1.00 MB"),
        (310_000_000, "310 MB"),
        (5 << 30, "5.37 GB"),
        (-4_000, "-4.00 kB"),
    ],
)
def test_sizes_have_three_significant_digits(size: int, text: str) -> None:
    assert format_bytes(size) == text


def test_binary_sizes_are_named_as_such() -> None:
    assert format_bytes(512 << 20, binary=True) == "512 MiB"


@given(st.integers(min_value=0, max_value=10**17))
def test_a_formatted_size_reads_back_within_its_precision(size: int) -> None:
    assert parse_size(format_bytes(size)) == pytest.approx(size, rel=0.006)


@given(st.integers(min_value=0, max_value=10**16))
def test_size_texts_are_ordered_by_magnitude(size: int) -> None:
    assert len(format_bytes(size)) <= len("-1000 KiB")


@pytest.mark.parametrize(
    ("text", "size"), [("700", 700), ("64k", 64_000), ("1.5 GB", 1_500_000_000), ("2KiB", 2048)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-3", "1e9", "12 parsecs"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1.0), ("500ms", 0.5), ("2m", 120.0), ("0.25", 0.25), ("1H", 3600)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "0", "-1s", "1 day", "9" * 16 + "h", "9" * 400])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a duration"):
        parse_duration(text)


def test_counts_shares_and_durations_read_naturally() -> None:
    assert format_count(48210) == "48,210"
    assert [format_share(s) for s in (0.0, 0.0004, 0.034, 0.78, 1.0)] == [
        "0 %",
        "<0.1 %",
        "3.4 %",
        "78 %",
        "100 %",
    ]
    assert [format_duration(s) for s in (0.00085, 0.0123, 4.2, 185)] == [
        "850 µs",
        "12.3 ms",
        "4.20 s",
        "3 min 05 s",
    ]


def test_containers_count_in_powers_of_1024() -> None:
    sizes = {text: parse_size(text, binary=True) for text in ("1g", "1GB", "1GiB", "1.5k", "7")}
    assert sizes == {"1g": 1 << 30, "1GB": 1 << 30, "1GiB": 1 << 30, "1.5k": 1536, "7": 7}
    assert parse_size("1GB") == 10**9
